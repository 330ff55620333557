"""Users whose events ingest refused because their ids already stood for other events."""

import narwhals as nw

from assets.ingest.repeats import REUSED_REASON
from core.days import SECOND_US, day_of_us
from core.engine import Frame

_NAME = r'(?s)^.*?"{name}"\s*:\s*'
# Epoch numbers tell their unit by their size, as far as 1973 to 5138 goes.
_UNITS = ((10**11, SECOND_US), (10**14, 1_000), (10**17, 1))


def reused_ids(quarantine: Frame, before_us: int) -> Frame:
    """Returns how often each user reused an event id before D.

    The user and the time stand in the refused row's text, under the standard column names. Rows
    of CSV files don't name their fields, and are no evidence here; nor are rows of a JSON-lines
    file with names of its own, or whose time is neither ISO 8601 nor an epoch number.

    Args:
        quarantine: QUARANTINE.
        before_us: D 00:00 UTC; later reuse says nothing yet.

    Returns:
        user_id, n_reused int64.
    """
    refused = quarantine.filter(nw.col("table") == "events", nw.col("reason") == REUSED_REASON)
    named = refused.filter(
        nw.col("raw").str.contains(_NAME.format(name="user_id")),
        nw.col("raw").str.contains(_NAME.format(name="occurred_at")),
    )
    read = named.select(_field("user_id").alias("user_id"), _field("occurred_at").alias("time"))
    earlier = read.filter(_is_before(nw.col("time"), before_us))
    return earlier.group_by("user_id").agg(nw.len().cast(nw.Int64).alias("n_reused"))


def _field(name: str) -> nw.Expr:
    """Cuts a text or number out of the JSON in `raw`, by what every engine's patterns can say."""
    start = nw.col("raw").str.replace_all(_NAME.format(name=name), "")
    text = start.str.replace_all(r'(?s)^"', "").str.replace_all(r'(?s)".*$', "")
    number = start.str.replace_all(r"(?s)[,}\s].*$", "")
    return nw.when(start.str.starts_with('"')).then(text).otherwise(number)


def _is_before(time: nw.Expr, before_us: int) -> nw.Expr:
    """Compares ISO texts by day, which sorts as text, and epoch numbers in their own unit."""
    # The digits alone, with a zero before them, can be cast whatever the text is: of nanoseconds
    # the last digit is left off, which would not always fit.
    digits = nw.concat_str([nw.lit("0"), time.str.replace_all(r"[^0-9]", "")])
    number = digits.str.slice(0, 19).cast(nw.Int64)
    epoch = number < before_us * 100
    for limit, unit_us in reversed(_UNITS):
        epoch = nw.when(number < limit).then(number < before_us // unit_us).otherwise(epoch)
    day = time.str.slice(0, 10)
    iso = day.str.contains(r"^\d{4}-\d{2}-\d{2}$") & (day < day_of_us(before_us).isoformat())
    return nw.when(time.str.contains(r"^(\d{9,17}|\d{19})$")).then(epoch).otherwise(iso)
