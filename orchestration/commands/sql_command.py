"""`daybreak sql`: DuckDB over the lake, the artefacts and the releases; reads, never writes."""

import argparse
import math
import sys
from typing import Any

import duckdb

from core.days import parse_day
from core.errors import UsageError
from core.home import Home
from core.ids import check_utf8
from core.release_store import ReleaseStore
from orchestration.sql_tables import ShownTable, shown_tables
from orchestration.sql_views import open_views

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1"
_OF_THE_QUERY = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
"""What goes wrong before a file is read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("query", nargs="?", metavar="QUERY", help="default: list what there is")
    parser.add_argument("--as-of", metavar="DATE", help="artefacts of this date (default: latest)")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Runs one query; returns its rows.

    Raises:
        UsageError: the query is not valid, or would write or read elsewhere; or the date is none.
        IntegrityError: a file of the home is gone or damaged, its tombstones too.
    """
    if options.as_of:
        parse_day(options.as_of)
    tables = shown_tables(home, options.as_of)
    connection = open_views(home.root, tables, ReleaseStore(home.releases).tombstones.state())
    query = options.query or _TABLES
    try:
        _check_reads(connection, query)
        found = connection.sql(query)
        columns = found.columns
        if options.json:
            if twice := sorted({name for name in columns if columns.count(name) > 1}):
                raise UsageError(f"query has two columns named {twice[0]!r}; rename one with AS")
            rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in found.fetchall()]
            return {"columns": columns, "rows": rows}, ""
        found.show(max_rows=200)
    except duckdb.Error as error:
        if not isinstance(error, _OF_THE_QUERY):
            _check_files(tables, query)
        detail = " ".join(str(error).split())[:300]
        raise UsageError(f"query failed: {detail}; see `daybreak sql` for the tables") from None
    sys.stdout.flush()
    return {}, ""


def _check_reads(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Checks that a text is one query that reads: DuckDB itself would let COPY write to the home.

    Raises:
        UsageError: it is none, several, or another statement.
    """
    check_utf8(query, "query")
    kinds = [statement.type for statement in connection.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        told = ", ".join(kind.name for kind in kinds) or "nothing"
        raise UsageError(f"query is {told}, not one SELECT; `daybreak sql` reads and never writes")


def _check_files(tables: list[ShownTable], query: str) -> None:
    """Checks the tables that a query names; a page may be damaged where the footer is whole."""
    for shown in tables:
        if shown.name in query.lower():
            shown.check_files()


def _plain(value: Any) -> Any:
    """Returns a value as JSON knows it; a number that is not finite as text."""
    match value:
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
        case float() if not math.isfinite(value):
            return str(value)
        case None | str() | bool() | int() | float():
            return value
    return str(value)
