"""What differs between engines, as verbs; everything else is written once, in narwhals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from core.engine.frames import Frame
from core.schemas import Table
from core.staging import Staging


class Engine(Protocol):
    """A place where transforms run. Frames of two engines never meet in one transform."""

    @property
    def name(self) -> str:
        """The name that settings and the command line use."""

    def scan(self, paths: Sequence[Path], table: Table) -> Frame:
        """Returns the rows of a table's Parquet files, lazily; none for no files.

        A later column is null in the rows of files that are too old to have it.
        """

    def from_polars(self, frame: pl.DataFrame) -> Frame:
        """Returns a frame from memory as one of this engine's."""

    def collect(self, frame: Frame) -> pl.DataFrame:
        """Computes a frame and returns it in memory, in no particular row order."""

    def sink(self, frame: Frame, table: Table, staging: Staging, part: str = "") -> int:
        """Computes a frame and writes it as the table's canonical file; returns its row count.

        The bytes are the same on every engine: columns in the table's order and types, rows
        sorted by its key with nulls first.

        Raises:
            CheckFailed: a column is missing, or null where it must not be.
        """

    def persist(self, frame: Frame) -> Frame:
        """Computes a frame once and returns a frame that reads the stored rows."""

    def close(self) -> None:
        """Releases what `persist` stored and whatever the engine holds open."""
