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

    def owners(self, users: pa.Array) -> Int64s:
        """Returns each user's place among `users`, which hold them all (m,), int64."""
        if self.users.equals(users):
            return np.arange(len(users))
        found: Int64s = pc.index_in(self.users, value_set=users).to_numpy().astype(np.int64)
        return found

    def places(self, begin: Int64s) -> Int64s:
        """Returns where each row goes, if the rows of user u go to begin[u] and what follows."""
        starts = np.cumsum(self.sizes) - self.sizes
        return np.repeat(begin - starts, self.sizes) + np.arange(int(self.sizes.sum()))


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
