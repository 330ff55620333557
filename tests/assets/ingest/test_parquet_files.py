"""Parquet in every state."""

import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.ingest_settings import IngestSettings, Mapping

AT = datetime(2025, 12, 31, 10, tzinfo=UTC)
AT_US = 1_767_175_200_000_000


def parquet(columns, **options):
    stream = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def events(n=3, **columns):
    return {
        "event_id": [f"e{k}" for k in range(n)],
        "user_id": [f"u{k}" for k in range(n)],
        "item_id": ["i1"] * n,
        "action": ["view"] * n,
        "occurred_at": [AT] * n,
        **columns,
    }


def test_rows_come_in_with_their_row_numbers(zone):
    zone.land("events.parquet", parquet(events(3, colour=["r", "g", "b"])))
    report = zone.ingest()
    assert zone.counts(report) == (3, 3, 0, 0)
    assert report.entries[0].ignored_columns == ["colour"]
    assert zone.rows("events").select("event_id", "line", "occurred_us").rows() == [
        ("e0", 1, AT_US),
        ("e1", 2, AT_US),
        ("e2", 3, AT_US),
    ]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_is_quarantined_whole_and_the_run_goes_on(zone, share):
    content = parquet(events(2000))
    zone.land("events-1.parquet", content[: int(len(content) * share)])
    zone.land("events-2.parquet", content)
    report = zone.ingest()
    assert zone.counts(report) == (2001, 2000, 0, 1)
    assert [e.status for e in report.entries] == ["unreadable", "ingested"]
    assert zone.refusals()[0][0] == 0
    quarantine = zone.rows("quarantine").select("source_file", "line", "raw", "table").rows()
    assert quarantine == [("events-1.parquet", 0, None, "events")]


def test_footer_overwritten_and_pages_overwritten(zone):
    content = parquet(events(2000), write_page_checksum=True)
    zone.land("events-1.parquet", content[:-300] + bytes(292) + content[-8:])
    zone.land("events-2.parquet", content[:-8] + b"\xff" * 4 + content[-4:])
    zone.land("events-3.parquet", content[:300] + bytes(200) + content[500:])
    report = zone.ingest()
    assert [e.status for e in report.entries] == ["unreadable"] * 3
    assert zone.counts(report) == (3, 0, 0, 3)
    assert not list(zone.home.lake.glob("events/**/*.parquet"))


def test_zero_row_groups_are_a_file_without_rows(zone):
    zone.land("events.parquet", parquet(pa.table(events(1)).slice(0, 0)))
    report = zone.ingest()
    assert zone.counts(report) == (0, 0, 0, 0)
    assert report.entries[0].status == "ingested"


def test_a_missing_column_refuses_the_file(zone):
    columns = events()
    del columns["item_id"]
    zone.land("events.parquet", parquet(columns))
    zone.ingest(Mapping(columns={"item_id": "contentId"}))
    assert zone.refusals() == [
        (
            0,
            "column 'contentId' (for item_id) is missing; the file has event_id, user_id, action, "
            "occurred_at; map it with --columns item_id=…",
        )
    ]


def test_ids_of_every_type(zone):
    cases = {
        "int": pa.array([2**53 + 1, -1, 0]),
        "uint": pa.array([2**64 - 1, 1, 2], pa.uint64()),
        "dict": pa.array(["a", "b", "a"]).dictionary_encode(),
        "binary": pa.array([b"a", b"b", b"c"]),
        "decimal": pa.array([Decimal(10**22), Decimal(2), Decimal(3)], pa.decimal128(38, 0)),
        "large": pa.array(["a", "b", "c"], pa.large_string()),
        "view": pa.array(["a", "b", "c"], pa.string_view()),
    }
    for name, column in cases.items():
        zone.land(f"users-{name}.parquet", parquet({"user_id": column}))
    report = zone.ingest()
    assert zone.counts(report) == (21, 20, 1, 0)
    ids = set(zone.rows("user_rows")["user_id"])
    assert {"9007199254740993", "-1", "0", "18446744073709551615", "10" + "0" * 21} <= ids


def test_floats_as_ids_count_where_they_are_exact(zone):
    values = [12.0, 2.0**53 + 2, 1.5, float("nan"), float("inf"), 1e300, None, -3.0]
    zone.land("users.parquet", parquet({"user_id": pa.array(values, pa.float64())}))
    assert zone.counts(zone.ingest()) == (8, 2, 0, 6)
    assert zone.rows("user_rows")["user_id"].to_list() == ["12", "-3"]
    assert zone.refusals() == [
        (2, "user_id is 9007199254740994.0, not text or an exact integer"),
        (3, "user_id is 1.5, not text or an exact integer"),
        (4, "user_id is NaN, not text or an exact integer"),
        (5, "user_id is inf, not text or an exact integer"),
        (6, "user_id is 1e+300, not text or an exact integer"),
        (7, "user_id is missing"),
    ]
    assert zone.rows("quarantine").sort("line")["raw"].to_list()[1] == '{"user_id":"1.5"}'


