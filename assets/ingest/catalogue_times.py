"""Times of items and users: as catalogues write them, which may be a year or a date in digits."""

import polars as pl

from assets.ingest.checked import Checked, checked, first_fault
from assets.ingest.sql import select
from assets.ingest.times import times
from core.ingest_settings import TimeUnit

_DIGITS = r"^\+?([0-9]+)(?:\.0*)?$"
_COUNT = r"^[+-]?[0-9]+(\.[0-9]*)?$"
_MIN_US = 10**8 * 1_000_000  # three years and two months from 1970, either way


def catalogue_times(
    name: str, cells: pl.Series, unit: TimeUnit, typed_unit: str | None = None
) -> Checked:
    """Returns a column as int64 microseconds since 1970, UTC; null where it is empty.

    As `times`, but digits are not always a count. Four of them are a year, hence its first of
    January; eight that make a date of the years 1700 to 2299 or 9999 are that date. As seconds
    they would lie in 1970 (99991231 in 1973), and none of those dates is a midnight there. Where
    `auto` has to guess a count's unit, one within 10^8 seconds of 1970 is refused: it is a date
    of some other spelling, or none.

    Raises:
        UnreadableFile: the column's type holds no times.
    """
    if typed_unit or unit == "iso" or not (cells.dtype == pl.String or cells.dtype.is_numeric()):
        return times(name, cells, unit, typed_unit)
    texts = _spelled(cells)
    days = _days(texts)
    counted = times(name, cells.set(days.is_not_null(), None), unit)
    moments = days.zip_with(days.is_not_null(), counted.values)
    if unit != "auto":
        return Checked(moments, counted.fault)
    is_count = texts.str.contains(_COUNT) & days.is_null()
    small = (is_count & (moments.abs() < _MIN_US)).fill_null(False)
    said = pl.format(
        f"{name} is {{}}, too small a number for a time; write it as ISO 8601",
        texts.str.slice(0, 40),
    )
    fault = pl.select(pl.when(small).then(said).alias("fault")).to_series()
    return checked(moments, first_fault([*_present(counted.fault), fault]))


def _present(fault: pl.Series | None) -> list[pl.Series]:
    return [] if fault is None else [fault]


def _spelled(cells: pl.Series) -> pl.Series:
    """Returns cells as texts; whole floats, which integers with gaps become, without a point."""
    if cells.dtype.is_float():
        whole = cells.set(~cells.is_finite() | (cells.abs() >= 1e15), None)
        digits = whole.cast(pl.Int64).cast(pl.String)
        return digits.zip_with((whole == whole.floor()).fill_null(False), cells.cast(pl.String))
    return cells.cast(pl.String).str.strip_chars()


def _days(texts: pl.Series) -> pl.Series:
    """Returns the first moment of the year or day that digits spell, null where they spell none."""
    digits = texts.str.extract(_DIGITS).alias("d")
    years = digits.str.extract(r"^([1-9][0-9]{3})$") + "-01-01"
    parts = r"^(1[7-9]\d\d|2[0-2]\d\d|9999)(\d\d)(\d\d)$"
    dates = digits.str.replace(parts, "$1-$2-$3").set(~digits.str.contains(parts), None)
    iso = years.zip_with(years.is_not_null(), dates).alias("t").to_frame()
    return select("select epoch_us(try_cast(t as date)) as us from iso", iso=iso)["us"]
