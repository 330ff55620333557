"""Users' records, packed a block of users at a time; `user_record` reads them back."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import CheckFailed
from serving.layout import MAX_RECENT, MAX_ROWS, MAX_SEGMENTS, shards_of
from serving.user_runs import UserRuns

Int64s = npt.NDArray[np.int64]


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

    def values(self) -> Iterator[bytes]:
        """Yields the records one by one."""
        content, end = self.content, 0
        for start, end in zip(*self._bounds(), strict=True):
            yield content[start:end]

    def _bounds(self) -> tuple[list[int], list[int]]:
        ends = np.cumsum(self.sizes, dtype=np.int64)
        return (ends - self.sizes).tolist(), ends.tolist()


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
    owners = [part.owners(users) for part in parts]
    lists, recent, segments = parts
    _check_unique(lists)

    n_rows, n_recent, n_segments = sizes = [np.zeros(len(users), np.int64) for _ in parts]
    for size, part, of in zip(sizes, parts, owners, strict=True):
        size[of] = part.sizes
    n_words = 2 + 3 * n_rows + n_recent + n_segments
    n_high = (n_rows + n_recent) * wide_items + n_rows * wide_reasons
    n_bytes = 2 * (n_words + (n_high + 1) // 2)

    keys = _keys(users)
    shards = np.array(shards_of(keys, n_shards), np.int64)
    order = np.argsort(shards, kind="stable")
    ends = np.cumsum(n_bytes[order])
    start = np.empty_like(ends)
    start[order] = ends - n_bytes[order]
    content = np.zeros(int(ends[-1]) if ends.size else 0, np.uint8)
    words = content.view("<u2")
    for place, size in enumerate(sizes):
        content[start + place] = size

    at = start // 2 + 2
    of_rows = lists.places(at[owners[0]])
    n_of_rows = np.repeat(lists.sizes, lists.sizes)
    items, reasons = lists.columns["item"], lists.columns["reason"]
    words[of_rows] = items.astype(np.uint16)
    words[of_rows + n_of_rows] = lists.columns["score"].view(np.uint16)
    words[of_rows + 2 * n_of_rows] = reasons.astype(np.uint16)
    at += 3 * n_rows
    words[recent.places(at[owners[1]])] = recent.columns["item"].astype(np.uint16)
    at += n_recent
    words[segments.places(at[owners[2]])] = segments.columns["segment"].astype(np.uint16)
    high = 2 * (at + n_segments)
    if wide_items:
        content[lists.places(high[owners[0]])] = items >> 16
        high += n_rows
        content[recent.places(high[owners[1]])] = recent.columns["item"] >> 16
        high += n_recent
    if wide_reasons:
        content[lists.places(high[owners[0]])] = reasons >> 16

    in_order = [keys[n] for n in order.tolist()]
    user_cuts = np.searchsorted(shards[order], np.arange(n_shards + 1)).tolist()
    byte_cuts = np.concatenate([[0], ends])[user_cuts].tolist()
    short = n_bytes[order].astype(np.uint16)
    return [
        Records(in_order[a:b], short[a:b], content[c:d].tobytes())
        for (a, b), (c, d) in zip(pairwise(user_cuts), pairwise(byte_cuts), strict=True)
    ]


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


def _check_unique(lists: UserRuns) -> None:
    width = int(lists.sizes.max(initial=0))
    filled = np.arange(width) < lists.sizes[:, None]
    rows = np.tile(-1 - np.arange(width, dtype=np.int32), (lists.sizes.size, 1))
    rows[filled] = lists.columns["item"]
    rows.sort(axis=1)
    if (twice := np.flatnonzero((rows[:, 1:] == rows[:, :-1]).any(axis=1))).size:
        user = lists.users[int(twice[0])].as_py()
        raise CheckFailed(f"the list of user {user!r} holds an item twice; rebuild the lists")
