"""The tables that `daybreak sql` shows, as views over files, without the rows of hidden users."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from core.errors import IntegrityError
from core.schemas import Table
from core.tombstones import Tombstones
from orchestration.sql_tables import ShownTable

_SHOWN = "people.shown"
"""Who may be shown, where anybody is hidden: so that no table names those who asked not to be."""


def open_views(
    root: Path, tables: Sequence[ShownTable], tombstones: Tombstones
) -> duckdb.DuckDBPyConnection:
    """Returns a connection that can read a home's Parquet files and nothing else.

    Args:
        root: the home's folder.
        tables: what to show; one without files is there without rows.
        tombstones: say who is hidden; their rows are left out of every table with a `user_id`.

    Raises:
        IntegrityError: a file is gone, damaged, or no Parquet that DuckDB knows.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    if tombstones.hidden:
        connection.execute(f"CREATE SCHEMA people; CREATE TABLE {_SHOWN} (user_id VARCHAR)")
    for shown in tables:
        if not shown.files:
            connection.register(shown.name, shown.table.arrow.empty_table())
            continue
        try:
            of_people = bool(tombstones.hidden) and "user_id" in shown.table.names
            if of_people:
                _add_people(connection, shown, tombstones)
            connection.execute(_view(shown, of_people=of_people))
        except duckdb.Error as error:
            shown.check_files()
            detail = " ".join(str(error).split())[:300]
            raise IntegrityError(f"{shown.name} can't be read: {detail}; rebuild it") from None
    connection.execute(f"SET allowed_directories = ['{_quoted(root)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _add_people(
    connection: duckdb.DuckDBPyConnection, shown: ShownTable, tombstones: Tombstones
) -> None:
    """Adds to those who may be shown whom this table is the first to name."""
    distinct = connection.cursor().sql(
        f"SELECT DISTINCT user_id FROM {_files(shown)} AS rows "
        f"WHERE user_id IS NOT NULL AND NOT EXISTS "
        f"(FROM {_SHOWN} AS known WHERE known.user_id = rows.user_id)"
    )
    for batch in distinct.to_arrow_reader():
        ids = [one for one in batch["user_id"].to_pylist() if not tombstones.hides(one)]
        connection.register("batch", pa.table({"user_id": pa.array(ids, pa.string())}))
        connection.execute(f"INSERT INTO {_SHOWN} FROM batch")
        connection.unregister("batch")


def _view(shown: ShownTable, *, of_people: bool) -> str:
    columns = "* EXCLUDE (filename), parse_path(filename)[-2] AS fold" if shown.by_fold else "*"
    rows = f" WHERE user_id IS NULL OR user_id IN (FROM {_SHOWN})" if of_people else ""
    return f"CREATE VIEW {shown.name} AS SELECT {columns} FROM {_files(shown)}{rows}"


def _files(shown: ShownTable) -> str:
    files = ", ".join(f"'{_quoted(path)}'" for path in shown.files)
    options = f"hive_partitioning = false, filename = {str(shown.by_fold).lower()}"
    if not shown.table.later_names:
        return f"read_parquet([{files}], {options})"
    # Files may be too old to have every column; the view has it even where all of them are.
    nulls = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _later(shown.table))
    rows = f"FROM read_parquet([{files}], {options}, union_by_name = true)"
    return f"({rows} UNION ALL BY NAME SELECT {nulls} WHERE false)"


def _later(table: Table) -> Iterator[tuple[str, str]]:
    """Yields the columns that old files lack, with DuckDB's names of their types."""
    rows = duckdb.from_arrow(table.arrow.empty_table())
    for name, kind in zip(rows.columns, rows.types, strict=True):
        if name in table.later_names:
            yield name, str(kind)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
