"""Spark: the engine for tables that outgrow one machine. Needs Java 17."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from core.engine.frames import Frame, conformed, empty
from core.errors import UsageError
from core.main_module import main_with_file
from core.schemas import Table
from core.staging import Staging

_BATCH_ROWS = 262_144


def has_java() -> bool:
    """Returns whether a Java runtime can be found, by JAVA_HOME or on the PATH."""
    home = os.environ.get("JAVA_HOME")
    return bool(home and (Path(home) / "bin" / "java").exists()) or shutil.which("java") is not None


class SparkEngine:
    """Runs transforms on a Spark session: the one in force, or a local one of its own."""

    name = "spark"

    def __init__(
        self,
        threads: int | None = None,
        memory_gb: float | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Opens the session.

        Args:
            threads: worker threads of a local session; None for one a core.
            memory_gb: heap of a local session's driver; None for 2.
            settings: further Spark settings by name, which go before this engine's own.

        Raises:
            UsageError: there is no Java.
        """
        if not has_java():
            raise UsageError(
                "engine 'spark' needs Java 17 and none is on the PATH or at JAVA_HOME; "
                "install it, or use --engine polars or duckdb"
            )
        with main_with_file():
            from pyspark.sql import SparkSession

        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        self._owns_session = SparkSession.getActiveSession() is None
        self._persisted: list[Any] = []
        self._session: Any = _session(
            SparkSession.builder, threads, {**_settings(memory_gb), **(settings or {})}
        )

    def scan(self, paths: Sequence[Path], table: Table) -> Frame:
        """Returns the rows of a table's Parquet files, lazily; none for no files."""
        if not paths:
            return self.from_polars(empty(table))
        reader = self._session.read.schema(table.spark)
        # Recursive look-up turns partition discovery off: day= and month= folders may be mixed.
        return _frame(
            reader.option("recursiveFileLookup", "true").parquet(*(str(path) for path in paths))
        )

    def from_polars(self, frame: pl.DataFrame) -> Frame:
        """Sends a frame from memory to the session through Arrow."""
        return _frame(self._session.createDataFrame(frame.to_arrow()))

    def collect(self, frame: Frame) -> pl.DataFrame:
        """Computes a frame and brings it to the driver; the row order is arbitrary."""
        found = pl.from_arrow(frame.to_native().toArrow())
        assert isinstance(found, pl.DataFrame)
        return found

    def sink(self, frame: Frame, table: Table, staging: Staging, part: str = "") -> int:
        """Sorts across the cluster, then writes one file; see `Engine.sink`.

        The sorted parts pass through a temporary folder, which the executors must share with
        the driver (a local session does).
        """
        from pyspark.sql import functions

        order = [functions.col(name).asc_nulls_first() for name in table.key]
        rows: Any = conformed(frame, table).to_native()
        with tempfile.TemporaryDirectory(prefix="daybreak-spark-") as folder:
            sorted_parts = Path(folder) / "sorted"
            rows.orderBy(*order).write.parquet(str(sorted_parts))
            return staging.write_batches(_batches(sorted_parts), table, part)

    def persist(self, frame: Frame) -> Frame:
        """Computes a frame into the executors' memory, spilling to their disks."""
        stored = frame.to_native().persist()
        stored.count()
        self._persisted.append(stored)
        return _frame(stored)

    def close(self) -> None:
        """Frees the persisted frames, and stops the session if this engine started it."""
        for stored in self._persisted:
            stored.unpersist()
        self._persisted.clear()
        if self._owns_session:
            self._session.stop()


def _settings(memory_gb: float | None) -> dict[str, str]:
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": f"{round((memory_gb or 2) * 1024)}m",
        "spark.log.level": "ERROR",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _session(builder: Any, threads: int | None, settings: Mapping[str, str]) -> Any:
    if "SPARK_REMOTE" not in os.environ and "MASTER" not in os.environ:
        builder = builder.master(f"local[{threads or '*'}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _frame(rows: Any) -> Frame:
    frame: Frame = nw.from_native(rows)
    return frame


def _batches(folder: Path) -> Iterator[pa.Table]:
    """Yields the rows of Spark's part files; a file's number is its range of the order."""
    for path in sorted(folder.glob("part-*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(_BATCH_ROWS):
            yield pa.Table.from_batches([batch])
