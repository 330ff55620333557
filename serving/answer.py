"""Answers as JSON, joined from pieces that the release holds ready."""

from collections.abc import Sequence

import msgspec

from serving.choice import Choice
from serving.layout import MAX_COUNT
from serving.release import Release

_encode = msgspec.json.encode
_RANKS = [b'%d,"score":' % rank for rank in range(1, MAX_COUNT + 1)]


def item_rows(release: Release, choice: Choice) -> bytes:
    """Returns the chosen rows as a JSON array."""
    # The hottest loop there is: all but the reasons, which are too many, is at hand.
    blob, offsets = release.blob, release.offsets
    n_rows = len(choice.items)
    pieces = [b""] * (4 * n_rows)
    pieces[::4] = release.heads.of(choice.items)
    pieces[1::4] = _RANKS[:n_rows]
    pieces[2::4] = choice.scores
    pieces[3::4] = [blob[offsets[n] : offsets[n + 1]] for n in choice.fragments]
    return b"[" + b"".join(pieces)[1:] + b"]"


def recommendations(release: Release, user_id: str, choice: Choice, age_seconds: int) -> bytes:
    """Returns the body of an answer to `/v1/recommendations`."""
    return (
        b'{"user_id":%b,"release":"%b","age_seconds":%d,"rung":"%b","experiment":null,"items":%b}'
        % (
            _encode(user_id),
            release.id_bytes,
            age_seconds,
            choice.rung.encode(),
            item_rows(release, choice),
        )
    )


def similar(release: Release, item_id: str, item_num: int, count: int, age_seconds: int) -> bytes:
    """Returns the body of an answer to `/v1/items/{item_id}/similar`."""
    return b'{"item_id":%b,"release":"%b","age_seconds":%d,"items":%b}' % (
        _encode(item_id),
        release.id_bytes,
        age_seconds,
        neighbour_rows(release, item_num, count),
    )


def neighbour_rows(release: Release, item_num: int, count: int) -> bytes:
    """Returns the items most like one, as far as they can be had, as a JSON array."""
    items, codes = release.neighbours.rows(item_num)
    pairs: Sequence[tuple[int, int]] = [
        pair
        for pair in zip(items, codes, strict=True)
        if pair[0] != item_num and pair[0] not in release.unavailable
    ][:count]
    pieces = [b""] * (3 * len(pairs))
    pieces[::3] = release.heads.of([item for item, _ in pairs])
    pieces[1::3] = _RANKS[: len(pairs)]
    pieces[2::3] = release.neighbour_scores.of([code for _, code in pairs])
    return b"[" + b"".join(pieces)[1:] + b"]"
