"""The landing zone: which files are taken, what they are taken for, and that none stops others."""

import os

import polars as pl
import pytest

from assets.ingest.fields import (
    EVENT_FILE,
    IMPRESSION_FILE,
    ITEM_FILE,
    TAG_FILE,
    USER_FILE,
    kind_of_file,
)
from assets.ingest.landing import ingest_file, ingest_landing, landed_files
from core.errors import InputError, UnreadableFile
from core.home import Home
from core.ingest_settings import FILE_COLUMNS, IngestSettings, Mapping
from core.schemas import EVENTS, USER_ROWS
from tests.assets.ingest.conftest import NOW_US, event

EVENT_COLUMNS = ["user_id", "item_id", "action", "occurred_at"]
LIST_COLUMNS = ["user_id", "occurred_at", "release", "items", "rungs"]


@pytest.mark.parametrize(
    ("name", "columns", "kind"),
    [
        ("events.csv", ["x"], EVENT_FILE),
        ("Items-2026.csv.gz", ["x"], ITEM_FILE),
        ("users.parquet", ["user_id"], USER_FILE),
        ("tags.csv", EVENT_COLUMNS, TAG_FILE),
        ("export.csv", EVENT_COLUMNS, EVENT_FILE),
        ("users_interactions.csv.gz", EVENT_COLUMNS, EVENT_FILE),
        ("items_seen.csv", EVENT_COLUMNS, EVENT_FILE),
        ("x.csv", ["user_id", "item_id", "theme", "occurred_at"], TAG_FILE),
        ("x.jsonl", LIST_COLUMNS, IMPRESSION_FILE),
        ("events.jsonl", LIST_COLUMNS, IMPRESSION_FILE),
        ("users.jsonl", LIST_COLUMNS, USER_FILE),
        ("impressions.jsonl", ["x"], IMPRESSION_FILE),
        ("impressions.jsonl", EVENT_COLUMNS, EVENT_FILE),
        ("impressions.jsonl", EVENT_COLUMNS + LIST_COLUMNS, EVENT_FILE),
        ("x.csv", ["item_id", "title"], ITEM_FILE),
        ("x.csv", ["user_id", "country"], USER_FILE),
    ],
)
def test_what_a_file_is(name, columns, kind):
    assert kind_of_file(name, columns, Mapping()) is kind


def test_what_a_file_is_under_a_mapping():
    mapping = Mapping(columns={"user_id": "who", "occurred_at": "when"}, default_action="view")
    assert kind_of_file("x.csv", ["who", "item_id", "when"], mapping) is EVENT_FILE
    assert kind_of_file("x.csv", ["who", "item_id", "when", "theme"], mapping) is TAG_FILE


@pytest.mark.parametrize("columns", [["a", "b"], [], ["user_id", "item_id"]])
def test_a_file_that_nothing_tells(columns):
    with pytest.raises(UnreadableFile, match="no table fits the columns"):
        kind_of_file("x.csv", columns, Mapping())


def test_the_standard_columns_are_those_of_the_files():
    kinds = (EVENT_FILE, IMPRESSION_FILE, ITEM_FILE, USER_FILE, TAG_FILE)
    found = [f.name for kind in kinds for f in kind.fields]
    assert list(dict.fromkeys(found)) == list(FILE_COLUMNS)


def test_order_and_names_that_are_left_alone(zone):
    for name in ("b.csv", "a.csv", ".hidden.csv", "_SUCCESS", "x.csv.tmp", "y.part", "z.csv~"):
        zone.land(name, f"user_id\n{name}\n")
    (zone.home.landing / "folder").mkdir()
    os.mkfifo(zone.home.landing / "pipe")
    assert [p.name for p in landed_files(zone.home)] == ["a.csv", "b.csv"]
    report = zone.ingest()
    assert [e.source_file for e in report.entries] == ["a.csv", "b.csv"]


def test_no_landing_zone_is_no_files(tmp_path):
    report = ingest_landing(Home(tmp_path / "new"), IngestSettings())
    assert (report.entries, report.position) == ([], 0)


