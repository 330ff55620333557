"""Tables larger than memory, sorted by the same key, read side by side."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

ROW_GROUPS = 2
"""Row groups read at once: about a quarter of a million rows."""


class SortedBlocks:
    """One Parquet file sorted by a string column, given out by ranges of that column."""

    def __init__(self, path: Path, columns: list[str], key: str) -> None:
        self._file = pq.ParquetFile(path)
        self._columns = columns
        self._key = key
        self._next = 0
        self._rows = self._read(0, 0)

    @property
    def limit(self) -> str | None:
        """The last key read, whose rows may go on; None once the whole file is read."""
        return None if self._next >= self._file.num_row_groups else str(self._rows[self._key][-1])

    def fill(self) -> None:
        """Reads on until there is a row, or the file ends."""
        while self._next < self._file.num_row_groups:
            start, self._next = self._next, self._next + ROW_GROUPS
            block = self._read(start, min(self._next, self._file.num_row_groups))
            self._rows = pl.concat([self._rows, block])
            if self._rows.height:
                return

    def take_before(self, key: str | None) -> pl.DataFrame:
        """Gives out all rows read whose key comes before `key`; all rows for None."""
        if key is None:
            taken, self._rows = self._rows, self._rows.clear()
            return taken
        n_taken = int((self._rows[self._key] < key).sum())
        taken, self._rows = self._rows[:n_taken], self._rows[n_taken:]
        return taken

    def _read(self, start: int, end: int) -> pl.DataFrame:
        frame = pl.from_arrow(self._file.read_row_groups(range(start, end), self._columns))
        assert isinstance(frame, pl.DataFrame)
        return frame


def side_by_side(tables: Sequence[SortedBlocks]) -> Iterator[tuple[pl.DataFrame, ...]]:
    """Yields matching pieces of the tables: no key's rows are ever split over two of them.

    Memory is bounded by a few blocks of each table, unless one key has more rows than that.
    """
    for table in tables:
        table.fill()
    while True:
        bound = min((x.limit for x in tables if x.limit is not None), default=None)
        yield tuple(table.take_before(bound) for table in tables)
        if bound is None:
            return
        for table in tables:
            if table.limit == bound:
                table.fill()
