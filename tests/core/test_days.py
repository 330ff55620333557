from datetime import UTC, date, datetime

import pytest

from core import days
from core.errors import UsageError


def test_a_day_is_read() -> None:
    assert days.parse_day("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    ["", "today", "2024-02-30", "2023-02-29", "2024-13-01", "2024-1-2", "20240310", "2024-W10-7",
     "2024-03-10T00:00", "2024-03-10 ", " 2024-03-10", "2024-03-10\n", "10.03.2024",
     "../2024-03-10", "-2024-03-10", "99999-01-01", "٢٠٢٤-٠٣-١٠"],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date; write it as YYYY-MM-DD"):
        days.parse_day(text)


@pytest.mark.parametrize(
    ("day", "start_us"),
    [
        (date(1970, 1, 1), 0),
        (date(1969, 12, 31), -86_400_000_000),
        (date(2024, 3, 10), 1_710_028_800_000_000),
        (date(9999, 12, 31), 253_402_214_400_000_000),
    ],
)
def test_a_day_starts_at_midnight_utc(day: date, start_us: int) -> None:
    assert days.day_start_us(day) == start_us
    assert days.day_of_us(start_us) == day
    assert days.day_of_us(start_us + days.DAY_US - 1) == day
    assert days.day_of_us(start_us - 1) < day


def test_iso_has_seconds_and_a_z() -> None:
    assert days.iso(1_710_028_800_999_999) == "2024-03-10T00:00:00Z"
    assert days.iso(-1) == "1969-12-31T23:59:59Z"


def test_now_is_now() -> None:
    before = datetime.now(UTC).timestamp() * 1e6
    assert before - 1 <= days.now_us() <= datetime.now(UTC).timestamp() * 1e6
