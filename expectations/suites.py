"""Expectation suites from schemas: one on a table's profile, one on a sample of its rows."""

from collections.abc import Sequence
from typing import Any

from core.columns import Column, Dtype
from core.schemas import Table
from expectations.great import load
from expectations.invariants import Invariant, check_name

_PANDAS_TYPES: dict[Dtype, list[str]] = {
    "string": ["str"],
    "bool": ["bool"],
    "int32": ["int32"],
    "int64": ["int64"],
    "float32": ["float32"],
    "float64": ["float64"],
}
_CONTROL = r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\ufeff]"


def profile_suite(table: Table, wanted: Sequence[Invariant]) -> Any:
    """Returns the suite on the one-row profile frame: each number (its greatest) within limits."""
    gx = load()
    return gx.ExpectationSuite(
        name=f"{table.name}.profile",
        expectations=[
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=invariant.name,
                min_value=invariant.minimum,
                max_value=invariant.maximum,
                meta={"check": invariant.name},
                notes=invariant.meaning,
            )
            for invariant in wanted
        ],
    )


def sampled_columns(table: Table) -> list[Column]:
    """Returns the columns that a sample holds: all but lists, timestamps and free JSON or text."""
    return [
        column
        for column in table.columns
        if column.dtype in _PANDAS_TYPES
        and (column.dtype != "string" or column.values or column.name.endswith("_id"))
    ]


def sample_suite(table: Table) -> Any:
    """Returns the suite on a sample: what pandas sees of the rows is what the schema says."""
    gx = load()
    columns = sampled_columns(table)
    names = [column.name for column in columns]
    whole = gx.expectations.ExpectTableColumnsToMatchOrderedList(
        column_list=names,
        meta={"check": "sample_columns"},
        notes="The sample has the schema's columns, in order.",
    )
    key = [name for name in table.key if name in names]
    unique: list[Any] = []
    if len(key) == len(table.key):
        unique = [_unique(gx, key)]
    by_column = [found for column in columns for found in _of_column(gx, column)]
    return gx.ExpectationSuite(
        name=f"{table.name}.sample", expectations=[whole, *unique, *by_column]
    )


def _unique(gx: Any, key: list[str]) -> Any:
    meta = {"check": "sample_key_unique"}
    notes = "No two sampled rows share their key."
    if len(key) == 1:
        return gx.expectations.ExpectColumnValuesToBeUnique(column=key[0], meta=meta, notes=notes)
    return gx.expectations.ExpectCompoundColumnsToBeUnique(column_list=key, meta=meta, notes=notes)


def _of_column(gx: Any, column: Column) -> list[Any]:
    name, found = column.name, gx.expectations

    def options(suffix: str, notes: str) -> dict[str, Any]:
        check = check_name(f"sample_{name}_{suffix}")
        return {"column": name, "meta": {"check": check}, "notes": notes}

    made = []
    if not column.nullable:
        made.append(
            found.ExpectColumnValuesToNotBeNull(**options("not_null", f"{name} is never null."))
        )
        made.append(
            found.ExpectColumnValuesToBeInTypeList(
                type_list=_PANDAS_TYPES[column.dtype],
                **options("type", f"{name} is of type {column.dtype}."),
            )
        )
    if column.values is not None:
        made.append(
            found.ExpectColumnValuesToBeInSet(
                value_set=list(column.values), **options("in_set", f"{name} is an allowed value.")
            )
        )
    if column.minimum is not None or column.maximum is not None:
        made.append(
            found.ExpectColumnValuesToBeBetween(
                min_value=column.minimum,
                max_value=column.maximum,
                **options("in_range", f"{name} lies in its range."),
            )
        )
    if name.endswith("_id"):
        made.append(
            found.ExpectColumnValueLengthsToBeBetween(
                min_value=1, max_value=512, **options("length", f"{name} has 1 to 512 characters.")
            )
        )
        made.append(
            found.ExpectColumnValuesToNotMatchRegex(
                regex=_CONTROL,
                **options("visible", f"{name} has no control or invisible characters."),
            )
        )
    return made
