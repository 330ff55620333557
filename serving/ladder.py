"""Which items a user gets: the personal list, then segments, then what is trending."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from serving.layout import MAX_ROWS
from serving.release import Release
from serving.scores import ScoreTexts
from serving.user_record import UserRecord


@dataclass(frozen=True, slots=True)
class Choice:
    """What to answer.

    Attributes:
        rung: the highest rung that gave a row: `personal`, `segment` or `trending`.
        items: item numbers, best first; may be shorter than asked, even empty.
        scores: beside each, its score and rung as JSON.
        fragments: beside each, the fragment with its reason.
    """

    rung: str
    items: Sequence[int]
    scores: Sequence[bytes]
    fragments: Sequence[int]


_Row = tuple[str, int, bytes, int]


def choose(release: Release, user_id: str, count: int, genres: Sequence[str] = ()) -> Choice:
    """Chooses up to `count` items for a user; a rung that falls short is filled from the next.

    No item comes twice, none of the user's recent items comes at all, nor any that could not be
    had at the release's as-of date or is taken down, nor one whose reason names such an item.

    Args:
        release: where to look.
        user_id: any id; one that is unknown gets what is trending.
        count: 1 to 50.
        genres: replace the user's stated preferences; those without a list count as not given.
    """
    record = release.user(user_id)
    if record is not None and record.n_rows >= count:
        items, codes, reasons = record.rows(count)
        fragments = release.reason_fragments(items, reasons)
        if (
            release.unavailable.isdisjoint(items)
            and not set(items).intersection(record.recent)
            and not release.names_hidden(fragments)
        ):
            texts = release.personal_scores
            return Choice("personal", items, [texts[code] for code in codes], fragments)
    return _climb(release, record, count, genres)


def _climb(
    release: Release, record: UserRecord | None, count: int, genres: Sequence[str]
) -> Choice:
    taken = set(record.recent) if record else set()
    rows: list[_Row] = []
    for row in _rungs(release, record, genres):
        item = row[1]
        if (
            item not in taken
            and item not in release.unavailable
            and not release.names_hidden((row[3],))
        ):
            taken.add(item)
            rows.append(row)
            if len(rows) == count:
                break
    rung = rows[0][0] if rows else "trending"
    return Choice(rung, [x[1] for x in rows], [x[2] for x in rows], [x[3] for x in rows])


def _rungs(release: Release, record: UserRecord | None, genres: Sequence[str]) -> Iterator[_Row]:
    """Yields all rows of all rungs, best first; a lower rung is read only when it is reached."""
    if record is not None:
        texts = release.personal_scores
        items, codes, reasons = record.rows(MAX_ROWS)
        fragments = release.reason_fragments(items, reasons)
        for item, code, fragment in zip(items, codes, fragments, strict=True):
            yield "personal", item, texts[code], fragment
    asked = [n for n in map(release.genre_segment, genres) if n is not None]
    segments = asked or (record.segments if record is not None else [])
    lists = [
        _segment_rows(release, number, "segment", release.segment_scores) for number in segments
    ]
    # One row from each segment in turn, so that no stated liking crowds out another.
    for row in chain.from_iterable(zip_longest(*lists)):
        if row is not None:
            yield row
    yield from _segment_rows(release, release.trending, "trending", release.trending_scores)


def _segment_rows(release: Release, number: int, rung: str, texts: ScoreTexts) -> Iterator[_Row]:
    items, codes = release.segments.rows(number)
    fragment = release.segment_fragment(number)
    for item, code in zip(items, codes, strict=True):
        yield rung, item, texts[code], fragment
