"""DuckDB as a calculator over columns: JSON, times and hashes of many rows at once."""

import atexit
import functools
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

_BATCH = 16_384  # rows that one thread takes at a time


@functools.cache
def _database() -> Any:
    database = duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
    )
    atexit.register(_close)
    return database


def _close() -> None:
    _database().close()
    _database.cache_clear()


def select(query: str, **frames: pl.DataFrame) -> pl.DataFrame:
    """Returns a query's rows, in the order of the single frame that it reads.

    Args:
        query: SQL that names the frames as tables.
        frames: the frames by name.

    Raises:
        MemoryError: DuckDB ran out of memory; it says so by an error of its own.
    """
    cursor = _database().cursor()
    try:
        for name, frame in frames.items():
            whole = frame.to_arrow()
            pieces = pa.Table.from_batches(whole.to_batches(max_chunksize=_BATCH), whole.schema)
            cursor.register(name, pieces)
        result = pl.from_arrow(cursor.sql(query).to_arrow_table())
        assert isinstance(result, pl.DataFrame)
        return result
    except duckdb.OutOfMemoryException as error:
        raise MemoryError(str(error)) from error
    finally:
        cursor.close()


def quoted(text: str) -> str:
    """Returns a text as a SQL literal.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
