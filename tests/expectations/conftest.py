"""Small valid tables, one of each schema, and a way to store them with a fault."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from core.columns import Column
from core.schemas import Table
from core.tables import conform

N = 6


def _value(table: Table, column: Column, row: int) -> Any:
    if column.name == "rank":
        return row % 3 + 1
    if column.values is not None:
        return column.values[row % len(column.values)]
    if column.dtype == "bool":
        return row % 2 == 0
    if column.dtype == "list[string]":
        return ["a", "b"]
    if column.dtype == "string":
        owner = table.key[-1] == "rank" and column.name == table.key[0]
        return f"{column.name}{row // 3 if owner else row}"
    if column.dtype == "timestamp":
        return 1_500_000_000_000_000 + row
    low = column.minimum or 0
    if column.name in table.key:
        return low + row
    return low if low > 1e9 else min(low + 1, column.maximum or low + 1)


@pytest.fixture
def valid() -> Callable[[Table], pl.DataFrame]:
    """Returns six rows of any schema that keep all of its invariants."""

    def build(table: Table) -> pl.DataFrame:
        rows = [[_value(table, column, row) for column in table.columns] for row in range(N)]
        whole = pl.DataFrame(rows, schema=table.names, orient="row")
        return conform(whole, table)

    return build


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[pl.DataFrame], Path]:
    """Stores a frame as it is, faults included."""
    count = iter(range(1_000))

    def store(frame: pl.DataFrame) -> Path:
        path = tmp_path / f"{next(count)}.parquet"
        frame.write_parquet(path)
        return path

    return store