def test_text_that_is_no_utf8_is_refused_by_row(zone):
    offsets = np.array([0, 1, 3, 4], np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"a\xff\xfeb")]
    bad = pa.Array.from_buffers(pa.string(), 3, buffers)
    zone.land("users.parquet", parquet({"user_id": bad}))
    assert zone.counts(zone.ingest()) == (3, 2, 0, 1)
    assert zone.refusals() == [(2, "not valid UTF-8")]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([AT], pa.timestamp("s", "UTC")),
        pa.array([AT], pa.timestamp("ms", "UTC")),
        pa.array([AT], pa.timestamp("us", "UTC")),
        pa.array([AT], pa.timestamp("ns", "UTC")),
        pa.array([AT.replace(tzinfo=None)], pa.timestamp("us")),
        pa.array([AT.astimezone(timezone(timedelta(hours=5)))], pa.timestamp("ms", "Asia/Karachi")),
        pa.array([AT_US]),
        pa.array([AT_US // 1_000]),
        pa.array([AT_US // 1_000_000], pa.int32()),
        pa.array([AT_US / 1e6]),
        pa.array(["2025-12-31T10:00:00"]),
    ],
    ids=lambda column: str(column.type),
)
def test_times_of_every_type(zone, column):
    zone.land("events.parquet", parquet(events(1, occurred_at=column)))
    assert zone.counts(zone.ingest()) == (1, 1, 0, 0)
    assert zone.rows("events")["occurred_us"].to_list() == [AT_US]
    assert zone.rows("events")["occurred_at"].to_list() == [AT]


def test_dates_and_times_out_of_range(zone):
    moments = pa.array([2**62, -(2**62), 253_402_300_799_000]).cast(pa.timestamp("ms"))
    zone.land("events.parquet", parquet(events(3, occurred_at=moments)))
    zone.land("items.parquet", parquet({"item_id": ["i1"], "released_at": [date(1895, 12, 28)]}))
    zone.ingest()
    assert zone.rows("item_rows")["released_us"].to_list() == [-2_335_564_800_000_000]
    assert zone.refusals() == [
        (1, "occurred_at is 4611686018427387904, not a time"),
        (2, "occurred_at is -4611686018427387904, not a time"),
        (3, "occurred_at is more than 48 hours after it was taken in"),
    ]


def test_lists_structs_and_flags(zone):
    zone.land(
        "items.parquet",
        parquet(
            {
                "item_id": ["i1", "i2"],
                "genres": [["Drama", None, " Drama", ""], None],
                "themes": pa.array(["a|b", None]).dictionary_encode(),
                "facts": [{"year": 1999, "cast": ["X"]}, None],
            }
        ),
    )
    zone.land(
        "users.parquet",
        parquet({"user_id": ["u1", "u2"], "opted_out": [True, None], "dislikes": [[1, 2], []]}),
    )
    assert zone.counts(zone.ingest()) == (4, 4, 0, 0)
    assert zone.rows("item_rows").select("genres", "themes", "facts").rows() == [
        (["Drama"], ["a", "b"], '{"year":1999,"cast":["X"]}'),
        (None, None, None),
    ]
    assert zone.rows("user_rows").select("opted_out", "dislikes").rows() == [
        (True, ["1", "2"]),
        (False, []),
    ]


@pytest.mark.parametrize(
    ("name", "column", "meant"),
    [
        ("user_id", pa.array([[1]]), "text"),
        ("user_id", pa.array([True]), "text"),
        ("occurred_at", pa.array([True]), "a time"),
        ("value", pa.array([True]), "a number"),
    ],
)
def test_a_column_of_a_wrong_type_refuses_the_file(zone, name, column, meant):
    zone.land("events.parquet", parquet(events(1, **{name: column})))
    zone.ingest()
    [(line, reason)] = zone.refusals()
    assert line == 0
    assert reason.startswith(f"column {name!r} has type")
    assert f"not {meant}" in reason


def test_wide_rows_are_read_in_small_batches_and_long_texts_refused(zone):
    zone.settings = IngestSettings(block_bytes=4_000_000)
    texts = ["x" * 2_000_000, "short"] * 3
    zone.land("items.parquet", parquet({"item_id": list("abcdef"), "title": texts}))
    assert zone.counts(zone.ingest()) == (6, 3, 0, 3)
    assert {reason for _, reason in zone.refusals()} == {"title is longer than 65536 bytes"}
    assert set(zone.rows("quarantine")["raw"].str.len_bytes()) == {4096}


def test_a_file_that_claims_too_much(zone):
    zone.settings = IngestSettings(max_file_bytes=10_000)
    zone.land("users.parquet", parquet({"user_id": ["u1"] * 20_000}))
    zone.ingest()
    assert "the limit is 10000; split it" in zone.refusals()[0][1]


def test_gzipped_parquet(zone):
    zone.land_gzip("events.parquet.gz", parquet(events()))
    assert zone.counts(zone.ingest()) == (3, 3, 0, 0)


def test_a_frame_written_by_polars(zone):
    zone.land("events.parquet", pl.DataFrame(events()))
    assert zone.counts(zone.ingest()) == (3, 3, 0, 0)
