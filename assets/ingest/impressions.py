"""Lists as they were served: one record each, which becomes a row for each item shown."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa

from assets.ingest.checked import Checked, checked, first_fault, is_not, no_faults
from assets.ingest.distinct import over_distinct
from assets.ingest.fields import EVENT_FILE, Kind
from assets.ingest.lists import json_arrays
from assets.ingest.text import as_text, ids, normalised
from core.columns import RUNGS
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings
from core.schemas import EVENTS
from serving.layout import MAX_COUNT

_NO_ID = ("ARRAY", "OBJECT", "BOOLEAN", "DOUBLE")


def rungs(name: str, cells: pl.Series) -> Checked:
    """Returns rungs, null where empty; any other word is refused.

    Raises:
        UnreadableFile: the column's type holds no text.
    """
    texts, _ = as_text(name, cells)

    def work(column: pl.Series) -> Checked:
        clean = normalised(column)
        odd = clean.is_not_null() & ~clean.is_in(RUNGS)
        return checked(clean, is_not(name, "rung", odd, column))

    return over_distinct(texts, work)


def id_lists(name: str, cells: pl.Series, settings: IngestSettings) -> Checked:
    """Returns lists of ids, each as `ids` has it; lists and JSON arrays are read.

    Refused are those that are empty, longer than any list that is served, or hold what is no id.

    Raises:
        UnreadableFile: the column's type holds no lists.
    """
    one = f"an entry of {name}"
    return _lists(name, "ids", cells, lambda flat: ids(one, flat, settings, required=True))


def rung_lists(name: str, cells: pl.Series) -> Checked:
    """Returns lists of rungs; see `id_lists`."""
    one = f"an entry of {name}"

    def judge(flat: pl.Series) -> Checked:
        outcome = rungs(one, flat)
        if not outcome.values.null_count():
            return outcome
        missing = pl.when(outcome.values.is_null()).then(pl.lit(f"{one} is missing"))
        faults = [pl.select(missing.alias("fault")).to_series(), outcome.fault]
        return checked(outcome.values, first_fault([x for x in faults if x is not None]))

    return _lists(name, "rungs", cells, judge)


def unequal(items: pl.Series, rungs: pl.Series) -> pl.Series:
    """Returns as a fault which lists have not a rung for each item."""
    n_items, n_rungs = items.list.len(), rungs.list.len()
    said = pl.format("items and rungs differ in length: {} and {}", n_items, n_rungs)
    return pl.select(pl.when(n_items != n_rungs).then(said).alias("fault")).to_series()


def shown_items(lists: pl.DataFrame) -> pl.DataFrame:
    """Returns a row for each item of each list: an event file's columns and `line`.

    Args:
        lists: an impression file's columns and `line`; `items` and `rungs` of equal length, none
            empty.
    """
    places = pl.int_ranges(1, pl.col("items").list.len() + 1, dtype=pl.Int32)
    given = {field.name for field in EVENT_FILE.fields} - {"item_id", "action", "position", "rung"}
    nulls = [
        pl.lit(None, EVENTS.polars[name]).alias(name)
        for name in sorted(given.intersection(EVENTS.names).difference(lists.columns))
        if name != "occurred_at"
    ]
    return (
        lists.with_columns(places.alias("position"))
        .drop("rung")
        .explode("items", "rungs", "position", empty_as_null=False)
        .rename({"items": "item_id", "rungs": "rung"})
        .with_columns(pl.lit("impression").alias("action"), *nulls)
    )


def _lists(
    name: str, kind: Kind, cells: pl.Series, judge: Callable[[pl.Series], Checked]
) -> Checked:
    """Returns lists whose entries were judged all at once; a list has its first entry's fault."""
    lists, shown = _read(name, cells)
    n_entries = lists.list.len()
    said = (
        pl.when(lists.is_null() & shown.is_null())
        .then(pl.lit(f"{name} is missing"))
        .when(n_entries == 0)
        .then(pl.lit(f"{name} is empty"))
        .when(n_entries > MAX_COUNT)
        .then(pl.format(f"{name} holds {{}} entries, the limit is {MAX_COUNT}", n_entries))
    )
    faults = [is_not(name, kind, lists.is_null() & shown.is_not_null(), shown)]
    faults.append(pl.select(said.alias("fault")).to_series())
    fits = pl.select(pl.when(n_entries <= MAX_COUNT).then(lists).alias(name)).to_series()
    ends = np.cumsum(fits.list.len().fill_null(0).to_numpy(), dtype=np.int64)
    outcome = judge(fits.explode(empty_as_null=False, keep_nulls=False))
    if outcome.fault is not None:
        bad = outcome.fault.is_not_null().arg_true()
        rows, first = np.unique(np.searchsorted(ends, bad, side="right"), return_index=True)
        entries = outcome.fault.gather(bad.gather(first))
        faults.append(no_faults(len(cells)).scatter(rows, entries))
    values = outcome.values.to_arrow().cast(pa.large_string())
    again = pa.LargeListArray.from_arrays(pa.array(np.append(0, ends)), values)
    return checked(pl.Series(name, again), first_fault(faults))


def _read(name: str, cells: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Returns cells as lists of texts, null where a cell is none, and as texts to show."""
    if isinstance(cells.dtype, pl.List | pl.Array):
        inner = pl.List(cells.dtype.inner).inner
        if not (inner in (pl.String, pl.Null) or inner.is_integer()):
            raise UnreadableFile(f"column {name!r} has type {cells.dtype}, not a list of texts")
        lists = cells.cast(pl.List(pl.String))
        return lists, lists.list.join("|", ignore_nulls=True)
    texts, _ = as_text(name, cells)
    shown = texts.str.strip_chars()
    shown = shown.set(shown == "", None)
    return json_arrays(shown, _NO_ID), shown
