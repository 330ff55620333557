"""Times of items and users: years and dates in digits, and numbers that can be no time."""

from datetime import UTC, datetime

import polars as pl
import pytest

from assets.ingest.catalogue_times import catalogue_times
from core.ingest_settings import Mapping

UNITS = ["auto", "s", "ms", "us"]


def us(year, month=1, day=1):
    moment = datetime(year, month, day, tzinfo=UTC)
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


SPELLED = {
    "1995": us(1995), "2030": us(2030), "1066": us(1066), "9999": us(9999),
    "20991231": us(2099, 12, 31), "20250601": us(2025, 6, 1), "20240229": us(2024, 2, 29),
    "19500101": us(1950), "17910930": us(1791, 9, 30), "99991231": us(9999, 12, 31),
}  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("digits", "moment"), SPELLED.items())
def test_years_and_dates_in_digits(digits, moment, unit):
    for cells in (
        pl.Series([digits, None]),
        pl.Series([f" {digits}.0 ", ""]),
        pl.Series([digits, "1950-01-01"]),
        pl.Series([int(digits), None]),
        pl.Series([int(digits)], dtype=pl.Int32),
        pl.Series([float(digits), None]),
    ):
        outcome = catalogue_times("released_at", cells, unit)
        assert outcome.fault is None
        assert outcome.values.dtype == pl.Int64
        assert outcome.values[0] == moment
        assert outcome.values.to_list()[1:] in ([], [None], [us(1950)])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1950-01-01", us(1950)),
        ("1970-01-01", 0),
        ("1970-08-31T12:00:00Z", us(1970, 8, 31) + 43_200_000_000),
        ("1465387200", 1_465_387_200_000_000),
        ("1465387200123", 1_465_387_200_123_000),
        ("-631152000", us(1950)),
        ("100000000", 10**14),
        ("-100000000.5", -(10**14) - 500_000),
        ("", None),
    ],
)
def test_other_times_are_read_as_everywhere(text, moment):
    outcome = catalogue_times("t", pl.Series([text, "2016-06-08", "1995"]), "auto")
    assert (outcome.values[0], outcome.fault) == (moment, None)


@pytest.mark.parametrize(
    "text",
    ["0", "7", "-1995", "0995", "199512", "20251340", "20250229", "00000000", "12345678",
     "99999999", "-99999999", "1995.5", "-20250601"],
)  # fmt: skip
def test_numbers_that_no_catalogue_means(text):
    said = "too small a number for a time; write it as ISO 8601"
    columns = [pl.Series([text, "2016-06-08"]), pl.Series([float(text), 2016.0])]
    if "." not in text:
        columns.append(pl.Series([int(text), 2016]))
    for cells in columns:
        outcome = catalogue_times("t", cells, "auto")
        assert outcome.fault is not None
        assert outcome.fault[1] is None
        assert outcome.fault[0].endswith(said)


def test_a_unit_that_is_stated_is_believed():
    cells = pl.Series([0, -8_380_800, 12_345_678])
    outcome = catalogue_times("t", cells, "s")
    assert outcome.values.to_list() == [0, us(1969, 9, 26), 12_345_678_000_000]
    assert outcome.fault is None
    iso = catalogue_times("t", pl.Series(["1995", "1995-01-01"]), "iso")
    assert iso.fault.to_list() == ["t is 1995, not a time", None]
    typed = catalogue_times("t", pl.Series([1995, None]), "auto", "s")
    assert typed.values.to_list() == [1_995_000_000, None]


def test_columns_of_other_types():
    assert catalogue_times("t", pl.Series([us(1950)], dtype=pl.Int64), "us").values[0] == us(1950)
    assert catalogue_times("t", pl.Series([None, None]), "auto").values.to_list() == [None, None]
    day = pl.Series([datetime(1970, 5, 1).date()])
    assert catalogue_times("t", day, "auto").values[0] == us(1970, 5, 1)
    odd = catalogue_times("t", pl.Series([float("nan"), float("inf"), 1e300, 1995.0]), "auto")
    assert odd.fault.null_count() == 1
    assert odd.values[3] == us(1995)


def test_items_and_users(zone):
    zone.land_lines(
        "items.jsonl",
        {"item_id": "a", "released_at": 1995, "available_until": 20991231},
        {"item_id": "b", "released_at": "20300101", "available_from": "2025-06-01"},
        {"item_id": "c", "released_at": "1950-03-01"},
        {"item_id": "d", "released_at": 199512},
    )
    zone.land("users.csv", "user_id,created_at\nu1,2024\nu2,77\nu3,1465387200\n")
    assert zone.counts(zone.ingest()) == (7, 5, 0, 2)
    items = zone.rows("item_rows").select("released_us", "available_from_us", "available_until_us")
    assert items.rows() == [
        (us(1995), None, us(2099, 12, 31)),
        (us(2030), us(2025, 6, 1), None),
        (us(1950, 3), None, None),
    ]
    assert zone.rows("user_rows")["created_us"].to_list() == [us(2024), 1_465_387_200_000_000]
    said = "too small a number for a time; write it as ISO 8601"
    assert sorted(zone.refusals()) == [
        (3, f"created_at is 77, {said}"),
        (4, f"released_at is 199512, {said}"),
    ]


def test_a_unit_meant_for_the_events_does_not_turn_years_into_1970(zone):
    zone.land_lines("items.jsonl", {"item_id": "a", "released_at": 1995})
    zone.ingest(Mapping(time_unit="s"))
    assert zone.rows("item_rows")["released_us"].to_list() == [us(1995)]
