"""The ledger: entries are the commit, and never change."""

import json
import os
import subprocess
import sys
import threading

import pytest

from assets.ingest import ledger as ledger_module
from assets.ingest.account import check_account
from assets.ingest.entry import Entry
from assets.ingest.landing import ingest_landing, waiting_files
from assets.ingest.ledger import open_ledger, read_entries
from assets.ingest.snapshot import snapshot
from core.errors import CheckFailed, IntegrityError, NotFound, ReleaseConflict
from core.ingest_settings import IngestSettings
from tests.assets.ingest.conftest import NOW_US, event


def entry(seq=1, **changes):
    values = {
        "seq": seq, "source_file": "f.csv", "sha256": "0" * 64, "size": 1, "mtime_ns": 1,
        "table": "events", "importer": "files", "mapping": {}, "settings_digest": "",
        "ingested_us": seq, "status": "ingested", "reason": None, "read": 6, "accepted": 3,
        "duplicate": 2, "quarantined": 1,
    }  # fmt: skip
    return Entry(**{**values, **changes})


def test_an_entry_says_all_about_its_file(zone):
    path = zone.land_lines("events.jsonl", event(), event(), {**event(event_id="e2"), "x": 1}, "{")
    zone.ingest()
    body = json.loads((zone.home.ledger / "00000001.json").read_bytes())
    [file] = [f for f in body["files"] if f["table"] == "events"]
    assert {key: body[key] for key in ("seq", "source_file", "table", "status", "read")} == {
        "seq": 1, "source_file": "events.jsonl", "table": "events", "status": "ingested", "read": 4,
    }  # fmt: skip
    assert (body["accepted"], body["duplicate"], body["quarantined"]) == (2, 1, 1)
    assert (body["size"], body["mtime_ns"]) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert body["ingested_us"] == NOW_US
    assert body["ignored_columns"] == ["x"]
    assert (file["path"], file["rows"]) == ("events/day=2025-12-31/00000001-0001.parquet", 2)
    assert file["min_us"] == file["max_us"] == 1_767_175_200_000_000


def test_moments_rise_with_the_number_even_if_the_clock_does_not(zone):
    for n in range(3):
        zone.now_us -= 10**9
        zone.land("users.csv", f"user_id\nu{n}\n")
        zone.ingest()
    moments = [e.ingested_us for e in read_entries(zone.home)]
    assert moments == [moments[0], moments[0] + 1, moments[0] + 2]
    assert zone.rows("user_rows").sort("ingested_us")["user_id"].to_list() == ["u0", "u1", "u2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"read": 7},
        {"accepted": 2},
        {"duplicate": 0},
        {"quarantined": 2},
        {"read": 0, "accepted": -3},
    ],
)
def test_an_account_that_does_not_balance_is_no_entry(zone, changes):
    with pytest.raises(CheckFailed, match=r"f\.csv: read"):
        check_account(entry(**changes))
    with open_ledger(zone.home) as ledger, pytest.raises(CheckFailed):
        ledger.append(entry(**changes))
    assert read_entries(zone.home) == []


def test_a_number_is_given_once(zone):
    with open_ledger(zone.home) as ledger:
        ledger.append(entry())
        with pytest.raises(ReleaseConflict, match="ledger entry 1 was taken"):
            ledger.append(entry(source_file="other"))
    assert [e.source_file for e in read_entries(zone.home)] == ["f.csv"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.write_bytes(p.read_bytes().replace(b'"accepted":3', b'"accepted":4')),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"garbage"),
        lambda p: p.write_bytes(b"[1]"),
        lambda p: p.write_bytes(p.read_bytes()[:-20]),
        lambda p: p.unlink(),
    ],
)
def test_a_damaged_entry_is_noticed(zone, damage):
    with open_ledger(zone.home) as ledger:
        for seq in (1, 2, 3):
            ledger.append(entry(seq))
    damage(zone.home.ledger / "00000002.json")
    with pytest.raises(IntegrityError, match=r"00000002\.json"):
        snapshot(zone.home, 3)


