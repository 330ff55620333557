"""CSV in every state."""

import gzip

import polars as pl
import pytest

from core.ingest_settings import IngestSettings

HEADER = "event_id,user_id,item_id,action,occurred_at,value\n"


def good(n, value="", sep=","):
    return sep.join([f"e{n}", f"u{n}", f"i{n}", "view", "2025-12-31T10:00:00Z", value]) + "\n"


def test_plain_rows_come_in(zone):
    zone.land("events.csv", HEADER + good(1, "2.5") + good(2))
    report = zone.ingest()
    assert zone.counts(report) == (2, 2, 0, 0)
    rows = zone.rows("events")
    assert rows.select("event_id", "user_id", "value", "line").rows() == [
        ("e1", "u1", 2.5, 2),
        ("e2", "u2", None, 3),
    ]
    assert rows["occurred_us"].to_list() == [1_767_175_200_000_000] * 2
    assert rows["source_file"].to_list() == ["events.csv"] * 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_sniffed_from_the_header(zone, separator):
    zone.land(
        "events.csv",
        HEADER.replace(",", separator) + good(1, "1", separator) + good(2, "2", separator),
    )
    assert zone.counts(zone.ingest()) == (2, 2, 0, 0)


def test_bom_and_mixed_line_ends_and_blank_lines(zone):
    body = "\ufeff" + HEADER.replace("\n", "\r\n") + good(1).replace("\n", "\r") + "\r\n   \n"
    zone.land("events.csv", body + good(2).replace("\n", "\r\n") + good(3).rstrip("\n"))
    assert zone.counts(zone.ingest()) == (3, 3, 0, 0)
    assert zone.rows("events")["line"].to_list() == [2, 5, 6]


def test_quoted_separators_newlines_and_quotes(zone):
    zone.land(
        "items.csv",
        'item_id,title\ni1,"One, two"\ni2,"Line\nbreak"\ni3,"She said ""no"""\n'
        'i4,"CR\r\nLF"\ni5,""\n',
    )
    assert zone.counts(zone.ingest()) == (5, 5, 0, 0)
    assert zone.rows("item_rows").select("title", "line").rows() == [
        ("One, two", 2),
        ("Line\nbreak", 3),
        ('She said "no"', 5),
        ("CR\r\nLF", 6),
        (None, 8),
    ]


def test_open_quote_costs_its_own_line_only(zone):
    broken = 'e9,"u9,i9,view,2025-12-31,\n'
    zone.land("events.csv", HEADER + good(1) + broken + "".join(good(n) for n in range(2, 300)))
    report = zone.ingest()
    assert zone.counts(report) == (300, 299, 0, 1)
    assert zone.refusals() == [(3, "open quote: its field does not end where a field may end")]
    assert zone.rows("quarantine")["raw"].to_list() == [broken.rstrip("\n")]


def test_two_open_quotes_do_not_swallow_the_rows_between(zone):
    broken = 'e9,"u9,i9,view,2025-12-31,\n'
    zone.land("events.csv", HEADER + broken + good(1) + good(2) + broken + good(3))
    assert zone.counts(zone.ingest()) == (5, 3, 0, 2)
    assert [line for line, _ in zone.refusals()] == [2, 5]


def test_open_quote_at_the_very_end(zone):
    zone.land("events.csv", HEADER + good(1) + 'e2,u2,i2,"vi')
    assert zone.counts(zone.ingest()) == (2, 1, 0, 1)


def test_a_record_of_too_many_lines_counts_as_left_open(zone):
    zone.settings = IngestSettings(max_record_lines=3)
    zone.land("items.csv", 'item_id,title\ni1,"a\nb\nc"\ni2,"a\nb\nc\nd"\ni3,x\n')
    report = zone.ingest()
    # The record of four lines falls apart into its lines, each refused by itself.
    assert zone.counts(report) == (6, 2, 0, 4)
    assert zone.rows("item_rows")["item_id"].to_list() == ["i1", "i3"]


