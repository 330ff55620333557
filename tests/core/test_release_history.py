"""The log replayed: who was current when, whatever was published, pinned and rolled back."""

import itertools
from datetime import date

import pytest

from core.release_history import Span, span_at_end_of, spans
from core.release_standing import ReleaseEntry, Standing


def log(*lines):
    """Returns entries from (action, release, at); a release's as-of date is `2024-03-<its id>`."""
    return [
        ReleaseEntry(seq, action, release, f"2024-03-{release[:2]}", at, "test")
        for seq, (action, release, at) in enumerate(lines, 1)
    ]


LOG = log(
    ("publish", "01", "2024-03-01T02:00:00Z"),
    ("publish", "02", "2024-03-02T02:00:00Z"),
    ("archive", "01b", "2024-03-02T05:00:00Z"),  # a backfill: nobody is served it
    ("publish", "03", "2024-03-03T02:00:00Z"),
    ("rollback", "03", "2024-03-03T09:30:00Z"),
    ("pin", "01", "2024-03-04T01:00:00Z"),
    ("publish", "04", "2024-03-04T02:00:00Z"),  # waits behind the pin
    ("unpin", "01", "2024-03-05T00:00:00Z"),
)


def test_spans_by_hand():
    assert spans(LOG) == (
        Span("01", "2024-03-01T02:00:00Z", "2024-03-02T02:00:00Z"),
        Span("02", "2024-03-02T02:00:00Z", "2024-03-03T02:00:00Z"),
        Span("03", "2024-03-03T02:00:00Z", "2024-03-03T09:30:00Z"),
        Span("02", "2024-03-03T09:30:00Z", "2024-03-04T01:00:00Z"),
        Span("01", "2024-03-04T01:00:00Z", "2024-03-05T00:00:00Z"),
        Span("04", "2024-03-05T00:00:00Z", None),
    )


@pytest.mark.parametrize("n", range(len(LOG) + 1))
def test_the_last_span_is_what_stands_after_every_entry(n):
    candidates = Standing.after(LOG[:n]).candidates
    found = spans(LOG[:n])
    assert (found[-1].release if found else None) == (candidates[0].release if candidates else None)
    assert [span.until for span in found[-1:]] in ([None], [])
    assert all(a.until == b.since for a, b in itertools.pairwise(found))


@pytest.mark.parametrize(
    ("day", "release"),
    [
        ((2024, 2, 29), None),
        ((2024, 3, 1), "01"),
        ((2024, 3, 2), "02"),
        ((2024, 3, 3), "02"),  # 03 was served that morning, and rolled back
        ((2024, 3, 4), "01"),  # made current again at midnight, which belongs to the 5th
        ((2024, 3, 5), "04"),
        ((2031, 1, 1), "04"),
    ],
)
def test_what_was_current_when_a_day_ended(day, release):
    found = span_at_end_of(LOG, date(*day))
    assert (found.release if found else None) == release


def test_a_day_after_everything_was_rolled_back_has_none():
    entries = log(
        ("publish", "01", "2024-03-01T02:00:00Z"), ("rollback", "01", "2024-03-03T02:00:00Z")
    )
    assert spans(entries) == (Span("01", "2024-03-01T02:00:00Z", "2024-03-03T02:00:00Z"),)
    assert span_at_end_of(entries, date(2024, 3, 2)) == spans(entries)[0]
    assert span_at_end_of(entries, date(2024, 3, 3)) is None


def test_an_empty_log():
    assert spans([]) == ()
    assert span_at_end_of([], date(2024, 3, 1)) is None


def test_a_clock_that_went_back_loses_no_span():
    entries = log(
        ("publish", "01", "2024-03-02T00:00:05Z"), ("publish", "02", "2024-03-01T23:59:59Z")
    )
    assert [span.release for span in spans(entries)] == ["01", "02"]
    assert span_at_end_of(entries, date(2024, 3, 1)).release == "02"
