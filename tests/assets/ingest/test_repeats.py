"""Nothing counts twice."""

import gzip
import hashlib
import json
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.ingest.repeats import REUSED_REASON
from assets.ingest.row_hash import hashes, payload_ids
from assets.ingest.snapshot import snapshot
from core.errors import IntegrityError
from core.ids import digest
from core.ingest_settings import IngestSettings, Mapping
from core.schemas import EVENTS
from tests.assets.ingest.conftest import event

pytestmark = pytest.mark.faults
SAME_DAY_US = 86_400_000_000


def content_hash(zone):
    """A hash of everything in the lake but the moment it was taken in."""
    found = {}
    for table in ("events", "item_rows", "user_rows", "tags", "quarantine"):
        rows = zone.rows(table).drop("ingested_us", strict=False)
        found[table] = sorted(json.dumps(row, default=str) for row in rows.rows())
    return digest(found)


def test_same_id_same_payload_is_dropped_within_a_file(zone):
    zone.land_lines(
        "events.jsonl", event(), event(value=None), event(event_id=" e1 "), event(event_id="e2")
    )
    assert zone.counts(zone.ingest()) == (4, 2, 2, 0)
    assert zone.rows("events").select("event_id", "line").rows() == [("e1", 1), ("e2", 4)]


def test_same_id_other_payload_is_quarantined_and_the_first_wins(zone):
    zone.land_lines(
        "events.jsonl", event(), event(item_id="i2"), event(), event(item_id="i2"), event(value=1)
    )
    assert zone.counts(zone.ingest()) == (5, 1, 1, 3)
    assert zone.rows("events")["item_id"].to_list() == ["i1"]
    assert zone.refusals() == [(line, REUSED_REASON) for line in (2, 4, 5)]
    assert json.loads(zone.rows("quarantine").sort("line")["raw"][0]) == event(item_id="i2")


def test_a_refused_row_does_not_take_its_id(zone):
    zone.land_lines("events.jsonl", event(occurred_at="1970-01-01"), event())
    assert zone.counts(zone.ingest()) == (2, 1, 0, 1)


def test_repeats_are_found_across_blocks(zone):
    zone.settings = IngestSettings(block_bytes=1024)
    rows = [event(event_id=f"e{n % 50}", item_id=f"i{n % 50 + n // 100}") for n in range(150)]
    zone.land_lines("events.jsonl", *rows)
    assert zone.counts(zone.ingest()) == (150, 50, 50, 50)


