"""DuckDB as a calculator over columns: JSON, times and hashes of many rows at once."""

import functools
from typing import Any

import duckdb
import polars as pl


@functools.cache
def _database() -> Any:
    return duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
    )


def select(query: str, **frames: Any) -> pl.DataFrame:
    """Returns a query's rows, in the order of the single frame that it reads.

    Args:
        query: SQL that names the frames as tables.
        frames: Polars frames or Arrow tables by name.
    """
    cursor = _database().cursor()
    try:
        for name, frame in frames.items():
            arrow = frame.to_arrow() if isinstance(frame, pl.DataFrame) else frame
            cursor.register(name, arrow)
        result = pl.from_arrow(cursor.sql(query).to_arrow_table())
        assert isinstance(result, pl.DataFrame)
        return result
    finally:
        cursor.close()


def quoted(text: str) -> str:
    """Returns a text as a SQL literal.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
