"""Users' records, packed a block of users at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from core.errors import CheckFailed
from serving.layout import MAX_RECENT, MAX_ROWS, MAX_SEGMENTS

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class UserBlock:
    """What is known of a range of users; each frame is sorted by user, then by rank.

    Attributes:
        lists: user_id, item_num, score_code, fragment.
        recent: user_id, item_num.
        segments: user_id, segment.
    """

    lists: pl.DataFrame
    recent: pl.DataFrame
    segments: pl.DataFrame


def pack_records(block: UserBlock) -> Iterator[tuple[bytes, bytes]]:
    """Yields (user id in UTF-8, record) for every user of the block, by ascending id.

    Raises:
        CheckFailed: a list holds an item twice.
    """
    parts = (block.lists, block.recent, block.segments)
    users = pl.concat([part["user_id"].unique() for part in parts]).unique().sort()
    if users.is_empty():
        return
    owner = pl.DataFrame({"user_id": users, "owner": np.arange(users.len(), dtype=np.int64)})
    lists, recent, segments = (
        _numbered(part, owner, most)
        for part, most in zip(parts, (MAX_ROWS, MAX_RECENT, MAX_SEGMENTS), strict=True)
    )
    _check_unique(lists, users)

    n_users = users.len()
    n_rows, n_recent, n_segments = (
        np.bincount(part["owner"].to_numpy(), minlength=n_users)
        for part in (lists, recent, segments)
    )
    ends = np.cumsum(1 + 3 * n_rows + n_recent + n_segments)
    starts = ends - (1 + 3 * n_rows + n_recent + n_segments)
    words = np.zeros(int(ends[-1]), "<i4")
    words[starts] = n_rows | n_recent << 8 | n_segments << 16
    place = starts + 1
    for column in ("item_num", "score_code", "fragment"):
        _put(words, place, lists, column)
        place = place + n_rows
    _put(words, place, recent, "item_num")
    _put(words, place + n_recent, segments, "segment")

    content = words.tobytes()
    keys = users.cast(pl.Binary).to_list()
    for key, start, end in zip(keys, (4 * starts).tolist(), (4 * ends).tolist(), strict=True):
        yield key, content[start:end]


def _numbered(part: pl.DataFrame, owner: pl.DataFrame, most: int) -> pl.DataFrame:
    """Returns the first `most` rows of each user, with the user's number and the row's place."""
    rows = part.join(owner, on="user_id", how="left", maintain_order="left")
    numbers = rows["owner"].to_numpy()
    if (np.diff(numbers) < 0).any():
        raise CheckFailed("a table's users are not in ascending order; sort it by its key")
    first = np.searchsorted(numbers, numbers, side="left")
    place = pl.Series("place", np.arange(numbers.size, dtype=np.int64) - first)
    return rows.with_columns(place).filter(pl.col("place") < most)


def _check_unique(lists: pl.DataFrame, users: pl.Series) -> None:
    pairs = np.sort(
        lists["owner"].to_numpy() << np.int64(32) | lists["item_num"].to_numpy().astype(np.int64)
    )
    if (twice := np.flatnonzero(np.diff(pairs) == 0)).size:
        user = users[int(pairs[twice[0]] >> 32)]
        raise CheckFailed(f"the list of user {user!r} holds an item twice; rebuild the lists")


def _put(words: npt.NDArray[np.int32], place: Int64s, part: pl.DataFrame, column: str) -> None:
    words[place[part["owner"].to_numpy()] + part["place"].to_numpy()] = part[column].to_numpy()
