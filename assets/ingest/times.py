"""Times as microseconds UTC, from texts, counts since 1970 and typed columns."""

import polars as pl

from assets.ingest.checked import Checked, checked, is_not
from assets.ingest.sql import select
from core.days import DAY_US, HOUR_US, day_start_us
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings, TimeUnit

_ISO = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r" ?(Z|UTC|[+-](0[0-9]|1[0-8])(:?[0-5][0-9])?)?)?$"
)
_OFFSET = r":[0-9.]+ ?([+-])([0-9]{2}):?([0-9]{2})?$"
_COUNT = r"^[+-]?[0-9]{1,19}(\.[0-9]+)?$"
_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
_LIMIT_US = 9_000_000_000_000_000_000  # below 2^63, so that no product wraps


def times(name: str, cells: pl.Series, unit: TimeUnit, typed_unit: str | None = None) -> Checked:
    """Returns a column as int64 microseconds since 1970, UTC; null where it is empty.

    Texts are ISO 8601 (without a zone: UTC; offsets are honoured) or counts; integers and floats
    are counts. With `auto` a count below 10^11 is seconds, below 10^14 milliseconds, else
    microseconds. `typed_unit` (s, ms, us, ns) is that of a column that was a timestamp.

    Raises:
        UnreadableFile: the column's type holds no times.
    """
    kind = cells.dtype
    if kind == pl.Null:
        return Checked(cells.cast(pl.Int64))
    if typed_unit == "ns":
        return Checked(cells // 1_000)
    if typed_unit:
        return _unfit(name, cells, _scaled(cells, pl.lit(_US[typed_unit])))
    if kind == pl.Date:
        return Checked(cells.to_physical().cast(pl.Int64) * DAY_US)
    if kind == pl.String:
        return _of_texts(name, cells, unit)
    if kind.is_numeric():
        return _of_counts(name, cells, unit)
    raise UnreadableFile(f"column {name!r} has type {kind}, not a time; write it as ISO 8601")


def plausible(name: str, moments: pl.Series, settings: IngestSettings, now_us: int) -> pl.Series:
    """Returns why each event time is refused: missing, too early, or later than `now_us` allows."""
    earliest = day_start_us(settings.earliest)
    latest = now_us + settings.clock_tolerance_hours * HOUR_US
    fault = (
        pl.when(moments.is_null())
        .then(pl.lit(f"{name} is missing"))
        .when(moments < earliest)
        .then(pl.lit(f"{name} is before {settings.earliest.isoformat()}"))
        .when(moments > latest)
        .then(
            pl.lit(
                f"{name} is more than {settings.clock_tolerance_hours} hours after it was taken in"
            )
        )
    )
    return moments.to_frame("m").select(fault.alias("fault"))["fault"]


def _of_texts(name: str, cells: pl.Series, unit: TimeUnit) -> Checked:
    texts = cells.str.strip_chars()
    texts = texts.set(texts == "", None)
    is_iso = texts.str.contains(_ISO)
    if is_iso.drop_nulls().all():
        return _unfit(name, texts, _of_iso(texts))
    is_count = texts.str.contains(_COUNT)
    counts = texts.set(~is_count, None)
    if counts.str.contains(".", literal=True).any():
        moments = _of_counts(name, counts.cast(pl.Float64), unit).values
    else:
        moments = _of_counts(name, counts.cast(pl.Int64, strict=False), unit).values
    if is_iso.any():
        moments = _of_iso(texts.set(~is_iso, None)).zip_with(is_iso.fill_null(False), moments)
    return _unfit(name, texts, moments)


def _of_iso(texts: pl.Series) -> pl.Series:
    """Returns texts that match `_ISO` as microseconds, null where there is no such time."""
    frame = texts.alias("t").to_frame()
    # The cast reads the clock and overlooks the zone, so the offset is taken off by itself.
    local = select("select epoch_us(try_cast(t as timestamp)) as us from frame", frame=frame)["us"]
    has_offset = ~texts.str.ends_with("Z") & texts.str.contains(_OFFSET)
    if not has_offset.any():
        return local
    parts = frame.select(pl.col("t").str.extract_groups(_OFFSET).alias("p")).unnest("p")
    minutes = parts["2"].cast(pl.Int64) * 60 + parts["3"].cast(pl.Int64).fill_null(0)
    signed = minutes.zip_with(parts["1"].eq("+").fill_null(True), -minutes).fill_null(0)
    return local - signed * 60_000_000


def _of_counts(name: str, cells: pl.Series, unit: TimeUnit) -> Checked:
    if unit == "iso":
        return _unfit(name, cells, pl.Series(name, [None], pl.Int64).new_from_index(0, len(cells)))
    if cells.dtype.is_float():
        counts = cells.cast(pl.Float64).set(~cells.is_finite(), None)
    else:
        counts = cells.cast(pl.Int64, strict=False)
    return _unfit(name, cells, _scaled(counts, _factor(unit)))


def _factor(unit: TimeUnit) -> pl.Expr:
    if unit != "auto":
        return pl.lit(_US[unit])
    size = pl.col("n").abs()
    return pl.when(size < 1e11).then(_US["s"]).when(size < 1e14).then(_US["ms"]).otherwise(1)


def _scaled(counts: pl.Series, factor: pl.Expr) -> pl.Series:
    """Returns counts × factor as int64, null where the product would not fit."""
    fits = (pl.col("n").cast(pl.Float64) * factor).abs() < _LIMIT_US
    product = pl.when(fits).then(pl.col("n")) * factor
    if counts.dtype.is_float():
        product = product.round()
    return counts.to_frame("n").select(product.cast(pl.Int64, strict=False))["n"]


def _unfit(name: str, cells: pl.Series, moments: pl.Series) -> Checked:
    """Returns the moments; a cell that is not empty and has none is a fault."""
    odd = moments.is_null() & cells.is_not_null()
    return checked(moments, is_not(name, "time", odd, cells)) if odd.any() else Checked(moments)
