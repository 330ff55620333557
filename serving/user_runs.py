"""Rows of many users as flat arrays: who, how many rows each, and the rows' columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import CheckFailed

Int64s = npt.NDArray[np.int64]
NO_IDS = pa.array([], pa.large_string())


@dataclass(frozen=True)
class UserRuns:
    """Consecutive rows of each of some users.

    Attributes:
        users: ids, large_string, ascending, each once (m,).
        sizes: rows of each, int64 (m,).
        columns: the rows' columns, each (sum of sizes,), by user and then by rank.
    """

    users: pa.Array
    sizes: Int64s
    columns: Mapping[str, npt.NDArray[Any]]

    def first(self, most: int) -> "UserRuns":
        """Returns the first `most` rows of each user."""
        if not self.sizes.size or self.sizes.max() <= most:
            return self
        starts = np.cumsum(self.sizes) - self.sizes
        place = np.arange(int(self.sizes.sum())) - np.repeat(starts, self.sizes)
        kept = place < most
        columns = {name: column[kept] for name, column in self.columns.items()}
        return UserRuns(self.users, np.minimum(self.sizes, most), columns)

    def spread(self, users: pa.Array) -> "UserGrid":
        """Returns the rows with a line for each of `users`, which are in order and hold all."""
        sizes = self.sizes
        if not self.users.equals(users):
            sizes = np.zeros(len(users), np.int64)
            sizes[pc.index_in(self.users, value_set=users).to_numpy()] = self.sizes
        width = int(sizes.max(initial=0))
        filled = np.arange(width) < sizes[:, None]
        return UserGrid(sizes, filled, {n: _spread(c, filled) for n, c in self.columns.items()})


@dataclass(frozen=True)
class UserGrid:
    """A line for each of some users, as wide as the longest: rectangles are quick to pack.

    Attributes:
        sizes: rows of each user, int64 (n,).
        filled: which places are rows (n, width).
        columns: their values (n, width); what is not filled is 0.
    """

    sizes: Int64s
    filled: npt.NDArray[np.bool_]
    columns: Mapping[str, npt.NDArray[Any]]


def _spread(column: npt.NDArray[Any], filled: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    if column.size == filled.size:
        return column.reshape(filled.shape)
    grid = np.zeros(filled.shape, column.dtype)
    grid[filled] = column
    return grid


def find_runs(column: pa.ChunkedArray, table: str) -> tuple[pa.Array, Int64s]:
    """Returns the distinct ids of a sorted column of strings and the number of rows of each.

    Args:
        column: dictionary-encoded strings; each chunk may have a dictionary of its own.
        table: the table's name, for the message.

    Raises:
        CheckFailed: the ids are not in ascending order.
    """
    ids, sizes = [NO_IDS], [np.zeros(0, np.int64)]
    for chunk in filter(len, column.chunks):
        codes = chunk.indices.to_numpy()
        starts = np.concatenate([[0], np.flatnonzero(codes[1:] != codes[:-1]) + 1])
        ids.append(chunk.dictionary.take(pa.array(codes[starts])).cast(NO_IDS.type))
        sizes.append(np.diff(np.append(starts, codes.size)))
    users, counts = pa.concat_arrays(ids), np.concatenate(sizes)
    if len(ids) > 2:  # a user's rows may go on in the next chunk
        begins = np.append(True, pc.not_equal(users[1:], users[:-1]).to_numpy(False)).nonzero()[0]
        users, counts = users.take(pa.array(begins)), np.add.reduceat(counts, begins)
    check_ascending(users, table)
    return users, counts


def check_ascending(users: pa.Array, table: str) -> None:
    """Checks that ids ascend, each once; raises CheckFailed."""
    if len(users) > 1 and not pc.all(pc.greater(users[1:], users[:-1])).as_py():
        raise CheckFailed(f"{table} is not in order of its users; sort the table by its key")
