"""Numbers, places and flags."""

import polars as pl

from assets.ingest.checked import Checked, checked, is_not, one_of
from assets.ingest.fields import Kind
from core.errors import UnreadableFile

_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_INT32 = 2_147_483_647


def numbers(name: str, cells: pl.Series) -> Checked:
    """Returns finite float64 values, null where empty; anything else is refused.

    Raises:
        UnreadableFile: the column's type holds no numbers.
    """
    shown, values = _as_float(name, "number", cells)
    odd = (shown.is_not_null() & values.is_null()) | ~values.is_finite().fill_null(True)
    return checked(values, is_not(name, "number", odd, shown))


def places(name: str, cells: pl.Series) -> Checked:
    """Returns int32 values from 0, null where empty; anything else is refused.

    Raises:
        UnreadableFile: the column's type holds no numbers.
    """
    shown, values = _as_float(name, "integer", cells)
    fits = (values >= 0) & (values <= _INT32) & (values == values.floor())
    odd = shown.is_not_null() & ~fits.fill_null(False)
    whole = values.set(odd, None).cast(pl.Int32)
    return checked(whole, is_not(name, "integer", odd, shown))


def flags(name: str, cells: pl.Series) -> Checked:
    """Returns booleans, false where empty; reads true/false, t/f, yes/no, y/n, 1/0 in any case.

    Raises:
        UnreadableFile: the column's type holds no flags.
    """
    if cells.dtype == pl.Boolean:
        return Checked(cells.fill_null(False))
    if not (cells.dtype.is_numeric() or cells.dtype in (pl.String, pl.Null)):
        raise _wrong_type(name, "bool", cells)
    texts = _trimmed(cells.cast(pl.String))
    is_true, is_false = texts.str.contains(one_of(_TRUE)), texts.str.contains(one_of(_FALSE))
    odd = texts.is_not_null() & ~is_true & ~is_false
    return checked(is_true.fill_null(False), is_not(name, "bool", odd, texts))


def _as_float(name: str, kind: Kind, cells: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Returns the cells (texts trimmed, empty is null) and their values as float64."""
    if cells.dtype == pl.String:
        texts = _trimmed(cells)
        return texts, texts.cast(pl.Float64, strict=False)
    if cells.dtype.is_numeric() or cells.dtype == pl.Null:
        return cells, cells.cast(pl.Float64)
    raise _wrong_type(name, kind, cells)


def _trimmed(texts: pl.Series) -> pl.Series:
    clean = texts.str.strip_chars()
    return clean.set(clean == "", None)


def _wrong_type(name: str, kind: Kind, cells: pl.Series) -> UnreadableFile:
    meant = "true or false" if kind == "bool" else "a number"
    return UnreadableFile(f"column {name!r} has type {cells.dtype}, not {meant}; convert it")
