"""Raw records taken apart into fields, as far as they parse."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from core.ingest_settings import Mapping

USER, OTHER, TORN = 0, 1, 2
"""Where a text stood: in the user's column, in another one, or in a record that does not parse."""
_EXPONENT_DIGITS = 3  # beyond them a number has more digits than an id
_Split = Callable[[str], list[tuple[int, str]]]


@dataclass(frozen=True)
class RecordForm:
    """How the records of a file are written, as far as that is known.

    Attributes:
        user_columns: what the column of the user's id may be called.
        header: a CSV file's columns; empty where records are JSON, or where nobody knows.
        separator: what stands between them.
    """

    user_columns: frozenset[str] = frozenset({"user_id"})
    header: tuple[str, ...] = ()
    separator: str = ","

    @classmethod
    def of(cls, mapping: Mapping, header: Iterable[str] = (), separator: str = ",") -> "RecordForm":
        """Returns the form of a file that is read with a mapping."""
        names = {"user_id", mapping.columns.get("user_id", "user_id")}
        return cls(frozenset(names), tuple(header), separator)


def split_records(raw: pl.Series, form: RecordForm) -> pl.DataFrame:
    """Returns the texts in records: `row` (UInt32), `place` (UInt8) and `text` (String).

    Of JSON these are the strings, those nested in others too, the keys, and what the user's column
    holds; a record that does not parse is one text. Null has none.
    """
    split = _reader(form)
    found = [
        (row, place, text)
        for row, record in enumerate(raw)
        if record is not None
        for place, text in split(record)
    ]
    schema = {"row": pl.UInt32, "place": pl.UInt8, "text": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row")


def _reader(form: RecordForm) -> _Split:
    """Returns what splits a record into its fields with their places, a torn one into itself."""
    parsed = _csv_reader(form) if form.header else _json_reader(form)

    def fields(record: str) -> list[tuple[int, str]]:
        try:
            return parsed(record)
        except (ValueError, RecursionError, csv.Error):
            return [(TORN, record)]

    return fields


def _csv_reader(form: RecordForm) -> _Split:
    places = [USER if name in form.user_columns else OTHER for name in form.header]

    def fields(record: str) -> list[tuple[int, str]]:
        lines = csv.reader(io.StringIO(record, newline=""), delimiter=form.separator, strict=True)
        (cells,) = lines
        return list(zip(places, cells, strict=True))

    return fields


class _Number(str):
    """A number as it is written, but for its exponent."""

    @classmethod
    def of(cls, text: str) -> "_Number":
        """Returns a number written out, as ids are; one that is longer than any id as it stands.

        >>> [str(_Number.of(text)) for text in ("42e0", "4.2E+1", "4200e-2", "42.0", "1e999999")]
        ['42', '42', '42.00', '42.0', '1e999999']
        """
        _, _, exponent = text.lower().partition("e")
        is_short = len(exponent.lstrip("+-0")) <= _EXPONENT_DIGITS
        return cls(format(Decimal(text), "f") if exponent and is_short else text)


def _json_reader(form: RecordForm) -> _Split:
    """Returns what reads the strings of an object, those nested in it too, and its keys."""
    found: list[tuple[int, str]] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, value in pairs:
            if key not in form.user_columns:
                found.append((OTHER, key))
                found.extend((OTHER, text) for text in _strings_of(value))
            elif isinstance(value, str):
                found.append((USER, value))
            elif isinstance(value, dict | list):
                raise ValueError("no id, whatever it holds")
        return {}

    decoder = json.JSONDecoder(
        object_pairs_hook=note, parse_int=_Number, parse_float=_Number.of, strict=False
    )

    def fields(record: str) -> list[tuple[int, str]]:
        found.clear()
        if not isinstance(decoder.decode(record), dict):
            raise ValueError("no object")
        return [(place, _encodable(text)) for place, text in found]

    return fields


def _encodable(text: str) -> str:
    """Returns a text without halves of pairs, which are no letters."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _strings_of(one)
    elif isinstance(value, str) and not isinstance(value, _Number):
        yield value