def test_a_snapshot_stays_what_it_was(zone):
    zone.land_lines("events-1.jsonl", event(), event(event_id="old", occurred_at="2025-12-01"))
    zone.ingest()
    first = snapshot(zone.home)
    zone.land_lines("events-2.jsonl", event(event_id="e2"))
    zone.land("junk.bin", b"\x00\x01")
    zone.ingest()
    assert snapshot(zone.home, 1) == first
    later = snapshot(zone.home)
    assert later.position == 3
    assert {t: (a.read, a.accepted, a.quarantined) for t, a in later.accounts.items()} == {
        "events": (3, 3, 0),
        "unknown": (1, 0, 1),
    }
    assert [len(later.files[t]) for t in ("events", "quarantine", "tags")] == [3, 1, 0]
    assert [p.parent.name for p in later.paths("events", before_us=1_767_000_000_000_000)] == [
        "day=2025-12-01"
    ]
    assert later.paths("quarantine", before_us=0) == later.paths("quarantine")
    assert snapshot(zone.home, 0).files["events"] == []
    with pytest.raises(NotFound, match="no entry 4"):
        snapshot(zone.home, 4)


def test_a_snapshot_of_nothing(zone):
    empty = snapshot(zone.home)
    assert (empty.position, empty.accounts, empty.paths("events")) == (0, {}, [])


_KILLED = """
import os, sys
from pathlib import Path
import assets.ingest.ledger as ledger
from assets.ingest.landing import ingest_landing
from core.home import Home
from core.ingest_settings import IngestSettings

def killed(path, content):
    os.kill(os.getpid(), 9)

ledger.create_file = killed
ingest_landing(Home(Path(sys.argv[1])), IngestSettings(), now_us=int(sys.argv[2]))
"""


def test_killed_before_the_commit_leaves_nothing_that_counts(zone):
    zone.land_lines("events.jsonl", event(), event(event_id="e2"), "{")
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(zone.home.root), str(NOW_US)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == -9
    orphan = zone.home.lake / "events/day=2025-12-31/00000001-0001.parquet"
    assert orphan.is_file()
    assert snapshot(zone.home).files["events"] == []
    assert zone.counts(zone.ingest()) == (3, 2, 0, 1)
    assert len(zone.rows("events")) == 2


def test_a_failed_write_leaves_nothing_and_is_not_the_file_s_fault(zone, monkeypatch):
    zone.land_lines("events.jsonl", event())

    def full(path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("assets.ingest.lake.flush_file", full)
        with pytest.raises(OSError, match="No space"):
            zone.ingest()
    assert not list(zone.home.lake.rglob("*.parquet"))
    assert read_entries(zone.home) == []
    assert zone.counts(zone.ingest()) == (1, 1, 0, 0)


def test_two_at_once_take_each_file_in_once(zone):
    for n in range(6):
        zone.land_lines(f"events-{n}.jsonl", event(event_id=f"e{n}"), event(event_id="same"))
    reports = []
    threads = [
        threading.Thread(
            target=lambda: reports.append(
                ingest_landing(zone.home, IngestSettings(), now_us=NOW_US)
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(report.entries) for report in reports) == [0, 0, 6]
    assert len(zone.rows("events")) == 7


def test_a_file_that_grows_while_it_is_read_waits(zone, monkeypatch):
    path = zone.land_lines("events.jsonl", event())
    real = ledger_module.Ledger.moment

    def grows(self, now_us):
        with path.open("a") as stream:
            stream.write(json.dumps(event(event_id="e2")) + "\n")
        return real(self, now_us)

    with monkeypatch.context() as patch:
        patch.setattr(ledger_module.Ledger, "moment", grows)
        report = zone.ingest()
    assert report.waiting == {
        "events.jsonl": "events.jsonl changed while it was read; it waits for the next ingest"
    }
    assert not list(zone.home.lake.rglob("*.parquet"))
    assert [name for name, _, _ in waiting_files(zone.home)] == ["events.jsonl"]
    assert zone.counts(zone.ingest()) == (2, 2, 0, 0)
    assert waiting_files(zone.home) == []
