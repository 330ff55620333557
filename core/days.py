"""Days and microseconds, UTC: the only arithmetic on time that Daybreak does."""

from datetime import UTC, date, datetime, timedelta

from core.errors import UsageError

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
_EPOCH = date(1970, 1, 1)


def parse_day(text: str) -> date:
    """Returns the date that `YYYY-MM-DD` names; raises UsageError otherwise."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also reads 20240310 and 2024-W10-7, which would be second names of one day.
    if day is None or day.isoformat() != text:
        raise UsageError(f"as-of date {text!r} is not a date; write it as YYYY-MM-DD")
    return day


def day_start_us(day: date) -> int:
    """Returns the day's 00:00 UTC in microseconds since 1970.

    >>> day_start_us(date(1970, 1, 2))
    86400000000
    """
    return (day - _EPOCH).days * DAY_US


def day_of_us(moment_us: int) -> date:
    """Returns the UTC day that holds a moment."""
    return _EPOCH + timedelta(days=moment_us // DAY_US)


def now_us() -> int:
    """Returns the present moment in microseconds UTC; only provenance may use it."""
    return int(datetime.now(UTC).timestamp() * SECOND_US)


def iso(moment_us: int) -> str:
    """Returns a moment as ISO 8601 with a trailing Z, to the second."""
    return datetime.fromtimestamp(moment_us // SECOND_US, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
