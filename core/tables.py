"""The one way a table becomes a file, so that equal tables have equal bytes on every engine."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import CheckFailed
from core.schemas import Table

ROW_GROUP = 131_072


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Returns the frame with the table's columns in order and type, sorted by its key.

    Raises:
        CheckFailed: a column is missing or a value does not fit its type.
    """
    if missing := [name for name in table.names if name not in frame.columns]:
        raise CheckFailed(f"table {table.name} lacks column {missing[0]!r}; see core/schemas.py")
    try:
        typed = frame.select([pl.col(name).cast(kind) for name, kind in table.polars.items()])
    except pl.exceptions.InvalidOperationError as error:
        raise CheckFailed(f"table {table.name} has a value of another type: {error}") from error
    return typed.sort(table.key, nulls_last=False)


def write_table(frame: pl.DataFrame, table: Table, path: Path) -> int:
    """Writes a frame as the table's canonical Parquet; returns its row count.

    Raises:
        CheckFailed: a column is missing, of another type, or null where it must not be.
    """
    return write_batches([conform(frame, table).to_arrow()], table, path)


def write_batches(batches: Iterable[pa.Table], table: Table, path: Path) -> int:
    """Writes sorted pieces of a table larger than memory as one canonical Parquet file.

    The caller guarantees the order across pieces. Row groups are cut at a fixed size, whatever
    the pieces, so that the bytes do not depend on the block size.

    Raises:
        CheckFailed: a piece has a null in a column that allows none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    n_rows = 0
    rest: list[pa.Table] = []
    n_rest = 0
    with pq.ParquetWriter(path, table.arrow, compression="zstd", write_statistics=True) as writer:
        for batch in batches:
            for column in table.columns:
                if not column.nullable and batch.column(column.name).null_count:
                    raise CheckFailed(f"table {table.name} has a null in {column.name!r}")
            rest.append(batch.cast(table.arrow))
            n_rest += batch.num_rows
            n_rows += batch.num_rows
            if n_rest >= ROW_GROUP:
                whole = pa.concat_tables(rest)
                n_full = n_rest - n_rest % ROW_GROUP
                for start in range(0, n_full, ROW_GROUP):
                    group = whole.slice(start, ROW_GROUP).combine_chunks()
                    writer.write_table(group, row_group_size=ROW_GROUP)
                rest, n_rest = [whole.slice(n_full)], n_rest - n_full
        if n_rest:
            writer.write_table(pa.concat_tables(rest).combine_chunks(), row_group_size=ROW_GROUP)
    return n_rows


def read_table(path: Path, table: Table, columns: list[str] | None = None) -> pl.DataFrame:
    """Reads a table's file with its declared types, in stored order."""
    names = columns or table.names
    frame = pl.from_arrow(pq.read_table(path, columns=names, use_threads=True))
    assert isinstance(frame, pl.DataFrame)
    return frame.select([pl.col(name).cast(table.polars[name]) for name in names])
