"""Writes tables in the formats of a landing zone: Parquet, CSV and JSON lines, plain or gzipped."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeAlias, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

Folder: TypeAlias = Path | UPath


class TableWriter(Protocol):
    """Takes a table in pieces of one schema."""

    def write(self, piece: pa.Table, extra_lines: pl.DataFrame | None = None) -> None:
        """Appends rows; a text file also takes lines with the row number `before` which they go."""
        ...


@contextmanager
def open_table(path: Folder, file_format: str) -> Iterator[TableWriter]:
    """Yields a writer; the file appears under its name, whole, when the block ends well.

    The bytes depend on the rows alone: no time stamp, no library schema in the Parquet footer.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with ExitStack() as stack:
            raw = cast("IO[bytes]", stack.enter_context(part.open("wb")))
            if file_format == "parquet":
                yield stack.enter_context(_Parquet(raw))
            elif file_format.endswith(".gz"):
                zipped = gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0)
                target = cast("IO[bytes]", stack.enter_context(zipped))
                yield _Lines(target, is_csv=file_format.startswith("csv"))
            else:
                yield _Lines(raw, is_csv=file_format == "csv")
        # A bucket has no replace: its rename copies, and the copy shows only when it is whole.
        if isinstance(part, Path):
            part.replace(path)
        else:
            part.rename(path)
    finally:
        part.unlink(missing_ok=True)


class _Parquet:
    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "_Parquet":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, piece: pa.Table, extra_lines: pl.DataFrame | None = None) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._target,
                piece.schema,
                compression="zstd",
                compression_level=1,
                store_schema=False,
                # Ids that never repeat would only fill a dictionary.
                use_dictionary=[name for name in piece.column_names if name != "event_id"],
            )
        self._writer.write_table(piece)


class _Lines:
    def __init__(self, target: IO[bytes], *, is_csv: bool) -> None:
        self._target, self._is_csv, self._is_first = target, is_csv, True

    def write(self, piece: pa.Table, extra_lines: pl.DataFrame | None = None) -> None:
        rows = as_text(piece)
        if self._is_first and self._is_csv:
            self._target.write((",".join(rows.columns) + "\n").encode())
        self._is_first = False
        lines = csv_lines(rows) if self._is_csv else json_lines(rows)
        if extra_lines is not None:
            place = pl.int_range(len(lines), dtype=pl.Int64, eager=True)
            lines = (
                pl.concat(
                    [
                        extra_lines.select("before", "line"),
                        pl.DataFrame({"before": place, "line": lines}),
                    ]
                )
                .sort("before", maintain_order=True)
                .get_column("line")
            )
        if len(lines):
            self._target.write((lines.str.join("\n").item() + "\n").encode())


def as_text(piece: pa.Table) -> pl.DataFrame:
    """Returns the rows with times as ISO 8601 in UTC, microseconds and a Z."""
    frame = cast(pl.DataFrame, pl.from_arrow(piece))
    return frame.with_columns(
        pl.col(pl.Categorical).cast(pl.String),
        pl.col(pl.Datetime).dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"),
    )


def json_lines(rows: pl.DataFrame) -> pl.Series:
    """Returns each row as a JSON object on one line, nulls included."""
    return rows.select(line=pl.struct(pl.all()).struct.json_encode()).to_series()


def csv_lines(rows: pl.DataFrame) -> pl.Series:
    """Returns each row as comma-separated values; lists are joined by |, null is empty."""
    flat = rows.with_columns(pl.col(pl.List(pl.String)).list.join("|"))
    text = flat.write_csv(include_header=False)
    return pl.Series("line", [text]).str.strip_suffix("\n").str.split("\n").explode()
