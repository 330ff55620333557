"""The names that an item's `facts` give: one reading for what is learned and for what is said."""

from collections.abc import Iterable
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

LISTS = ("cast", "awards")
SERIES = "series"
NAMES: dict[str, pl.DataType] = {
    **{name: pl.List(pl.String()) for name in LISTS},
    SERIES: pl.String(),
}


def names_in_facts(facts: pl.Series) -> pl.DataFrame:
    """Returns the names in each row's `facts`, trimmed, in the order given.

    The facts are a JSON object from outside. Only texts that are not blank are names: numbers,
    true, false and null are none, nor are lists and objects where a name is expected. In place of
    a list a lone text counts as a list of one. What is no name counts as absent.

    Args:
        facts: JSON texts, nullable, in any state.

    Returns:
        (n,) rows of NAMES: `cast` and `awards` as lists, empty where there are none; `series` as
        a text, null where there is none.
    """
    # Polars' JSON paths return a value's text without its kind: false would be the name "false".
    objects = [_object(text) for text in facts]
    columns = {name: _column(_names(known.get(name)) for known in objects) for name in LISTS}
    series = pl.Series([_name(known.get(SERIES)) for known in objects], dtype=NAMES[SERIES])
    return pl.DataFrame({**columns, SERIES: series})


def _column(rows: Iterable[list[str]]) -> pl.Series:
    # Arrow builds lists five times as fast as Polars does.
    return pl.Series(pa.array(list(rows), pa.large_list(pa.large_string())))


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than the reader goes
        return {}
    return found if isinstance(found, dict) else {}


def _names(value: object) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    return [name for entry in entries if (name := _name(entry))]


def _name(value: object) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None