def test_wrong_number_of_fields_nul_and_bytes_that_are_no_text(zone):
    rows = [
        good(1).encode(),
        b"e2,u2,i2,view\n",
        b"e3,u3,i3,view,2025-12-31,1,2\n",
        b"e4,u\x004,i4,view,2025-12-31,\n",
        b"e5,u\xff5,i5,view,2025-12-31,\n",
        b"e6,u\xed\xa0\x806,i6,view,2025-12-31,\n",  # a lone surrogate
        b'e7,u"7,"i7,view,2025-12-31,\n',
    ]
    zone.land("events.csv", HEADER.encode() + b"".join(rows))
    assert zone.counts(zone.ingest()) == (7, 1, 0, 6)
    assert zone.refusals() == [
        (3, "4 fields where the header has 6"),
        (4, "7 fields where the header has 6"),
        (5, "holds a NUL byte"),
        (6, "not valid UTF-8"),
        (7, "not valid UTF-8"),
        (8, "stray quote inside a field"),
    ]
    assert zone.rows("quarantine").sort("line")["raw"][3] == "e5,u\\xff5,i5,view,2025-12-31,"


def test_a_field_of_10_mb_is_refused_and_its_text_cut(zone):
    huge = f"e2,u2,{'x' * 10_000_000},view,2025-12-31,\n"
    zone.land("events.csv", HEADER + good(1) + huge + good(3))
    assert zone.counts(zone.ingest()) == (3, 2, 0, 1)
    assert zone.refusals() == [(3, "longer than 1048576 bytes")]
    assert len(zone.rows("quarantine")["raw"][0]) == 4096


def test_a_line_longer_than_memory_allows_is_never_held_whole(zone):
    zone.settings = IngestSettings(block_bytes=4096, max_record_bytes=2048)
    huge = f"e2,u2,{'x' * 100_000},view,2025-12-31,\r\n"
    zone.land("events.csv", HEADER + good(1) + huge + good(3) + huge)
    assert zone.counts(zone.ingest()) == (4, 2, 0, 2)
    assert zone.rows("events")["line"].to_list() == [2, 4]


def test_block_size_changes_nothing(zone, tmp_path):
    body = HEADER + "".join(
        good(n) if n % 7 else f'e{n},"u\n{n}",i{n},view,2025-12-31,"1"\n' for n in range(400)
    )
    body += 'e9,"u9,i9\n' + good(1000) + "e,\n"
    tables = []
    for place, size in enumerate((1024, 1500, 10**7)):
        zone.home = type(zone.home)(tmp_path / str(place))
        zone.settings = IngestSettings(block_bytes=size)
        zone.land("events.csv", body)
        report = zone.ingest()
        tables.append(
            (zone.counts(report), zone.rows("events"), zone.rows("quarantine").sort("line"))
        )
    for other in tables[1:]:
        assert other[0] == tables[0][0]
        assert other[1].equals(tables[0][1])
        assert other[2].equals(tables[0][2])


def test_columns_reordered_and_new_are_fine_and_named(zone):
    zone.land(
        "events.csv",
        "colour,occurred_at,item_id,user_id,action,size\nred,2025-12-31,i1,u1,view,3\n",
    )
    report = zone.ingest()
    assert zone.counts(report) == (1, 1, 0, 0)
    assert report.entries[0].ignored_columns == ["colour", "size"]


def test_a_missing_column_refuses_the_file_and_names_it(zone):
    zone.land("events.csv", "event_id,userId,item_id,action,occurred_at\ne,u,i,view,2025-12-31\n")
    report = zone.ingest()
    assert zone.counts(report) == (1, 0, 0, 1)
    assert zone.refusals() == [
        (
            0,
            "column 'user_id' is missing; the file has event_id, userId, item_id, action, "
            "occurred_at; map it with --columns user_id=…",
        )
    ]
    assert [e.status for e in report.entries] == ["unreadable"]


def test_a_needed_column_that_stands_twice(zone):
    zone.land("users.csv", "user_id,user_id\nu1,u2\n")
    zone.ingest()
    assert zone.refusals() == [(0, "column 'user_id' stands twice in the header; keep one")]


