"""Users' records, packed a block of users at a time; `user_record` reads them back."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import CheckFailed
from serving.layout import MAX_RECENT, MAX_ROWS, MAX_SEGMENTS, shards_of
from serving.user_runs import UserGrid, UserRuns

Columns = list[tuple[UserGrid, npt.NDArray[Any]]]
"""Grids, and values of their shapes."""


@dataclass(frozen=True)
class UserBlock:
    """What is known of a range of users.

    Attributes:
        lists: item (int32), score (int16 code) and reason (int32) of each row.
        recent: item (int32).
        segments: segment (int32).
    """

    lists: UserRuns
    recent: UserRuns
    segments: UserRuns


@dataclass(frozen=True)
class Records:
    """Some records of one shard, by ascending user id: their keys, and their contents on end."""

    keys: list[bytes]
    sizes: npt.NDArray[np.uint16]
    content: bytes

    def values(self) -> list[bytes]:
        """Returns the records one by one."""
        content = self.content
        ends = np.cumsum(self.sizes, dtype=np.int64)
        cuts = zip((ends - self.sizes).tolist(), ends.tolist(), strict=True)
        return [content[start:end] for start, end in cuts]


def pack_records(
    block: UserBlock, *, n_shards: int, wide_items: bool, wide_reasons: bool
) -> list[Records]:
    """Returns the records of every user of the block, by shard.

    Raises:
        CheckFailed: a list holds an item twice, or a table's users are not in ascending order.
    """
    parts = [
        part.first(most)
        for part, most in zip(
            (block.lists, block.recent, block.segments),
            (MAX_ROWS, MAX_RECENT, MAX_SEGMENTS),
            strict=True,
        )
    ]
    users = _all_users(parts)
    lists, recent, segments = (part.spread(users) for part in parts)
    _check_unique(lists)
    columns = [
        (lists, lists.columns["item"]),
        (lists, lists.columns["score"]),
        (lists, lists.columns["reason"]),
        (recent, recent.columns["item"]),
        (segments, segments.columns["segment"]),
    ]
    head = np.zeros((len(users), 4), np.uint8)
    for place, grid in enumerate((lists, recent, segments)):
        head[:, place] = grid.sizes
    records, filled = _beside(head.view("<u2"), columns)
    n_bytes = 2 * (2 + _n_values(columns))
    if wide_items or wide_reasons:
        high = [(grid, values >> 16) for grid, values in (columns[0], columns[3])] * wide_items
        high += [(lists, lists.columns["reason"] >> 16)] * wide_reasons
        records, filled = _beside(records.view(np.uint8), high, filled.repeat(2, axis=1))
        n_high = _n_values(high)
        records = np.pad(records, ((0, 0), (0, 1)))
        filled = np.concatenate([filled, n_high[:, None] % 2 == 1], axis=1)
        n_bytes += n_high + n_high % 2

    keys = _keys(users)
    shards = np.array(shards_of(keys, n_shards), np.int64)
    order = np.argsort(shards, kind="stable")
    records, filled = records[order], filled[order]
    sizes = n_bytes[order].astype(np.uint16)
    in_order = [keys[n] for n in order.tolist()]
    cuts = np.searchsorted(shards[order], np.arange(n_shards + 1)).tolist()
    return [
        Records(in_order[a:b], sizes[a:b], records[a:b][filled[a:b]].tobytes())
        for a, b in pairwise(cuts)
    ]


def _n_values(columns: Columns) -> npt.NDArray[np.int64]:
    """Returns how many values each user has in all columns."""
    sizes = np.stack([grid.sizes for grid, _ in columns])
    total: npt.NDArray[np.int64] = sizes.sum(axis=0)
    return total


def _beside(
    begin: npt.NDArray[Any],
    columns: Columns,
    filled: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Returns one row a user, `begin` and then the columns, cut to `begin`'s type; and what counts.

    Args:
        begin: (n_users, some width).
        columns: what comes behind it.
        filled: which of `begin` count; None for all.
    """
    if filled is None:
        filled = np.ones(begin.shape, bool)
    values = [begin, *(values for _, values in columns)]
    counts = [filled, *(grid.filled for grid, _ in columns)]
    rows = np.concatenate(values, axis=1, dtype=begin.dtype, casting="unsafe")
    return rows, np.concatenate(counts, axis=1)


def _all_users(parts: list[UserRuns]) -> pa.Array:
    """Returns the users of all parts, ascending."""
    most = max((part.users for part in parts), key=len)
    if all(part.users.equals(most) or not len(part.users) for part in parts):
        return most
    users = pc.unique(pa.concat_arrays([part.users for part in parts]))
    return users.take(pc.sort_indices(users))


def _keys(users: pa.Array) -> list[bytes]:
    """Returns ids as UTF-8, cut out of Arrow's own buffer."""
    if not len(users):
        return []
    _, offsets, data = users.buffers()
    places = np.frombuffer(offsets, np.int64)[users.offset : users.offset + len(users) + 1]
    whole = bytes(memoryview(data)[places[0] : places[-1]])
    return [whole[a:b] for a, b in pairwise((places - places[0]).tolist())]


def _check_unique(lists: UserGrid) -> None:
    items = lists.columns["item"]
    rows = np.where(lists.filled, items, -1 - np.arange(items.shape[1], dtype=np.int32))
    rows.sort(axis=1)
    twice = rows[:, 1:] == rows[:, :-1]
    if twice.any():
        raise CheckFailed(
            "a list holds an item twice; grouping `lists` by user_id and item_id shows whose, make "
            "the lists again"
        )
