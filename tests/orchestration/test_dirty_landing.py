"""A landing zone full of bad files: the night goes on, and every record is in one place."""

import polars as pl
import pytest

from assets.cleaning.exclusion import Account, check_account
from assets.ingest.account import check_account as check_entry
from assets.ingest.ledger import read_entries
from assets.ingest.snapshot import snapshot
from assets.ingest.stage import check_totals
from core.home import Home
from core.release_store import ReleaseStore
from core.schemas import LISTS
from tests import small_world
from tests.bad_files import UNREADABLE
from tests.small_world import FIRST_NIGHT, SECOND_NIGHT


@pytest.fixture
def entries(nights):
    return {entry.source_file: entry for entry in read_entries(Home(nights))}


@pytest.fixture
def quarantine(nights):
    paths = snapshot(Home(nights)).paths("quarantine")
    return pl.concat([pl.read_parquet(path) for path in paths])


def test_the_night_went_on(nights):
    entry = ReleaseStore(Home(nights).releases).log.entries()[0]
    assert (entry.action, entry.as_of) == ("publish", FIRST_NIGHT)


def test_each_files_account_balances(entries):
    for entry in entries.values():
        check_entry(entry)
    assert sum(entry.duplicate for entry in entries.values()) > 50
    assert sum(entry.quarantined for entry in entries.values()) > 100


@pytest.mark.parametrize("as_of", [FIRST_NIGHT, SECOND_NIGHT])
def test_the_dates_account_balances(nights, as_of):
    night = small_world.night(nights, as_of)
    check_totals(night.get("lake").facts)
    account = Account(**night.get("clean_events").facts["account"])
    check_account(account)
    assert account.accepted == night.get("lake").facts["accepted_events"]
    assert min(account.clean, account.bot, account.opted_out, account.not_before) > 0


def test_a_file_that_cannot_be_read_is_quarantined_whole_and_named(entries, quarantine):
    unreadable = {name for name, entry in entries.items() if entry.status == "unreadable"}
    assert unreadable == UNREADABLE
    whole = quarantine.filter(pl.col("line") == 0)
    assert sorted(whole["source_file"]) == sorted(UNREADABLE)
    for entry in (entries[name] for name in UNREADABLE):
        assert (entry.read, entry.accepted, entry.duplicate, entry.quarantined) == (1, 0, 0, 1)
        assert entry.reason


def test_every_refused_record_has_line_reason_and_text(quarantine, entries):
    rows = quarantine.filter(pl.col("line") > 0)
    assert rows["reason"].null_count() == 0
    assert rows.filter(pl.col("reason") == "").height == 0
    assert rows["raw"].null_count() == 0
    counts = dict(quarantine.group_by("source_file").len().iter_rows())
    assert counts == {name: e.quarantined for name, e in entries.items() if e.quarantined}


@pytest.mark.parametrize(
    ("name", "accepted", "duplicate", "quarantined"),
    [
        ("events-no-groups.parquet", 0, 0, 0),
        ("events-reordered.parquet", 40, 0, 0),
        ("events-numbers.parquet", 40, 0, 0),
        ("events-no-gzip.csv.gz", 40, 0, 0),
        ("events-bytes.parquet", 0, 0, 40),
        ("events-twin-a.jsonl", 40, 0, 0),
        ("events-quotes.csv", 40, 0, 2),
        ("events-ends.csv", 40, 0, 1),
        ("events-semicolons.csv", 40, 0, 0),
        ("events-long.jsonl", 1, 0, 1),
        ("events-latin.csv", 40, 0, 1),
        ("events-lines.jsonl", 4, 0, 11),
        ("impressions-twin-a.jsonl", 3, 0, 0),
        ("impressions-lines.jsonl", 50, 0, 16),
        ("events-ids.jsonl", 48, 0, 36),
        ("events-times.jsonl", 5, 0, 7),
        ("events-unknown-items.jsonl", 9, 0, 0),
        ("items-titles.jsonl", 4, 0, 1),
    ],
)
def test_what_became_of_each_file(entries, name, accepted, duplicate, quarantined):
    entry = entries[name]
    found = (entry.status, entry.accepted, entry.duplicate, entry.quarantined)
    assert found == ("ingested", accepted, duplicate, quarantined)


def test_what_is_still_written_and_what_was_seen_before_has_no_entry(entries):
    assert "events-still-written.csv.part" not in entries
    for kind in ("events", "impressions"):
        assert f"{kind}-twin-b.jsonl" not in entries  # the bytes of the first twin


def test_odd_ids_have_lists_of_their_own(nights):
    lists = small_world.night(nights, FIRST_NIGHT).get("explanations").table(LISTS)
    listed = set(lists["user_id"])
    odd = {"0", "-1", "Caf\u00e9", "ABC", "abc", "\uff21\uff22", "\u05d0\u05d1", "../../etc/passwd",
           "a/b", "..", "%2e%2e%2f"}  # fmt: skip
    assert odd <= listed
    assert not listed & {"null", "None", "nan", "", "Cafe\u0301", "a\u200bb", "a\nb", "a\0b"}


def test_no_id_left_its_folder(nights):
    outside = {path.name for path in nights.parent.iterdir()}
    assert not outside & {"etc", "passwd", "x"}
    for path in nights.rglob("*"):
        assert path.resolve().is_relative_to(nights.resolve())
