"""What makes two rows the same row."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from assets.ingest.sql import quoted, select
from core.schemas import EVENTS

_PROVENANCE = {"line", "ingested_us", "source_file"}
_DERIVED = {"occurred_at"}  # the same moment as occurred_us
_LATER = EVENTS.later_names  # said nothing by rows from before there were any, so null says nothing


def payload(rows: pl.DataFrame, key: str) -> list[str]:
    """Returns the columns in which a row says something: all but its key and its origin."""
    return [name for name in rows.columns if name not in _PROVENANCE | _DERIVED | {key}]


def payload_ids(events: pl.DataFrame) -> pl.Series:
    """Returns an id for each event that has none: 128 bits over its payload, as 32 hex digits.

    Each value is written with its length before it, so that no two payloads read alike. A row
    without any of the later columns has the id that it had before there were any.
    """
    frame = events.select(_as_whole(events[name]) for name in sorted(payload(events, "event_id")))
    said = ", ".join(_said(values) for values in frame)
    return select(f"select md5(concat_ws(';', {said})) as h from frame", frame=frame)["h"]


def _said(values: pl.Series) -> str:
    """Returns in SQL what one column says in each row, written out where all rows say the same."""
    name = values.name
    nothing = "null" if name in _LATER else f"'{name}'"
    if values.null_count() == len(values):
        return nothing
    first = values[0]
    if isinstance(first, str) and not values.null_count() and (values == first).all():
        return quoted(f"{name}={len(first.encode())}:{first}")
    something = f"concat('{name}=', strlen(\"{name}\"::varchar), ':', \"{name}\")"
    return f'case when "{name}" is null then {nothing} else {something} end'


def _as_whole(values: pl.Series) -> pl.Series:
    """Returns values, floats as the integers of their bits: how they print may change."""
    if values.dtype != pl.Float64:
        return values
    bits = pl.Series(values.name, values.fill_null(0.0).to_numpy().view(np.int64))
    return bits.set(values.is_null(), None)


def hashes(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Returns a 64-bit hash of each row's key and one of all that it says.

    The hash is DuckDB's, which may change with its version; see `event_index.py`. Rows without any
    of the later columns hash as they did before there were any.
    """
    said = sorted(payload(rows, ""))
    later = [name for name in said if name in _LATER and rows[name].null_count() < len(rows)]
    frame = rows.select(name for name in said if name in later or name not in _LATER)
    first = _listed(name for name in said if name not in _LATER)
    every = f"hash({first})"
    if later:
        is_old = f"coalesce({_listed(later)}) is null"
        every = f"case when {is_old} then {every} else hash({first}, {_listed(later)}) end"
    query = f'select hash({_listed(keys)}) as "key", {every} as "all" from frame'
    return select(query, frame=frame)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
