"""Of a user who is erased no served list is left: not in what landed, nor in the lake."""

import gzip
import json

import polars as pl
import pytest

from assets.ingest.account import check_account
from assets.ingest.landed_redaction import redact_repeated
from assets.ingest.ledger import read_entries
from core.ids import digest
from core.ingest_settings import IngestSettings
from tests.assets.ingest.test_impressions import MOMENT_US, served
from tests.assets.ingest.test_redaction import GONE, erase, night
from tests.traces import traces

USERS = ["ann", GONE, "bob", GONE, "cat"]
LISTS = [served("a", "b", "c", user_id=user, occurred_at=MOMENT_US + n)
         for n, user in enumerate(USERS)]  # fmt: skip
TORN = json.dumps(LISTS[1])[:-9]
UNEQUAL = json.dumps({**LISTS[3], "rungs": ["personal"]})
OTHERS = [json.dumps(line) for line in (LISTS[0], LISTS[2], {**LISTS[4], "rungs": []}, LISTS[4])]
LINES = [
    OTHERS[0], json.dumps(LISTS[1]), OTHERS[1], TORN, json.dumps(LISTS[3]), UNEQUAL,
    json.dumps(LISTS[1]), OTHERS[2], OTHERS[3],
]  # fmt: skip


def text(lines):
    return "".join(line + "\n" for line in lines)


def accounts(zone):
    for entry in read_entries(zone.home):
        check_account(entry)
        yield entry.read, entry.accepted, entry.duplicate, entry.quarantined


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("block_bytes", [1_024, 16 * 1024**2])
def test_the_lines_of_an_erased_user_go_and_no_others(zone, is_packed, block_bytes):
    zone.settings = IngestSettings(block_bytes=block_bytes)
    land = zone.land_gzip if is_packed else zone.land
    path = land("impressions-1.jsonl", text(LINES))
    zone.ingest()
    assert list(accounts(zone)) == [(21, 15, 3, 3)]
    ids = zone.rows("events").filter(user_id=GONE)["event_id"].to_list()
    assert len(ids) == 6
    done = erase(zone)
    assert (done.landed_files, done.lake_files) == (1, 3)
    content = path.read_bytes()
    assert (gzip.decompress(content) if is_packed else content).decode() == text(OTHERS)
    assert list(accounts(zone)) == [(21, 9, 3, 9)]
    rows = zone.rows("events")
    assert sorted(rows["user_id"]) == ["ann"] * 3 + ["bob"] * 3 + ["cat"] * 3
    told = zone.rows("quarantine").sort("line").select("line", "raw", "reason").rows()
    assert told == [
        *((line, None, "erased user") for line in (2, 2, 2, 4, 5, 5, 5, 6)),
        (8, OTHERS[2], "rungs is empty"),
    ]
    assert traces(zone.home.root, GONE, *ids) == {}
    assert zone.ingest().entries == []


def test_what_lands_after_the_erasure_is_refused_and_rewritten(zone):
    erase(zone)
    path = zone.land("impressions-1.jsonl", text(LINES))
    night(zone)
    assert path.read_text() == text(OTHERS)
    assert list(accounts(zone)) == [(21, 9, 0, 12)]
    assert zone.refusals() == [
        *((line, "erased user") for line in (2, 2, 2, 4, 5, 5, 5, 6, 7, 7, 7)),
        (8, "rungs is empty"),
    ]
    assert traces(zone.home.root, GONE) == {}


def test_a_file_of_nobody_else_goes_whole(zone):
    own = zone.land("impressions-1.jsonl", text([LINES[1], TORN, UNEQUAL]))
    zone.ingest()
    assert erase(zone).landed_files == 1
    assert not own.exists()
    assert traces(zone.home.root, GONE) == {}


def test_a_file_whose_repeats_alone_are_theirs_goes_too(zone):
    for n in (1, 2):
        zone.land_gzip(f"impressions-{n}.jsonl", text(LINES) + "\n" * n)
    zone.ingest()
    assert erase(zone).landed_files == 2
    assert traces(zone.home.root, GONE) == {}


def test_lists_in_parquet_go_too(zone):
    frame = pl.DataFrame([{n: v for n, v in line.items() if v is not None} for line in LISTS])
    path = zone.land("impressions-1.parquet", frame)
    zone.ingest()
    erase(zone)
    assert pl.read_parquet(path).equals(frame.filter(pl.col("user_id") != GONE))
    assert traces(zone.home.root, GONE) == {}


def test_an_item_of_that_name_is_no_user(zone):
    """A list that is good names whom it was shown to, not what was on it."""
    lines = [served("7", GONE, user_id="ann"), served("7", user_id=7)]
    path = zone.land_lines("impressions-1.jsonl", *lines)
    zone.ingest()
    content = digest(path.read_bytes().decode())
    assert erase(zone).landed_files == 0
    assert digest(path.read_bytes().decode()) == content
    erase(zone, "7")
    assert path.read_text() == text([json.dumps(lines[0])])
    assert zone.rows("events")["item_id"].sort().to_list() == ["7", GONE]


def test_a_killed_ingest_is_made_up_for(zone):
    erase(zone)
    path = zone.land("impressions-1.jsonl", text(LINES))
    zone.ingest()  # and killed right here
    report = zone.ingest()
    redact_repeated(zone.home, zone.settings, report)
    assert path.read_text() == text(OTHERS)
