"""Tables larger than memory, sorted by the same key, read side by side."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from serving.release_inputs import row_group_ranges

ROW_GROUPS = 1
"""Row groups read at once: about a quarter of a million rows."""


@dataclass(frozen=True)
class KeyRange:
    """The keys from `begin` up to, but not with, `end`; None stands for no bound."""

    begin: str | None = None
    end: str | None = None

    def meets(self, first: str, last: str) -> bool:
        """Returns whether a key between `first` and `last`, both included, may be in the range."""
        return (self.begin is None or last >= self.begin) and (self.end is None or first < self.end)


EVERY_KEY = KeyRange()


class SortedBlocks:
    """One Parquet file sorted by a string column, given out by ranges of that column.

    Args:
        path: the file.
        columns: what to read.
        key: the column that it is sorted by.
        coded: columns to read as dictionaries: each distinct value once a row group.
        keys: read only these.
    """

    def __init__(
        self,
        path: Path,
        columns: list[str],
        key: str,
        *,
        coded: Sequence[str] = (),
        keys: KeyRange = EVERY_KEY,
    ) -> None:
        self._file = pq.ParquetFile(path, read_dictionary=list(coded))
        self._columns = columns
        self._key = key
        self._keys = keys
        spans = row_group_ranges(self._file.metadata, key)
        self._groups = [n for n, span in enumerate(spans) if span is None or keys.meets(*span)]
        self._next = 0
        self._rows = self._read([])

    @property
    def limit(self) -> str | None:
        """The last key read, whose rows may go on; None once all rows are read."""
        return None if self._next >= len(self._groups) else str(self._rows[self._key][-1])

    def fill(self) -> None:
        """Reads on until there is a row, or the rows end."""
        while self._next < len(self._groups):
            start, self._next = self._next, self._next + ROW_GROUPS
            block = self._read(self._groups[start : self._next])
            block = block.slice(self._place(block, self._keys.begin))
            if self._keys.end is not None:
                block = block.slice(0, self._place(block, self._keys.end))
            self._rows = pa.concat_tables([self._rows, block])
            if self._rows.num_rows:
                return

    def take_before(self, key: str | None) -> pa.Table:
        """Gives out all rows read whose key comes before `key`; all rows for None."""
        n_taken = self._rows.num_rows if key is None else self._place(self._rows, key)
        taken, self._rows = self._rows.slice(0, n_taken), self._rows.slice(n_taken)
        return taken

    def _place(self, rows: pa.Table, key: str | None) -> int:
        if key is None:
            return 0
        column = rows[self._key]
        return bisect_left(range(rows.num_rows), key, key=lambda n: column[n].as_py())

    def _read(self, groups: list[int]) -> pa.Table:
        return self._file.read_row_groups(groups, self._columns, use_threads=False)


def side_by_side(tables: Sequence[SortedBlocks]) -> Iterator[tuple[pa.Table, ...]]:
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


def equal_ranges(path: Path, key: str, n_ranges: int) -> list[KeyRange]:
    """Returns up to `n_ranges` ranges of keys that together are all, with about as many rows each.

    Args:
        path: a Parquet file sorted by `key`, a column of strings.
        key: that column.
        n_ranges: how many are wanted; there are at most as many as row groups.
    """
    file = pq.ParquetFile(path)
    n_groups = file.num_row_groups
    cuts = {n_groups * n // n_ranges for n in range(1, n_ranges)} - {0}
    firsts = {str(file.read_row_group(n, [key])[key][0]) for n in sorted(cuts)}
    bounds = [None, *sorted(firsts), None]
    return [KeyRange(begin, end) for begin, end in pairwise(bounds)]
