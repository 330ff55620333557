"""DuckDB: the engine for tables that outgrow memory on one machine."""

import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa

from core.engine.frames import Frame, conformed, empty
from core.schemas import Table
from core.staging import Staging

_BATCH_ROWS = 262_144


class DuckDBEngine:
    """Runs transforms on DuckDB's default connection, spilling to a temporary folder.

    Narwhals finishes some verbs on the default connection, and relations of two connections
    can't be joined; hence that one, and settings that hold for the whole process.
    """

    name = "duckdb"

    def __init__(self, threads: int | None = None, memory_gb: float | None = None) -> None:
        self._tables: list[str] = []
        self._spill = tempfile.mkdtemp(prefix="daybreak-duckdb-")
        self._connection = duckdb.default_connection()
        settings: dict[str, object] = {
            "TimeZone": "UTC",
            "autoinstall_known_extensions": False,
            "enable_progress_bar": False,
            "preserve_insertion_order": False,
            "temp_directory": self._spill,
        }
        if threads:
            settings["threads"] = threads
        if memory_gb:
            settings["memory_limit"] = f"{round(memory_gb * 1000)}MB"
        for name, value in settings.items():
            self._connection.execute(f"SET {name} = ?", [value])

    def scan(self, paths: Sequence[Path], table: Table) -> Frame:
        """Returns the rows of a table's Parquet files, lazily; none for no files."""
        if not paths:
            return self.from_polars(empty(table))
        rows = self._connection.read_parquet(
            [str(path) for path in paths],
            hive_partitioning=False, union_by_name=bool(table.later_names),
        )  # fmt: skip
        missing = self._typed_nulls(table, table.later_names.difference(rows.columns))
        columns = [missing.get(name, duckdb.ColumnExpression(name)) for name in table.names]
        return nw.from_native(rows.select(*columns))

    def _typed_nulls(self, table: Table, names: Collection[str]) -> dict[str, duckdb.Expression]:
        empty_rows = self._connection.from_arrow(table.arrow.empty_table())
        types = dict(zip(empty_rows.columns, empty_rows.types, strict=True))
        null = duckdb.ConstantExpression(None)
        return {name: null.cast(types[name]).alias(name) for name in names}

    def from_polars(self, frame: pl.DataFrame) -> Frame:
        """Returns a frame from memory, read through Arrow without a copy."""
        return nw.from_native(self._connection.from_arrow(frame.to_arrow()))

    def collect(self, frame: Frame) -> pl.DataFrame:
        """Computes a frame; the row order is arbitrary."""
        found = pl.from_arrow(_native(frame).to_arrow_table())
        assert isinstance(found, pl.DataFrame)
        return found

    def sink(self, frame: Frame, table: Table, staging: Staging, part: str = "") -> int:
        """Writes the sorted rows in batches; see `Engine.sink`. The sort spills to disk."""
        order = [duckdb.ColumnExpression(name).asc().nulls_first() for name in table.key]
        rows = _native(conformed(frame, table)).sort(*order)
        return staging.write_batches(_batches(rows), table, part)

    def persist(self, frame: Frame) -> Frame:
        """Computes a frame into a table of the in-memory database, dropped on `close`."""
        name = f"daybreak_{uuid.uuid4().hex}"
        _native(frame).create(name)
        self._tables.append(name)
        return nw.from_native(self._connection.table(name))

    def close(self) -> None:
        """Drops the persisted tables and the folder for spilling."""
        for name in self._tables:
            self._connection.execute(f"DROP TABLE IF EXISTS {name}")
        self._tables.clear()
        shutil.rmtree(self._spill, ignore_errors=True)


def _native(frame: Frame) -> duckdb.DuckDBPyRelation:
    native = frame.to_native()
    assert isinstance(native, duckdb.DuckDBPyRelation)
    return native


def _batches(rows: duckdb.DuckDBPyRelation) -> Iterator[pa.Table]:
    for batch in rows.to_arrow_reader(_BATCH_ROWS):
        yield pa.Table.from_batches([batch])
