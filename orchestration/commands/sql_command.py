"""`daybreak sql`: DuckDB over the lake, the artefacts and the releases; reads, never writes."""

import argparse
import sys
from typing import Any

import duckdb

from core.errors import UsageError
from core.home import Home
from orchestration.sql_views import open_views


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("query", nargs="?", metavar="QUERY", help="default: list what there is")
    parser.add_argument("--as-of", metavar="DATE", help="artefacts of this date (default: latest)")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Runs one query; returns its rows.

    Raises:
        UsageError: the query is not valid, or would write or read elsewhere.
    """
    connection = open_views(home, options.as_of)
    query = options.query or "SELECT table_name FROM information_schema.tables ORDER BY 1"
    try:
        found = connection.sql(query)
        if found is None:
            return {"columns": [], "rows": []}, ""
        columns = found.columns
        if options.json:
            rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in found.fetchall()]
            return {"columns": columns, "rows": rows}, ""
        found.show(max_rows=200)
    except duckdb.Error as error:
        detail = " ".join(str(error).split())[:300]
        raise UsageError(f"query failed: {detail}; see `daybreak sql` for the tables") from None
    sys.stdout.flush()
    return {}, ""


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)
