"""Served lists become rows, one an item; in every state."""

import json

import polars as pl
import pytest

from assets.ingest.landing import ingest_file
from core.columns import RUNGS
from core.ingest_settings import IngestSettings, Mapping
from core.schemas import EVENTS
from serving.layout import MAX_COUNT
from tests.assets.ingest.conftest import event

NOT_JSON = "not valid JSON: torn, misspelt, or two values on one line"
MOMENT_US = 1_767_175_200_000_000  # 2025-12-31T10:00:00Z
RELEASE = "2025-12-31.3f2a91"


def served(*items, **fields):
    """A list of items as the server writes it, changed as told; `...` leaves a field out."""
    items = items or ("858", "1221")
    whole = {
        "user_id": "42", "occurred_at": MOMENT_US, "release": RELEASE, "rung": "personal",
        "experiment_id": None, "arm": "default", "items": list(items),
        "rungs": ["personal", *["trending"] * (len(items) - 1)], **fields,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not ...}


def shown(item, position, rung, line, **fields):
    """What the lake says of one item of it."""
    return {
        "user_id": "42", "item_id": item, "action": "impression", "occurred_us": MOMENT_US,
        "position": position, "release": RELEASE, "rung": rung, "arm": "default", "line": line,
        "experiment_id": None, "value": None, "session_id": None, "surface": None,
        "user_agent": None, "ip_prefix": None, **fields,
    }  # fmt: skip


def test_every_item_of_a_list_is_a_row(zone):
    zone.land_lines(
        "impressions-1.jsonl", served(), "",
        served("858", user_id="a", experiment_id="e", arm="b", release="r", rung="segment",
               rungs=["session"]),
    )  # fmt: skip
    report = zone.ingest()
    assert zone.counts(report) == (3, 3, 0, 0)
    (entry,) = report.entries
    assert (entry.table, entry.ignored_columns) == ("events", [])
    rows = zone.rows("events").sort("line", "position")
    wanted = [
        shown("858", 1, "personal", 1),
        shown("1221", 2, "trending", 1),
        shown("858", 1, "session", 3, user_id="a", experiment_id="e", arm="b", release="r"),
    ]
    assert rows.select(list(wanted[0])).to_dicts() == wanted
    assert rows["occurred_at"].dt.epoch("us").to_list() == [MOMENT_US] * 3
    assert rows["source_file"].unique().to_list() == ["impressions-1.jsonl"]


def test_the_same_list_counts_once_however_it_comes(zone):
    zone.land_lines("impressions-1.jsonl", served(), served("858", "858"))
    zone.ingest()
    zone.land_lines("impressions-2.jsonl", served(), served(occurred_at=MOMENT_US + 1))
    alone = {**served(), "item_id": "1221", "action": "impression", "position": 2}
    own = {name: value for name, value in alone.items() if name not in ("items", "rungs")}
    zone.land_lines("events-1.jsonl", {**own, "rung": "trending"}, {**own, "rung": "personal"})
    by_name = {entry.source_file: entry for entry in zone.ingest().entries}
    told = {name: (e.read, e.accepted, e.duplicate, e.quarantined) for name, e in by_name.items()}
    assert told == {"events-1.jsonl": (2, 1, 1, 0), "impressions-2.jsonl": (4, 2, 2, 0)}


def test_an_event_may_say_its_release_and_rung(zone):
    zone.land(
        "events.csv",
        "user_id,item_id,action,occurred_at,release,rung\n"
        "u,i,click,2025-12-31, r ,trending\nu,j,click,2025-12-31,,\nu,k,click,2025-12-31,,top\n",
    )
    assert zone.counts(zone.ingest()) == (3, 2, 0, 1)
    found = zone.rows("events").select("item_id", "release", "rung").rows()
    assert found == [("i", "r", "trending"), ("j", None, None)]
    assert zone.refusals() == [(4, f"rung is top, not one of {', '.join(RUNGS)}")]


