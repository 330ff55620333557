"""The outcome of conforming one column."""

from dataclasses import dataclass

import polars as pl

from assets.ingest.fields import Kind
from core.columns import RUNGS

MEANT = {
    "id": "text or an exact integer",
    "action": "text",
    "time": "a time",
    "number": "a finite number",
    "integer": "a whole number from 0 to 2147483647",
    "text": "text",
    "texts": "a list of texts",
    "bool": "true or false",
    "object": "a JSON object",
    "rung": f"one of {', '.join(RUNGS)}",
    "ids": "a list of ids",
    "rungs": "a list of rungs",
}  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """One column after its rules.

    Attributes:
        values: the conformed values; those of refused rows mean nothing.
        fault: why each row is refused, null where it is not; None where no row is.
    """

    values: pl.Series
    fault: pl.Series | None = None


def checked(values: pl.Series, fault: pl.Series) -> Checked:
    """Returns the outcome, without the faults where there are none."""
    return Checked(values, None if fault.null_count() == len(fault) else fault)


def is_not(name: str, kind: Kind, odd: pl.Series, shown: pl.Series) -> pl.Series:
    """Returns the fault "value is X, not a number" for the rows where `odd` is true."""
    value = shown.cast(pl.String).str.slice(0, 40)
    said = pl.format(f"{name} is {{}}, not {MEANT[kind]}", value.fill_null("of another type"))
    return pl.select(pl.when(odd.fill_null(False)).then(said)).to_series().alias("fault")


def first_fault(faults: list[pl.Series]) -> pl.Series:
    """Returns each row's first fault in the order given, null where it has none."""
    return pl.select(pl.coalesce(faults)).to_series().alias("fault")


def no_faults(n_rows: int) -> pl.Series:
    """Returns n faults that are none."""
    return pl.Series("fault", [None], pl.String).new_from_index(0, n_rows)


def one_of(values: tuple[str, ...]) -> str:
    """Returns a regular expression that matches exactly these ASCII words, in any case.

    >>> one_of(("yes", "no"))
    '^(?i:yes|no)$'
    """
    return f"^(?i:{'|'.join(values)})$"
