"""Polars: the default engine, streaming on all cores of one machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import narwhals as nw
import polars as pl
import pyarrow as pa

from core.engine.frames import Frame, conformed, empty
from core.schemas import Table
from core.staging import Staging
from core.tables import scan_tables

_BATCH_ROWS = 262_144


class PolarsEngine:
    """Runs transforms on Polars' streaming engine."""

    name = "polars"

    def scan(self, paths: Sequence[Path], table: Table) -> Frame:
        """Returns the rows of a table's Parquet files, lazily; none for no files."""
        if not paths:
            return self.from_polars(empty(table))
        rows = scan_tables(paths, table)
        return nw.from_native(rows.select(table.names))

    def from_polars(self, frame: pl.DataFrame) -> Frame:
        """Returns a frame from memory, shared, not copied."""
        return nw.from_native(frame.lazy())

    def collect(self, frame: Frame) -> pl.DataFrame:
        """Computes a frame with the streaming engine; the row order is arbitrary."""
        return _native(frame).collect(engine="streaming")

    def sink(self, frame: Frame, table: Table, staging: Staging, part: str = "") -> int:
        """Writes the sorted rows in batches; see `Engine.sink`.

        Memory: the sort holds the table once; batches are converted one by one.
        """
        rows = _native(conformed(frame, table)).sort(table.key, nulls_last=False)
        return staging.write_batches(_batches(rows), table, part)

    def persist(self, frame: Frame) -> Frame:
        """Computes a frame into memory."""
        return self.from_polars(self.collect(frame))

    def close(self) -> None:
        """Does nothing: Polars holds nothing open."""


def _native(frame: Frame) -> pl.LazyFrame:
    native = frame.to_native()
    assert isinstance(native, pl.LazyFrame)
    return native


def _batches(rows: pl.LazyFrame) -> Iterator[pa.Table]:
    for batch in rows.collect_batches(
        chunk_size=_BATCH_ROWS, maintain_order=True, engine="streaming"
    ):
        yield batch.to_arrow()
