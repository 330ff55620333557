"""From item ids to item numbers, a dictionary at a time."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import CheckFailed

Int32s = npt.NDArray[np.int32]


class ItemNumbers:
    """The numbers of a release's items: their places in ascending order of ids.

    Args:
        ids: the item ids in that order.
    """

    def __init__(self, ids: pl.Series) -> None:
        self.n_items = ids.len()
        self._ids = ids.to_arrow().cast(pa.large_string())
        self._kind = pl.Enum(ids)
        self._last: tuple[pa.Array, Int32s] | None = None

    def of(self, column: pa.ChunkedArray, table: str) -> Int32s:
        """Returns the number of the item in each row (n,).

        Args:
            column: dictionary-encoded item ids; each chunk may have a dictionary of its own.
            table: the table's name, for the message.

        Raises:
            CheckFailed: an item is not among the items.
        """
        numbers = [np.zeros(0, np.int32)]
        for chunk in column.chunks:
            lookup = self._lookup(chunk.dictionary)
            found = lookup[chunk.indices.to_numpy()]
            if found.size and found.min() < 0:
                lost = chunk[int(np.argmin(found))].as_py()
                raise CheckFailed(f"{table} names item {lost!r}, which is not in the items table")
            numbers.append(found)
        return np.concatenate(numbers)

    def _lookup(self, dictionary: pa.Array) -> Int32s:
        """Returns the number of each of a dictionary's ids; pieces of a row group share theirs."""
        if self._last is None or not _same(self._last[0], dictionary):
            self._last = dictionary, self._of_distinct(dictionary)
        return self._last[1]

    def _of_distinct(self, ids: pa.Array) -> Int32s:
        """Returns the number of each id, -1 for one that is not an item's."""
        if len(ids) * 4 > self.n_items:  # so many that a table of all items is quickly made anew
            found = pc.index_in(ids.cast(self._ids.type), value_set=self._ids)
            numbers: Int32s = pc.fill_null(found, -1).to_numpy()
            return numbers
        named = pl.Series(values=ids, dtype=pl.String).cast(self._kind, strict=False)
        return named.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()


def _same(one: pa.Array, other: pa.Array) -> bool:
    """Returns whether two arrays are the same memory; content is not compared."""
    places = [
        (len(array), array.offset, *(part.address for part in array.buffers() if part is not None))
        for array in (one, other)
    ]
    return places[0] == places[1]
