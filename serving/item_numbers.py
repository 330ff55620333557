"""From item ids to item numbers, a dictionary at a time."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from core.errors import CheckFailed

Int32s = npt.NDArray[np.int32]


class ItemNumbers:
    """The numbers of a release's items: their places in ascending order of ids.

    Args:
        ids: the item ids in that order.
    """

    def __init__(self, ids: pl.Series) -> None:
        self.n_items = ids.len()
        self._kind = pl.Enum(ids)

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
            named = pl.Series(values=chunk.dictionary, dtype=pl.String)
            known = named.cast(self._kind, strict=False).to_physical().cast(pl.Int32)
            lookup = known.fill_null(-1).to_numpy()
            found = lookup[chunk.indices.to_numpy()]
            if found.size and found.min() < 0:
                lost = named[int(chunk.indices[int(np.argmin(found))].as_py())]
                raise CheckFailed(f"{table} names item {lost!r}, which is not in the items table")
            numbers.append(found)
        return np.concatenate(numbers)
