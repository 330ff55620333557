"""Ids and texts: one spelling each, and none that two readers could see as different."""

import polars as pl

from assets.ingest.checked import Checked, checked, is_not
from assets.ingest.distinct import over_distinct
from core.errors import UnreadableFile
from core.ids_in_text import HIDDEN
from core.ingest_settings import IngestSettings

_WHOLE = r"^(-?[0-9]{1,15})\.0$"  # below 10^15 every double is the number that was written


def ids(name: str, cells: pl.Series, settings: IngestSettings, *, required: bool) -> Checked:
    """Returns ids as text: NFC, trimmed, case kept.

    Refused are missing ids (null, empty, blank, or a spelling of null) where one is required,
    hidden characters, more than `max_id_bytes`, and numbers that are no exact integer.

    Raises:
        UnreadableFile: the column's type holds no ids.
    """
    texts, odd = as_text(name, cells)

    def work(column: pl.Series) -> Checked:
        if _is_plain(column, settings.max_id_bytes):
            missing = column.is_null() | column.is_in(settings.missing_spellings)
            if not missing.any():
                return Checked(column)
        clean = normalised(column)
        missing = clean.is_null() | clean.is_in(settings.missing_spellings)
        fault = (
            pl.when(missing)
            .then(pl.lit(f"{name} is missing" if required else None, pl.String))
            .when(clean.str.len_bytes() > settings.max_id_bytes)
            .then(pl.lit(f"{name} is longer than {settings.max_id_bytes} bytes"))
            .when(clean.str.contains(HIDDEN))
            .then(pl.lit(f"{name} holds a control or invisible character"))
        )
        value = pl.when(~missing).then(pl.col("clean"))
        both = clean.to_frame("clean").select(value.alias(name), fault.alias("fault"))
        return checked(both[name], both["fault"])

    outcome = over_distinct(texts, work)
    if odd is None:
        return outcome
    inexact = is_not(name, "id", odd, cells)
    rest = inexact if outcome.fault is None else inexact.zip_with(odd, outcome.fault)
    return checked(outcome.values, rest)


def free_text(name: str, cells: pl.Series, settings: IngestSettings) -> Checked:
    """Returns a text column: NFC, trimmed, empty is null.

    Refused are NUL characters and more than `max_text_bytes`.

    Raises:
        UnreadableFile: the column's type holds no text.
    """
    texts, _ = as_text(name, cells)

    def work(column: pl.Series) -> Checked:
        if _is_plain(column, settings.max_text_bytes):
            return Checked(column)
        clean = normalised(column)
        fault = (
            pl.when(clean.str.len_bytes() > settings.max_text_bytes)
            .then(pl.lit(f"{name} is longer than {settings.max_text_bytes} bytes"))
            .when(clean.str.contains("\0", literal=True))
            .then(pl.lit(f"{name} holds a NUL character"))
        )
        return checked(clean.alias(name), clean.to_frame("c").select(fault.alias("f"))["f"])

    return over_distinct(texts, work)


def normalised(texts: pl.Series) -> pl.Series:
    """Returns texts in Unicode's composed form (NFC) without blanks around; empty is null.

    Not by `pyarrow.compute.utf8_normalize`, whose "NFC" (25.0) leaves letters decomposed.
    """
    clean = texts.str.normalize("NFC").str.strip_chars()
    return clean.set(clean == "", None)


def _is_plain(texts: pl.Series, max_bytes: int) -> bool:
    """Returns whether all texts are visible ASCII without blanks, which no rule would change."""
    fits = (texts.str.len_bytes() <= max_bytes).all()
    return bool(fits and texts.str.contains(r"^[!-~]+$").all())


def as_text(name: str, cells: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Returns a column as text, and which of its numbers are no exact integer (None: none can be).

    Raises:
        UnreadableFile: the type is no text and no number.
    """
    kind = cells.dtype
    if kind == pl.String:
        return cells, None
    if kind.is_integer() or kind == pl.Null:
        return cells.cast(pl.String), None
    if kind.is_float() or kind.is_decimal():
        texts = cells.cast(pl.Float64 if kind.is_float() else kind).cast(pl.String)
        whole = whole_numbers(texts)
        return whole, whole.is_null() & texts.is_not_null()
    raise UnreadableFile(f"column {name!r} has type {kind}, not text; write it as text")


def whole_numbers(texts: pl.Series) -> pl.Series:
    """Returns the exact integers among texts of numbers, without a trailing `.0`; else null.

    >>> whole_numbers(pl.Series(["12", "12.0", "1.5", "9007199254740992.0", "1e400"])).to_list()
    ['12', '12', None, None, None]
    """
    whole = texts.str.replace(_WHOLE, "$1")
    return whole.set(~whole.str.contains(r"^-?[0-9]+$"), None)
