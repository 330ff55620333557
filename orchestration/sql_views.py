"""The tables that `daybreak sql` shows, as views over files."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from core.errors import IntegrityError
from orchestration.sql_tables import ShownTable


def open_views(root: Path, tables: Sequence[ShownTable]) -> duckdb.DuckDBPyConnection:
    """Returns a connection that can read a home's Parquet files and nothing else.

    Args:
        root: the home's folder.
        tables: what to show; one without files is there without rows.

    Raises:
        IntegrityError: a file is gone, damaged, or no Parquet that DuckDB knows.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    for shown in tables:
        if not shown.files:
            connection.register(shown.name, shown.table.arrow.empty_table())
            continue
        try:
            connection.execute(_view(shown))
        except duckdb.Error as error:
            shown.check_files()
            detail = " ".join(str(error).split())[:300]
            raise IntegrityError(f"{shown.name} can't be read: {detail}; rebuild it") from None
    connection.execute(f"SET allowed_directories = ['{_quoted(root)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _view(shown: ShownTable) -> str:
    files = ", ".join(f"'{_quoted(path)}'" for path in shown.files)
    columns = "* EXCLUDE (filename), parse_path(filename)[-2] AS fold" if shown.by_fold else "*"
    options = f"hive_partitioning = false, filename = {str(shown.by_fold).lower()}"
    return f"CREATE VIEW {shown.name} AS SELECT {columns} FROM read_parquet([{files}], {options})"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
