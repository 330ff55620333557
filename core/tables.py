"""The one way a table becomes a file, so that equal tables have equal bytes on every engine."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import CheckFailed, IntegrityError
from core.schemas import Table

ROW_GROUP = 131_072
_VIEW = pa.string_view()


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Returns the frame with the table's columns in order and type, sorted by its key.

    Raises:
        CheckFailed: a column is missing, of another kind, or a value does not fit its type.
    """
    _check_kinds(frame.head(0).to_arrow().schema, table)
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
        CheckFailed: a piece lacks a column, has one of another kind, a value that does not fit, or
            a null in a column that allows none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    n_rows = 0
    rest: list[pa.Table] = []
    n_rest = 0
    with pq.ParquetWriter(
        path, table.arrow, compression="zstd", write_statistics=True,
        use_dictionary=_with_repeats(table),
    ) as writer:  # fmt: skip
        for batch in batches:
            rest.append(_typed(batch, table))
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
    """Reads a table's file with its declared types, in stored order.

    A later column that the file is too old to have is null.

    Raises:
        IntegrityError: the file is missing, torn, or lacks a column.
    """
    names = columns or table.names
    with _reading(path, table):
        there = _there(path, table, names)
        frame = pl.from_arrow(pq.read_table(path, columns=there, use_threads=True))
    assert isinstance(frame, pl.DataFrame)
    return _declared(frame, table, names)


def read_blocks(
    path: Path, table: Table, columns: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Yields a table's file as `read_table` reads it, at most ROW_GROUP rows at a time.

    Raises:
        IntegrityError: as `read_table` does.
    """
    names = columns or table.names
    with _reading(path, table), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROW_GROUP, columns=names):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield _declared(frame, table, names)


def _there(path: Path, table: Table, names: list[str]) -> list[str]:
    """Returns the columns to ask a file for: not the later ones that it is too old to have."""
    later = table.later_names.intersection(names)
    missing = later.difference(pq.read_schema(path).names) if later else later
    return [name for name in names if name not in missing]


def _declared(frame: pl.DataFrame, table: Table, names: list[str]) -> pl.DataFrame:
    """Returns columns in a table's types; later ones that the frame lacks are null."""
    missing = table.later_names.difference(frame.columns)
    return frame.select(
        (pl.lit(None) if name in missing else pl.col(name)).cast(table.polars[name]).alias(name)
        for name in names
    )


def scan_tables(paths: Sequence[Path], table: Table) -> pl.LazyFrame:
    """Returns a table's files as one lazy frame, those that lack a later column after the others.

    Raises:
        PolarsError, OSError: a file can't be read; most are only tried when rows are collected.
    """
    later = table.later_names
    by_missing: dict[frozenset[str], list[Path]] = {frozenset(): []}
    for path in paths:
        missing = later.difference(pl.read_parquet_schema(path)) if later else later
        by_missing.setdefault(missing, []).append(path)
    # Folder names like day=2017-03-01 are for people; the files hold every column.
    scans = [
        pl.scan_parquet(files, hive_partitioning=False, glob=False).with_columns(
            pl.lit(None, table.polars[name]).alias(name) for name in sorted(missing)
        )
        for missing, files in by_missing.items()
        if files
    ]
    return scans[0] if len(scans) == 1 else pl.concat(scans, how="diagonal")


@contextlib.contextmanager
def _reading(path: Path, table: Table) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise IntegrityError(
            f"{path} is no file of table {table.name} ({reason}); restore or rebuild it"
        ) from error


def _typed(batch: pa.Table, table: Table) -> pa.Table:
    """Returns a piece with the table's columns and types; raises CheckFailed as its callers do."""
    _check_kinds(batch.schema, table)
    for column in table.columns:
        if not column.nullable and batch.column(column.name).null_count:
            raise CheckFailed(f"table {table.name} has a null in {column.name!r}")
    try:
        return batch.select(table.names).cast(table.arrow)
    except pa.ArrowException as error:
        raise CheckFailed(f"table {table.name} has a value of another type: {error}") from error


def _check_kinds(found: pa.Schema, table: Table) -> None:
    """Checks that a cast can only widen or narrow, not turn texts into numbers or cut decimals."""
    for want in table.arrow:
        if want.name not in found.names:
            raise CheckFailed(f"table {table.name} lacks column {want.name!r}; see core/schemas.py")
        have = found.field(want.name).type
        if not _fits(have, want.type):
            raise CheckFailed(
                f"table {table.name} has {have} in {want.name!r}, it must be {want.type}; "
                "see core/schemas.py"
            )


def _fits(have: pa.DataType, want: pa.DataType) -> bool:
    if pa.types.is_dictionary(have):
        have = have.value_type
    if pa.types.is_large_list(want) and (pa.types.is_list(have) or pa.types.is_large_list(have)):
        return _fits(have.value_type, want.value_type)
    decimal = pa.types.is_decimal(have)
    whole = pa.types.is_integer(have) or (decimal and have.scale == 0)
    text = pa.types.is_string(have) or pa.types.is_large_string(have) or have == _VIEW
    return bool(
        pa.types.is_null(have)
        or have.id == want.id
        or (pa.types.is_integer(want) and whole)
        or (pa.types.is_timestamp(want) and whole)
        or (pa.types.is_floating(want) and (whole or decimal or pa.types.is_floating(have)))
        or (pa.types.is_large_string(want) and text)
    )


def _with_repeats(table: Table) -> list[str]:
    """Returns the leaves to code as dictionaries: all but floats, which hardly ever repeat."""
    return [
        f"{field.name}.list.element" if pa.types.is_large_list(field.type) else field.name
        for field in table.arrow
        if not pa.types.is_floating(field.type)
    ]