def test_repeats_are_found_across_files_and_formats(zone):
    rows = [event(event_id=f"e{n}", value=n / 4, user_agent="A, B") for n in range(50)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    zone.land("events-1.jsonl", lines)
    assert zone.counts(zone.ingest()) == (50, 50, 0, 0)
    zone.land("events-2.jsonl", gzip.compress(lines.encode(), mtime=0))
    frame = pl.DataFrame(rows)
    zone.land("events-3.parquet", frame.sample(fraction=1, shuffle=True, seed=1))
    zone.land("events-4.csv", frame.reverse().write_csv(separator=";"))
    zone.land_lines("events-5.jsonl", event(event_id="e7", value=0.0), event(event_id="new"))
    assert zone.counts(zone.ingest()) == (152, 1, 150, 1)


def test_without_ids_equal_rows_are_one(zone):
    plain = event(event_id=...)
    zone.land_lines(
        "events-1.jsonl", plain, plain, {**plain, "value": 1}, {**plain, "event_id": ""}
    )
    zone.land_lines("events-2.jsonl", {**plain, "occurred_at": "2025-12-31T11:00:00+01:00"})
    assert zone.counts(zone.ingest()) == (5, 2, 3, 0)
    ids = zone.rows("events")["event_id"].to_list()
    assert [len(one) for one in ids] == [32, 32]


def test_the_id_of_a_row_without_one_never_changes(zone):
    """Its spelling is a contract: another would count every such event twice."""
    zone.land_lines("events.jsonl", event(event_id=..., value=2.5, user_agent="x;y=1:\u00e9"))
    zone.ingest()
    said = (
        "action=4:view;arm;experiment_id;ip_prefix;item_id=2:i1;occurred_us=16:1767175200000000;"
        "position;session_id;surface;user_agent=8:x;y=1:\u00e9;user_id=2:u1;"
        "value=19:4612811918334230528"  # the bits of 2.5
    )
    assert zone.rows("events")["event_id"].to_list() == [hashlib.md5(said.encode()).hexdigest()]


def test_the_same_file_again_under_any_name_changes_nothing(zone):
    path = zone.land_lines("events-1.jsonl", event(), event(event_id="e2", item_id=None))
    zone.land("items.csv", "item_id,title\ni1,A\ni1,B\n")
    first = zone.ingest()
    before = content_hash(zone)
    files = {p: p.read_bytes() for p in zone.home.lake.rglob("*.parquet")}
    shutil.copy(path, path.with_name("events-2.jsonl"))
    shutil.copy(path, path.with_name("anything.txt"))
    again = zone.ingest()
    assert (len(first.entries), len(again.entries), again.position) == (2, 0, 2)
    assert again.repeated == {
        "anything.txt": 1, "events-1.jsonl": 1, "events-2.jsonl": 1, "items.csv": 2,
    }  # fmt: skip
    assert content_hash(zone) == before
    assert {p: p.read_bytes() for p in zone.home.lake.rglob("*.parquet")} == files


def test_three_times_interleaved_across_midnight(zone, tmp_path):
    days = ("2025-12-30T23:59:59.999999Z", "2025-12-31T00:00:00Z")
    halves = [
        "".join(json.dumps(event(event_id=f"{d}{n}", occurred_at=at)) + "\n" for n in range(20))
        for d, at in enumerate(days)
    ]
    orders = {"once": [0, 1], "thrice": [0, 1, 0, 1, 1, 0]}
    hashes = set()
    for name, order in orders.items():
        zone.home = type(zone.home)(tmp_path / name)
        for place, half in enumerate(order):
            zone.now_us += SAME_DAY_US // 5  # the clock passes midnight between the files
            zone.land(f"events-{half}.jsonl", halves[half])
            zone.land(
                f"events-{half}-{place}.jsonl.gz", gzip.compress(halves[half].encode(), mtime=place)
            )
            zone.ingest()
        rows = zone.rows("events").drop("ingested_us", "source_file", "line").sort("event_id")
        assert len(rows) == 40
        hashes.add(digest([str(row) for row in rows.rows()]))
    assert len(hashes) == 1


def test_a_statement_said_again_in_a_row_is_one(zone):
    zone.land("items.csv", "item_id,title\ni1,A\ni2,X\ni1,A\ni1,B\ni1,A\ni1,A\n")
    assert zone.counts(zone.ingest()) == (6, 4, 2, 0)
    # The last statement counts, so returning to an earlier title is no repetition.
    assert zone.rows("item_rows").select("item_id", "title", "line").rows() == [
        ("i1", "A", 2), ("i2", "X", 3), ("i1", "B", 5), ("i1", "A", 6),
    ]  # fmt: skip


def test_statements_are_compared_across_blocks(zone):
    zone.settings = IngestSettings(block_bytes=1024)
    zone.land("users.csv", "user_id,country\n" + "u1,DE\nu2,FR\n" * 500)
    assert zone.counts(zone.ingest()) == (1000, 2, 998, 0)


def test_equal_tags_are_one(zone):
    zone.land(
        "tags.csv",
        "user_id,item_id,theme,occurred_at\nu1,i1,dark,2020-01-01\nu1,i1,dark,2020-01-01\n"
        "u1,i1,dark,2020-01-02\nu1,i1,,2020-01-02\nu1,i1,x,1970-01-01\n",
    )
    assert zone.counts(zone.ingest()) == (5, 2, 1, 2)
    assert zone.refusals() == [
        (5, "theme is missing"),
        (6, "occurred_at is before 1990-01-01"),
    ]


@pytest.mark.parametrize(
    "damage", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:100])]
)
def test_the_index_is_a_cache(zone, damage):
    rows = [event(event_id=f"e{n}", user_agent="é", value=n / 7) for n in range(30)]
    zone.land_lines("events-1.jsonl", *rows)
    zone.ingest()
    [index] = (zone.home.lake / "event_index").iterdir()
    whole = index.read_bytes()
    damage(index)
    zone.land_lines("events-2.jsonl", *rows[::-1], event(event_id="e3"))
    assert zone.counts(zone.ingest()) == (31, 0, 30, 1)
    assert index.read_bytes() == whole