def test_a_file_that_nothing_tells_is_quarantined_whole(zone):
    zone.land("data.csv", "a,b\n1,2\n")
    zone.land("users.csv", "user_id\nu1\n")
    report = zone.ingest()
    assert zone.counts(report) == (2, 1, 0, 1)
    assert [e.source_file for e in report.unreadable] == ["data.csv"]
    assert zone.rows("quarantine").rows() == [
        (
            "data.csv",
            0,
            None,
            "no table fits the columns a, b; map them with --columns or begin the file's name "
            "with events, impressions, items, users or tags",
            "unknown",
        )
    ]


def test_an_unreadable_file_is_tried_again_where_something_changed(zone):
    path = zone.land("data.csv", "who,b\n1,2\n")
    assert len(zone.ingest().entries) == 1
    assert zone.ingest().repeated == {"data.csv": 1}
    path.rename(path.with_name("users.csv"))
    assert len(zone.ingest().unreadable) == 1
    assert zone.counts(zone.ingest(Mapping(columns={"user_id": "who"}))) == (1, 1, 0, 0)
    zone.land("items.csv", "item_id\n" + "i\n" * 2000)
    zone.settings = IngestSettings(max_file_bytes=100)
    assert len(zone.ingest(Mapping(columns={"user_id": "who"})).unreadable) == 1
    zone.settings = IngestSettings()
    assert zone.ingest(Mapping(columns={"user_id": "who"})).totals.accepted == 1


def test_names_that_are_no_text(zone):
    zone.land("users.csv", "user_id\nu1\n").rename(
        os.fsdecode(os.fsencode(zone.home.landing) + b"/users-\xff.csv")
    )
    zone.ingest()
    assert zone.rows("user_rows")["source_file"].to_list() == ["users-\\xff.csv"]


def test_a_file_from_elsewhere(zone, tmp_path):
    path = tmp_path / "anything.csv"
    path.write_text("user_id,item_id,action,occurred_at\nu,i,view,2020-01-01\n")
    assert ingest_file(zone.home, path, EVENTS, zone.settings).totals.accepted == 1
    assert ingest_file(zone.home, path, None, zone.settings).repeated == {"anything.csv": 1}
    # Asked for as another table it is another reading.
    assert ingest_file(zone.home, path, USER_ROWS, zone.settings).totals.accepted == 1
    with pytest.raises(InputError, match=r"nothing\.csv cannot be opened \(No such file"):
        ingest_file(zone.home, tmp_path / "nothing.csv", EVENTS, zone.settings)


def test_events_lie_by_day_and_long_thin_histories_by_month(zone):
    days = ["2025-12-30T23:59:59.999999Z", "2025-12-31", "2025-12-31T23:00:00-05:00"]
    zone.land_lines("events.jsonl", *(event(event_id=d, occurred_at=d) for d in days))
    zone.ingest()
    folder = zone.home.lake / "events"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.glob("*/*")) == [
        "day=2025-12-30/00000001-0001.parquet",
        "day=2025-12-31/00000001-0002.parquet",
        "day=2026-01-01/00000001-0003.parquet",
    ]  # fmt: skip
    zone.settings = IngestSettings(max_day_partitions=2)
    zone.land_lines("events-2.jsonl", *(event(event_id=d + "b", occurred_at=d) for d in days))
    zone.ingest()
    assert sorted(p.parent.name for p in zone.home.lake.glob("events/month*/*")) == [
        "month=2025-12", "month=2026-01",
    ]  # fmt: skip
    assert len(zone.rows("events")) == 6


def test_writes_in_pieces_hold_the_same_rows(zone):
    zone.settings = IngestSettings(flush_rows=7, block_bytes=1024)
    zone.land_lines("events.jsonl", *(event(event_id=f"e{n}") for n in range(100)), *["{"] * 50)
    assert zone.counts(zone.ingest()) == (150, 100, 0, 50)
    assert len(zone.rows("events")) == 100
    assert len(zone.rows("quarantine")) == 50
    [folder] = (zone.home.lake / "events").iterdir()
    assert len(list(folder.iterdir())) > 5


def test_a_thousand_columns_and_an_empty_object(zone):
    zone.land(
        "users-1.parquet", pl.DataFrame({"user_id": ["u1"], **{f"c{n}": [n] for n in range(1000)}})
    )
    zone.land_lines("users-2.jsonl", {}, {"user_id": "u2"})
    report = zone.ingest()
    assert zone.counts(report) == (3, 2, 0, 1)
    assert len(report.entries[0].ignored_columns) == 1000
    assert zone.now_us == NOW_US
