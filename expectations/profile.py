"""A table's profile: every invariant measured over all of its rows, lazily, in bounded memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import polars as pl

from core.days import DAY_US
from core.schemas import Table
from core.tables import scan_tables
from expectations.invariants import NOT_MEASURED, Invariant, Reference

_ROWS_A_PASS = 8_000_000


@dataclass(frozen=True)
class Profile:
    """What was measured.

    Attributes:
        values: by name: each invariant's number, and `first_day`, `last_day` (days since 1970),
            `n_days`, `min_rows_per_day`, `max_rows_per_day` for tables with `occurred_us`.
        notes: what a person should know of a number, by name.
    """

    values: dict[str, int]
    notes: dict[str, str]

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return self.values["n_rows"]


def scan(paths: Path | Sequence[Path], table: Table) -> pl.LazyFrame:
    """Returns a table's files as one lazy frame; no files, no rows.

    What cannot be read raises here or when the frame is collected.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    if not files:
        return pl.LazyFrame(schema=table.polars)
    return scan_tables(files, table)


def measure(
    frame: pl.LazyFrame,
    table: Table,
    wanted: Sequence[Invariant],
    references: Mapping[str, Reference],
) -> Profile:
    """Returns the profile of a table.

    Counts need one pass; keys are held as 64-bit hashes, at most 8 million at a time, and
    compared in full only where two hashes meet.

    Args:
        frame: the table's rows in stored order.
        table: its schema.
        wanted: the invariants to measure.
        references: by column, where its values must be found.
    """
    found = frame.collect_schema()
    wrong = [name for name, kind in table.polars.items() if found.get(name) != kind]
    values, notes = {"columns_and_types": len(wrong)}, {}
    if wrong:
        said = [f"{name} is {found.get(name) or 'missing'}" for name in wrong]
        notes["columns_and_types"] = "; ".join(said)
    able = [x for x in wanted if not set(x.columns) & set(wrong)]
    for invariant in wanted:
        if invariant not in able:
            values[invariant.name] = NOT_MEASURED
            notes[invariant.name] = "not measured: its column is missing or of another type"
    counted = {x.name: x.violations for x in able if x.violations is not None}
    counts = frame.select(pl.len().alias("n_rows"), **counted).collect(engine="streaming")
    values |= counts.row(0, named=True)
    for invariant in able:
        if invariant.measure not in ("always", "violations"):
            values[invariant.name] = _measure_alone(frame, invariant, references, values["n_rows"])
    if "occurred_us" in table.names and "occurred_us" not in wrong:
        values |= _days(frame)
    return Profile({name: int(value or 0) for name, value in values.items()}, notes)


def _measure_alone(
    frame: pl.LazyFrame, invariant: Invariant, references: Mapping[str, Reference], n_rows: int
) -> int:
    if invariant.measure == "order":
        return _out_of_order(frame, invariant.columns)
    if invariant.measure == "gaps":
        return _lists_with_gaps(frame, invariant.columns)
    if invariant.measure == "duplicates":
        return _duplicates(frame, invariant.columns, n_rows)
    (column,) = invariant.columns
    return _dangling(frame, column, references[column])


def _duplicates(frame: pl.LazyFrame, key: tuple[str, ...], n_rows: int) -> int:
    """Counts the rows whose key an earlier row has."""
    n_passes = max(1, -(-n_rows // _ROWS_A_PASS))
    total = 0
    for place in range(n_passes):
        hashed = frame.select(*key, hashed=pl.struct(key).hash(17))
        part = hashed.filter(pl.col("hashed") % n_passes == place)
        size = part.select(n=pl.len(), distinct=pl.col("hashed").n_unique())
        n, distinct = size.collect(engine="streaming").row(0)
        if n == distinct:
            continue
        meeting = part.group_by("hashed").len().filter(pl.col("len") > 1).select("hashed")
        twice = part.join(meeting, on="hashed", how="semi").group_by(key).len()
        total += twice.select((pl.col("len") - 1).sum()).collect(engine="streaming").item()
    return total


def _out_of_order(frame: pl.LazyFrame, key: tuple[str, ...]) -> int:
    """Counts the rows that ought to stand before the row above them."""
    above = frame.select(*key, *(pl.col(name).shift(1).alias(f"above_{name}") for name in key))

    def falls(rest: pl.Expr, name: str) -> pl.Expr:
        now, before = pl.col(name), pl.col(f"above_{name}")
        return (now < before) | ((now == before) & rest)

    falling = reduce(falls, reversed(key), pl.lit(False))
    return int(above.select(falling.fill_null(False).sum()).collect(engine="streaming").item() or 0)


def _lists_with_gaps(frame: pl.LazyFrame, key: tuple[str, ...]) -> int:
    """Counts the lists whose ranks are not 1, 2, …, n."""
    *owner, rank = key
    lists = frame.group_by(owner).agg(n=pl.len(), first=pl.col(rank).min(), last=pl.col(rank).max())
    broken = (pl.col("first") != 1) | (pl.col("last") != pl.col("n"))
    return int(lists.select(broken.sum()).collect(engine="streaming").item() or 0)


def _dangling(frame: pl.LazyFrame, column: str, reference: Reference) -> int:
    """Counts the rows whose value the other table lacks."""
    values = frame.select(value=column).drop_nulls()
    files = [reference.paths] if isinstance(reference.paths, Path) else list(reference.paths)
    if files:
        other = pl.scan_parquet(files, hive_partitioning=False, glob=False)
        known = other.select(value=reference.column).unique()
        values = values.join(known, on="value", how="anti")
    return int(values.select(pl.len()).collect(engine="streaming").item())


def _days(frame: pl.LazyFrame) -> dict[str, int]:
    """Returns the day counts; all zero for a table without rows."""
    days = frame.drop_nulls("occurred_us").group_by(day=pl.col("occurred_us") // DAY_US).len()
    summary = days.select(
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
        n_days=pl.len(),
        min_rows_per_day=pl.col("len").min(),
        max_rows_per_day=pl.col("len").max(),
    )
    return summary.collect(engine="streaming").row(0, named=True)
