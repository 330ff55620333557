"""What every engine's frames have in common: their type, and how one becomes a table's rows."""

from typing import Any, TypeAlias

import narwhals as nw
import polars as pl

from core.columns import Dtype
from core.errors import CheckFailed
from core.schemas import Table

Frame: TypeAlias = nw.LazyFrame[Any]

_NUMBERS: dict[Dtype, Any] = {
    "int32": nw.Int32(),
    "int64": nw.Int64(),
    "float32": nw.Float32(),
    "float64": nw.Float64(),
}


def empty(table: Table) -> pl.DataFrame:
    """Returns the table without rows."""
    return pl.DataFrame(schema=table.polars)


def conformed(frame: Frame, table: Table) -> Frame:
    """Returns the frame with the table's columns in order, its numbers in the table's types.

    Raises:
        CheckFailed: the frame lacks one of the table's columns.
    """
    have = frame.collect_schema()
    if missing := [name for name in table.names if name not in have]:
        raise CheckFailed(
            f"table {table.name} lacks column {missing[0]!r}, it has {', '.join(have)}; "
            "see core/schemas.py"
        )
    columns = []
    for column in table.columns:
        kind = _NUMBERS.get(column.dtype)
        expression = nw.col(column.name)
        columns.append(
            expression if kind is None or have[column.name] == kind else expression.cast(kind)
        )
    return frame.select(columns)