NO_RUNG = f"not one of {', '.join(RUNGS)}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (json.dumps(served())[:-20], NOT_JSON),
        (json.dumps(served()) * 2, NOT_JSON),
        (served(rungs=["personal"]), "items and rungs differ in length: 2 and 1"),
        (served(rungs=[]), "rungs is empty"),
        (served(rungs=...), "rungs is missing"),
        (served(items=[], rungs=[]), "items is empty"),
        (served(items=...), "items is missing"),
        (served(items=None), "items is missing"),
        (served(items="858"), "items is 858, not a list of ids"),
        (served(items=7), "items is 7, not a list of ids"),
        (served(items={"a": 1}), 'items is {"a":1}, not a list of ids'),
        (served(items=["858", ["1221"]]), 'items is ["858",["1221"]], not a list of ids'),
        (served(items=["858", 1.5]), 'items is ["858",1.5], not a list of ids'),
        (served(items=["858", True]), 'items is ["858",true], not a list of ids'),
        (served(items=["858", None]), "an entry of items is missing"),
        (served(items=["858", " "]), "an entry of items is missing"),
        (served(items=["858", "x" * 257]), "an entry of items is longer than 256 bytes"),
        (served(items=["858", "a\u200bb"]),
         "an entry of items holds a control or invisible character"),
        (served(*map(str, range(MAX_COUNT + 1))), "items holds 51 entries, the limit is 50"),
        (served(*map(str, range(20_000))), "items holds 20000 entries, the limit is 50"),
        (served(rungs=["personal", "top"]), f"an entry of rungs is top, {NO_RUNG}"),
        (served(rungs=["personal", None]), "an entry of rungs is missing"),
        (served(rungs=["personal", 1]), f"an entry of rungs is 1, {NO_RUNG}"),
        (served(rungs="personal"), "rungs is personal, not a list of rungs"),
        (served(rung="top"), f"rung is top, {NO_RUNG}"),
        (served(rung=["personal"]), f'rung is ["personal"], {NO_RUNG}'),
        (served(user_id=...), "user_id is missing"),
        (served(user_id=["42"]), 'user_id is ["42"], not text or an exact integer'),
        (served(release=None), "release is missing"),
        (served(release={}), "release is {}, not text"),
        (served(occurred_at="someday"), "occurred_at is someday, not a time"),
        (served(occurred_at=MOMENT_US * 2),
         "occurred_at is more than 48 hours after it was taken in"),
        (served(arm=[]), "arm is [], not text"),
        ([], "a JSON array, not an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_broken_list_is_refused_whole_and_by_itself(zone, line, reason):
    text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
    zone.land_lines("impressions-1.jsonl", served("a"), text, served("b", "c"))
    report = zone.ingest()
    assert zone.counts(report) == (4, 3, 0, 1)
    assert zone.refusals() == [(2, reason)]
    (row,) = zone.rows("quarantine").rows(named=True)
    assert (row["raw"], row["table"]) == (text[:4096], "events")
    assert zone.rows("events")["item_id"].sort().to_list() == ["a", "b", "c"]


def test_the_longest_list_that_is_served_comes_in(zone):
    zone.land_lines("impressions-1.jsonl", served(*map(str, range(MAX_COUNT))))
    assert zone.counts(zone.ingest()) == (MAX_COUNT, MAX_COUNT, 0, 0)
    rows = zone.rows("events").sort("position")
    assert rows["item_id"].to_list() == [str(n) for n in range(MAX_COUNT)]
    assert rows["position"].to_list() == list(range(1, MAX_COUNT + 1))


def test_ids_are_spelled_as_everywhere(zone):
    zone.land_lines("impressions-1.jsonl", served("Cafe\u0301", " 7 ", 8, "null|x", user_id=42))
    assert zone.counts(zone.ingest()) == (4, 4, 0, 0)
    rows = zone.rows("events").sort("position")
    assert rows["item_id"].to_list() == ["Caf\u00e9", "7", "8", "null|x"]
    assert rows["user_id"].unique().to_list() == ["42"]


@pytest.mark.parametrize("block_bytes", [1_024, 16 * 1024**2])
def test_pieces_of_a_file_change_nothing(zone, block_bytes):
    zone.settings = IngestSettings(block_bytes=block_bytes, flush_rows=50)
    lines = [served(*map(str, range(n % 12))) for n in range(1, 100)]
    lines = [{**line, "occurred_at": MOMENT_US + n} for n, line in enumerate(lines)]
    lines[50] = served(rungs=[])
    lines[70] = lines[69]
    zone.land_gzip("impressions-1.jsonl.gz", "".join(json.dumps(x) + "\n" for x in lines))
    n_items = sum(len(line["items"]) for line in lines) - 2
    n_again = len(lines[69]["items"])
    assert zone.counts(zone.ingest()) == (n_items + 1, n_items - n_again, n_again, 1)
    rows = zone.rows("events").sort("line", "position")
    for line, items in rows.group_by("line", maintain_order=True).agg("item_id").iter_rows():
        assert items == lines[line - 1]["items"]


def test_parquet_and_csv_hold_lists_too(zone):
    line = {name: value for name, value in served().items() if value is not None}
    zone.land("impressions-1.parquet", pl.DataFrame([line, {**line, "items": []}]))
    assert zone.counts(zone.ingest()) == (3, 2, 0, 1)
    assert zone.refusals() == [(2, "items is empty")]
    zone.land(
        "impressions-2.csv",
        "user_id;occurred_at;release;arm;items;rungs\n"
        f'42;{MOMENT_US};{RELEASE};default;"[""858"",1221]";"[""personal"",""trending""]"\n',
    )
    assert zone.counts(zone.ingest()) == (2, 0, 2, 0)


@pytest.mark.parametrize(
    ("name", "line", "counts"),
    [
        ("served.jsonl", served(), (2, 2, 0, 0)),  # no name tells, the columns do
        ("events-lists.jsonl", served(), (2, 2, 0, 0)),
        ("impressions-1.jsonl", event(action="impression"), (1, 1, 0, 0)),
        ("impressions-1.jsonl", served(rungs=...), (1, 0, 0, 1)),
        ("impressions-1.jsonl", "torn", (1, 0, 0, 1)),
    ],
)
def test_what_a_file_holds_its_columns_say(zone, name, line, counts):
    zone.land_lines(name, line)
    assert zone.counts(zone.ingest()) == counts


def test_a_file_without_its_columns_is_refused_whole(zone):
    zone.land_lines("impressions-1.jsonl", served(release=...))
    (entry,) = zone.ingest().entries
    assert (entry.status, entry.table) == ("unreadable", "events")
    assert entry.reason.startswith("column 'release' is missing; the file has user_id, ")


def test_a_mapping_spells_it_another_way(zone):
    line = {("who" if name == "user_id" else name): value for name, value in served().items()}
    zone.land_lines("impressions-1.jsonl", line)
    report = zone.ingest(Mapping(columns={"user_id": "who"}))
    assert zone.counts(report) == (2, 2, 0, 0)


def test_a_file_of_lists_may_be_imported_as_events(zone, tmp_path):
    path = tmp_path / "shown.jsonl"
    path.write_text(json.dumps(served()) + "\n")
    report = ingest_file(zone.home, path, EVENTS, zone.settings, now_us=zone.now_us)
    assert zone.counts(report) == (2, 2, 0, 0)
    zone.land("impressions-1.jsonl", path.read_bytes())
    assert zone.ingest().repeated == {"impressions-1.jsonl": 1}
