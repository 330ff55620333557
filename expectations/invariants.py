"""The checks of one table, derived from its schema: what is measured, and between which limits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from core.columns import Column
from core.schemas import WEEKS_BEFORE, Table

_AT_MOST = {
    "interactions": (("n_negative", "n_events"),),
    "user_features": (
        ("n_positive", "n_items"), ("n_items", "n_events"), ("n_events_7d", "n_events"),
        ("recency_days", "tenure_days"),
    ),
    "item_features": (
        ("n_users_1d", "n_users_7d"), ("n_users_7d", "n_users_30d"), ("n_users_30d", "n_users"),
        *((week, "n_users_30d") for week in WEEKS_BEFORE),
    ),
}  # fmt: skip
_ALSO_UNIQUE = {
    "lists": ("user_id", "item_id"),
    "segment_lists": ("segment", "item_id"),
    "neighbour_lists": ("item_id", "neighbour_id"),
    "recent_items": ("user_id", "item_id"),
}
Measure = Literal["always", "violations", "duplicates", "order", "gaps", "dangling"]
"""`always`: part of every profile; `violations`: an expression; the others: a pass of their own."""
NOT_MEASURED = -1
"""Stands for a measure that could not be taken (its column is missing or of another type)."""


@dataclass(frozen=True)
class Reference:
    """Where the values of a column must be found.

    Attributes:
        table: the other table's name, for the check's name.
        paths: its files.
        column: its column.
    """

    table: str
    paths: Path | Sequence[Path]
    column: str


@dataclass(frozen=True)
class Limits:
    """How much of a table there must be.

    Attributes:
        min_rows: fewest rows; 0 allows an empty table.
        max_rows: most rows, if any.
        min_days: fewest days with a row, for tables with `occurred_us`.
        min_rows_per_day: fewest rows on any day that has one, for tables with `occurred_us`.
    """

    min_rows: int = 1
    max_rows: int | None = None
    min_days: int | None = None
    min_rows_per_day: int | None = None


@dataclass(frozen=True)
class Invariant:
    """One number of a table's profile and the range in which it must lie.

    Attributes:
        name: the check's name: letters, digits and underscores.
        meaning: one sentence for people.
        minimum: smallest allowed number.
        maximum: largest allowed number, if any.
        columns: the columns that it reads.
        measure: how `profile` comes by the number.
        violations: counts the rows that break it, where the measure is `violations`.
    """

    name: str
    meaning: str
    minimum: float = 0
    maximum: float | None = 0
    columns: tuple[str, ...] = ()
    measure: Measure = "always"
    violations: pl.Expr | None = None


def check_name(text: str) -> str:
    """Returns a text as a check's name: every run of other characters becomes an underscore."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def invariants(
    table: Table, references: Mapping[str, Reference], limits: Limits
) -> tuple[Invariant, ...]:
    """Returns every invariant of a table.

    Args:
        table: the schema.
        references: by column, where its values must be found.
        limits: how much there must be.
    """
    rows = Invariant("n_rows", "The table has enough rows.", limits.min_rows, limits.max_rows)
    shape = Invariant("columns_and_types", "Every column is there, in its type.")
    by_column = [found for column in table.columns for found in _of_column(column)]
    at_most = [_at_most(*pair) for pair in _AT_MOST.get(table.name, ())]
    dangling = [
        Invariant(
            check_name(f"{column}_known_in_{reference.table}"),
            f"Every {column} is a {reference.column} of {reference.table}.",
            columns=(column,),
            measure="dangling",
        )
        for column, reference in references.items()
    ]
    return (rows, shape, *by_column, *at_most, *_of_key(table), *dangling, *_volume(table, limits))


def _of_key(table: Table) -> list[Invariant]:
    key = ", ".join(table.key)
    found = [
        Invariant(
            "key_unique", f"No two rows share {key}.", columns=table.key, measure="duplicates"
        ),
        Invariant(
            "in_key_order", f"Rows stand in order of {key}.", columns=table.key, measure="order"
        ),
    ]
    if also := _ALSO_UNIQUE.get(table.name):
        name = check_name("_".join((*also, "unique")))
        meaning = f"No two rows share {', '.join(also)}."
        found.append(Invariant(name, meaning, columns=also, measure="duplicates"))
    if table.key[-1] == "rank":
        meaning = "Ranks run from 1 without a gap."
        found.append(Invariant("rank_without_gaps", meaning, columns=table.key, measure="gaps"))
    return found


def _of_column(column: Column) -> list[Invariant]:
    name, value = column.name, pl.col(column.name)
    found = []

    def add(suffix: str, meaning: str, broken: pl.Expr) -> None:
        check = check_name(f"{name}_{suffix}")
        found.append(Invariant(check, meaning, 0, 0, (name,), "violations", broken.sum()))

    if not column.nullable:
        add("not_null", f"{name} is never null.", value.is_null())
    if column.minimum is not None or column.maximum is not None:
        low = value < column.minimum if column.minimum is not None else pl.lit(False)
        high = value > column.maximum if column.maximum is not None else pl.lit(False)
        limits = f"{_number(column.minimum)} to {_number(column.maximum)}"
        add("in_range", f"{name} lies in {limits}.", low | high)
    if column.values is not None:
        allowed = ", ".join(column.values)
        add("in_set", f"{name} is one of {allowed}.", ~value.is_in(list(column.values)))
    if column.dtype in ("float32", "float64"):
        add("finite", f"{name} is a finite number.", ~value.is_finite())
    if column.dtype == "string" and name.endswith("_id"):
        add("not_blank", f"{name} is not blank.", value.str.strip_chars().str.len_bytes() == 0)
    return found


def _at_most(low: str, high: str) -> Invariant:
    check = check_name(f"{low}_at_most_{high}")
    broken = (pl.col(low) > pl.col(high)).sum()
    return Invariant(check, f"{low} is at most {high}.", 0, 0, (low, high), "violations", broken)


def _volume(table: Table, limits: Limits) -> list[Invariant]:
    found = []
    if limits.min_days is not None:
        found.append(Invariant("n_days", "Enough days have rows.", limits.min_days, None))
    if limits.min_rows_per_day is not None:
        least = limits.min_rows_per_day
        found.append(Invariant("min_rows_per_day", "Each day has enough rows.", least, None))
    return found


def _number(limit: float | None) -> str:
    return "any" if limit is None else f"{limit:g}" if abs(limit) < 1e9 else f"{limit:.0f}"
