"""Times: every spelling, and which of them can be meant."""

import polars as pl
import pytest

from assets.ingest.times import times
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings, Mapping
from tests.assets.ingest.conftest import NOW_US, event

S = 1_000_000
LATE = "occurred_at is more than 48 hours after it was taken in"
NOON = 1_465_387_200 * S  # 2016-06-08T12:00:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-06-08T12:00:00Z", NOON),
        ("2016-06-08T12:00:00.123456Z", NOON + 123_456),
        ("2016-06-08T12:00:00.123456789Z", NOON + 123_456),
        ("2016-06-08T12:00:00.5", NOON + 500_000),
        ("2016-06-08 12:00:00", NOON),
        ("2016-06-08 12:00", NOON),
        ("2016-06-08T12:00Z", NOON),
        ("2016-06-08", NOON - 12 * 3600 * S),
        ("2016-06-08T14:00:00+02:00", NOON),
        ("2016-06-08T14:00:00+0200", NOON),
        ("2016-06-08T14:00:00+02", NOON),
        ("2016-06-08T09:30:00.25-02:30", NOON + 250_000),
        ("2016-06-08T14:00+02:00", NOON),
        ("2016-06-08 12:00:00 UTC", NOON),
        ("2016-06-08T24:00:00Z", NOON + 12 * 3600 * S),
        (" 2016-06-08T12:00:00Z ", NOON),
        ("2021-03-28T01:59:59+01:00", 1_616_893_199 * S),  # the last second before DST
        ("2021-03-28T03:00:00+02:00", 1_616_893_200 * S),  # the first after it
        ("1465387200", NOON),
        ("1465387200.25", NOON + 250_000),
        ("1465387200123", NOON + 123_000),
        ("1465387200123456", NOON + 123_456),
        ("-1", -S),
        ("9999-12-31T23:59:59Z", 253_402_300_799 * S),
        ("0001-01-01", -62_135_596_800 * S),
        ("", None),
        (None, None),
    ],
)
def test_texts(text, moment):
    outcome = times("t", pl.Series([text, "2016-06-08"], dtype=pl.String), "auto")
    assert outcome.values.to_list()[0] == moment
    assert outcome.fault is None


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "2016-13-01", "2016-02-30", "2016-06-08T25:00:00Z", "2016-06-08T12:00:60Z",
        "2016-06-08T12:00:00+99:00", "08/06/2016", "2016-06-08T12", "infinity", "epoch", "now",
        "1e9", "0x10", "NaN", "99999999999999999999", "9223372036854775807", "12:00", "20160608T12",
        "2016-06-08T12:00:00 Europe/Berlin", "null",
    ],
)  # fmt: skip
def test_texts_that_are_no_time(text):
    outcome = times("t", pl.Series([text, "2016-06-08"]), "auto")
    assert outcome.fault is not None
    assert outcome.fault.to_list() == [f"t is {text}, not a time", None]


def test_units():
    texts = pl.Series(["100", "2016-06-08", "1.5"])
    assert times("t", texts, "s").values.to_list() == [100 * S, NOON - 43_200 * S, 1_500_000]
    assert times("t", texts, "ms").values.to_list()[0] == 100_000
    assert times("t", texts, "us").values.to_list()[0] == 100
    iso = times("t", texts, "iso")
    assert iso.fault is not None
    assert iso.fault.to_list() == ["t is 100, not a time", None, "t is 1.5, not a time"]


def test_numbers():
    whole = pl.Series([1_465_387_200, 1_465_387_200_000, NOON, 0, -5, 2**62, -(2**63), None])
    outcome = times("t", whole, "auto")
    assert outcome.values.to_list() == [NOON, NOON, NOON, 0, -5 * S, 2**62, None, None]
    assert outcome.fault is not None
    assert outcome.fault.to_list()[6] == f"t is {-(2**63)}, not a time"
    floats = times("t", pl.Series([1_465_387_200.5, float("nan"), float("inf"), 1e300]), "auto")
    assert floats.values.to_list() == [NOON + 500_000, None, None, None]
    assert floats.fault is not None
    assert floats.fault.to_list()[1:] == [
        "t is NaN, not a time", "t is inf, not a time", "t is 1e+300, not a time",
    ]  # fmt: skip
    huge = times("t", pl.Series([2**62]), "s")
    assert huge.fault is not None


def test_types_that_hold_no_time():
    with pytest.raises(UnreadableFile, match="column 't' has type Boolean, not a time"):
        times("t", pl.Series([True]), "auto")


def test_which_event_times_can_be_meant(zone):
    hour = 3600 * S
    cases = {
        "2025-12-31T00:00:00Z": None,
        "2025-12-02": None,  # 30 days late
        "1990-01-01": None,
        "1989-12-31T23:59:59Z": "occurred_at is before 1990-01-01",
        "1970-01-01": "occurred_at is before 1990-01-01",
        "0": "occurred_at is before 1990-01-01",
        "-86400": "occurred_at is before 1990-01-01",
        str((NOW_US + 48 * hour) // S): None,  # a device clock two days off
        str((NOW_US + 48 * hour) // S + 1): LATE,
        "9999-12-31": LATE,
        "": "occurred_at is missing",
    }  # fmt: skip
    zone.land_lines(
        "events.jsonl",
        *(event(event_id=f"e{n}", occurred_at=text) for n, text in enumerate(cases)),
    )
    zone.ingest()
    expected = [(n + 1, reason) for n, reason in enumerate(cases.values()) if reason]
    assert zone.refusals() == expected


def test_what_is_too_early_and_too_late_is_a_setting(zone):
    zone.settings = IngestSettings.model_validate(
        {"earliest": "1960-01-01", "clock_tolerance_hours": 0}
    )
    zone.land_lines(
        "events.jsonl",
        event(event_id="a", occurred_at="1970-01-01"),
        event(event_id="b", occurred_at="2026-01-01T00:00:01Z"),
    )
    assert zone.counts(zone.ingest()) == (2, 1, 0, 1)


def test_the_time_unit_of_the_mapping_is_kept(zone):
    zone.land_lines("events.jsonl", event(occurred_at=1_700_000_000_000))
    zone.ingest(Mapping(time_unit="s"))
    assert zone.refusals() == [(1, LATE)]