def test_a_header_alone_is_a_file_without_rows(zone):
    zone.land("events.csv", HEADER)
    report = zone.ingest()
    assert zone.counts(report) == (0, 0, 0, 0)
    assert report.entries[0].status == "ingested"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty (0 bytes); send it again"),
        (b"\n\n  \n", "the file holds nothing but blank lines; send one with a header"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "column 'user_id' is missing; the file has"),
        (b"\x00\x01\x02\x03", "neither Parquet, CSV nor JSON lines; send one of these, in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "is text in UTF-16; send it in UTF-8"),
        (b'"a,b\n1,2\n', "the header, its first line, leaves a quote open; close it"),
    ],
)
def test_what_is_no_csv_is_quarantined_whole(zone, content, reason):
    zone.land("events.csv", content)
    zone.land("users.csv", "user_id\nu1\n")
    report = zone.ingest()
    assert [e.status for e in report.entries] == ["unreadable", "ingested"]
    assert zone.rows("quarantine")["line"].to_list() == [0]
    if b"PNG" not in content:
        assert zone.rows("quarantine")["reason"].to_list() == [reason]


def test_gzip_is_told_by_its_bytes_not_by_its_name(zone):
    zone.land_gzip("events.csv", HEADER + good(1))
    zone.land("events-2.csv.gz", HEADER + good(2))
    assert zone.counts(zone.ingest()) == (2, 2, 0, 0)


def test_torn_gzip_is_quarantined_whole(zone):
    whole = gzip.compress((HEADER + "".join(good(n) for n in range(5000))).encode(), mtime=0)
    zone.settings = IngestSettings(block_bytes=65_536, flush_rows=10)
    for name, share in (("events-1", 0.01), ("events-2", 0.5), ("events-3", 0.99)):
        zone.land(f"{name}.csv.gz", whole[: int(len(whole) * share)])
    report = zone.ingest()
    assert zone.counts(report) == (3, 0, 0, 3)
    assert all("torn gzip" in reason for _, reason in zone.refusals())
    assert not list(zone.home.lake.glob("events/**/*.parquet"))


def test_gzip_bomb_stops_early(zone):
    zone.settings = IngestSettings(max_compression_ratio=100)
    zone.land_gzip("events.csv.gz", HEADER.encode() + bytes(80_000_000))
    zone.land_gzip("users.csv.gz", "user_id\n" + "u\n" * 200_000)
    reasons = [entry.reason for entry in zone.ingest().entries]
    assert "decompresses to more than 100 times its" in reasons[0]
    assert reasons[1] is None  # a small file may compress well


def test_a_file_larger_than_allowed(zone):
    zone.settings = IngestSettings(max_file_bytes=2_000)
    zone.land("users-1.csv", "user_id\n" + "u1\n" * 1_000)
    zone.land_gzip("users-2.csv", "user_id\n" + "u1\n" * 2_000)
    zone.ingest()
    assert sorted(zone.rows("quarantine")["reason"].to_list()) == [
        "decompresses to more than 2000 bytes; split it or raise ingest.max_file_bytes",
        "has 3008 bytes, the limit is 2000; split it or raise ingest.max_file_bytes",
    ]


def test_lists_and_flags_in_cells(zone):
    zone.land(
        "users.csv",
        "user_id;preferences;dislikes;opted_out;created_at\n"
        'u1;drama| crime |drama;"[""war"",""a|b""]";yes;2020-01-01\n'
        "u2;;[];;\n"
        "u3;drama;[war;no;\n"
        "u4;;;maybe;\n",
    )
    zone.ingest()
    assert zone.rows("user_rows").select(
        "user_id", "preferences", "dislikes", "opted_out"
    ).rows() == [
        ("u1", ["drama", "crime"], ["war", "a|b"], True),
        ("u2", None, [], False),
    ]
    assert zone.refusals() == [
        (4, "dislikes is [war, not a list of texts"),
        (5, "opted_out is maybe, not true or false"),
    ]
    assert zone.rows("user_rows")["created_us"].to_list() == [1_577_836_800_000_000, None]


def test_schema_of_what_is_stored(zone):
    from core.schemas import EVENTS

    zone.land("events.csv", HEADER + good(1))
    zone.ingest()
    assert zone.rows("events").schema == pl.Schema(EVENTS.polars)