def test_a_lost_lake_file_is_named_where_the_index_needs_it(zone):
    zone.land_lines("events-1.jsonl", event())
    zone.ingest()
    shutil.rmtree(zone.home.lake / "event_index")
    shutil.rmtree(zone.home.lake / "events")
    zone.land_lines("events-2.jsonl", event(event_id="e2"))
    with pytest.raises(IntegrityError, match=r"00000001-0001\.parquet"):
        zone.ingest()


def test_many_small_files_have_few_runs(zone):
    for n in range(40):
        zone.land_lines(f"events-{n:02d}.jsonl", event(event_id=f"e{n}"))
        zone.land(f"users-{n:02d}.csv", f"user_id\nu{n}\n")
        if n % 10 == 0:
            zone.ingest()  # merged across homes opened anew, too
    zone.ingest()
    runs = sorted(p.name[:17] for p in (zone.home.lake / "event_index").iterdir())
    assert 1 <= len(runs) <= 6
    zone.land_lines("events-z.jsonl", *(event(event_id=f"e{n}") for n in range(41)))
    assert zone.counts(zone.ingest()) == (41, 1, 40, 0)


def test_a_run_of_other_entries_is_not_believed(zone, tmp_path):
    zone.land_lines("events.jsonl", event(event_id="old"))
    zone.ingest()
    [stale] = (zone.home.lake / "event_index").iterdir()
    other = type(zone.home)(tmp_path / "other")
    zone.home = other
    (other.lake / "event_index").mkdir(parents=True)
    shutil.copy(stale, other.lake / "event_index")
    zone.land_lines("events.jsonl", event(event_id="new"))
    zone.ingest()
    zone.land_lines("events-2.jsonl", event(event_id="old"), event(event_id="new"))
    assert zone.counts(zone.ingest()) == (2, 1, 1, 0)


def test_another_mapping_is_another_reading(zone):
    zone.land_lines("events.jsonl", {**event(), "person": "p1"})
    zone.ingest()
    assert zone.counts(zone.ingest(Mapping(columns={"user_id": "person"}))) == (1, 0, 0, 1)


def test_columns_that_came_later_change_the_identity_of_no_earlier_event():
    """The ids and hashes are those of the version before there were `release` and `rung`."""
    events = pl.DataFrame(
        {
            "event_id": [None, None], "user_id": ["u1", "zoë"], "item_id": ["i1", "i;2"],
            "action": ["view", "rating"], "occurred_us": [1, 1_767_175_200_000_000],
            "value": [None, 4.5], "session_id": [None, "s"], "position": [None, 3],
            "surface": [None, "home"], "experiment_id": [None, "x"], "arm": [None, "a"],
            "user_agent": [None, "ua"], "ip_prefix": [None, "1.2"], "release": [None, None],
            "rung": [None, None], "line": [1, 2],
        },
        schema_overrides={"position": pl.Int32, "release": pl.String, "rung": pl.String},
    )  # fmt: skip
    ids = ["9d2b483e91e29d880d7a0cfc9dfcddde", "192a5a8ffa37ded6ecae22ebe7c8195a"]
    assert payload_ids(events).to_list() == ids
    assert payload_ids(events[1:]).to_list() == ids[1:]  # where all rows say the same
    again = events.with_columns(user_agent=pl.lit("it's"))
    assert payload_ids(again)[1:].equals(payload_ids(again[1:]))
    known = events.with_columns(event_id=pl.Series(ids))
    said = hashes(known, ["event_id"])
    assert_frame_equal(said, hashes(known.drop("release", "rung"), ["event_id"]))
    mixed = pl.concat([known, known.with_columns(release=pl.lit("r"))])
    assert_frame_equal(hashes(mixed, ["event_id"])[:2], said)
    assert hashes(mixed, ["event_id"])["all"].n_unique() == 4
    assert payload_ids(mixed)[:2].to_list() == ids
    assert payload_ids(mixed).n_unique() == 4


def test_a_lake_from_before_a_later_column_is_known_still(zone):
    csv = (
        "user_id,item_id,action,occurred_at,value\nu,i,rating,2025-12-31,3\nu,j,view,2025-12-31,\n"
    )
    zone.land("events-1.csv", csv)
    zone.ingest()
    for path in snapshot(zone.home).paths("events"):
        pl.read_parquet(path).drop(EVENTS.later_names).write_parquet(path)
    shutil.rmtree(zone.home.lake / "event_index")
    zone.land("events-2.csv", csv + "u,k,view,2025-12-31,\n")
    assert zone.counts(zone.ingest()) == (3, 1, 2, 0)
