"""Landed files, ledger and lake without an erased user; all other records stay as they were."""

import gzip
import json
import threading
from dataclasses import replace

import polars as pl
import pytest

from assets.erasure.stage import carry_out
from assets.ingest import landed_redaction, opening, stage
from assets.ingest.account import check_account
from assets.ingest.landed_redaction import redact_repeated
from assets.ingest.landing import ingest_file
from assets.ingest.ledger import read_entries
from core.ingest_settings import IngestSettings
from core.night import Workspace
from core.release_store import ReleaseStore
from core.settings import Settings
from tests import small_world
from tests.assets.ingest.conftest import event
from tests.traces import traces

GONE = "gone-7f3a"
USERS = ["ann", GONE, "bob", GONE, "cat"]
EVENTS = [event(event_id=f"e{n}", user_id=user) for n, user in enumerate(USERS)]


def as_csv(records):
    return "\n".join([",".join(records[0]), *(",".join(r.values()) for r in records)]) + "\n"


def as_lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def as_parquet(records):
    return pl.DataFrame(records)


def without(records):
    return [record for record in records if record["user_id"] != GONE]


def erase(zone, user=GONE):
    ReleaseStore(zone.home.releases).tombstones.erase(user)
    with small_world.settings():
        return carry_out(zone.home)


@pytest.mark.parametrize(("name", "spell"), [("events.csv", as_csv), ("events.jsonl", as_lines)])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_landed_text_loses_the_records_and_nothing_else(zone, name, spell, is_packed):
    land = zone.land_gzip if is_packed else zone.land
    path = land(name, spell(EVENTS))
    moment = path.stat().st_mtime_ns
    zone.ingest()
    done = erase(zone)
    assert (done.landed_files, done.lake_files) == (1, 2)
    content = path.read_bytes()
    plain = gzip.decompress(content) if is_packed else content
    assert plain.decode() == spell(without(EVENTS))
    assert path.stat().st_mtime_ns == moment
    (entry,) = read_entries(zone.home)
    check_account(entry)
    told = (entry.read, entry.accepted, entry.duplicate, entry.quarantined)
    assert told == (5, 3, 0, 2)
    assert zone.rows("events")["user_id"].to_list() == ["ann", "bob", "cat"]
    assert zone.refusals() == [(n, "erased user") for n in zone.rows("quarantine")["line"]]
    assert traces(zone.home.root, GONE) == {}


def test_rewritten_files_are_not_taken_in_again(zone):
    zone.land("events.parquet", as_parquet(EVENTS))
    zone.land("users.csv", f"user_id,country\nann,NL\n{GONE},NL\n")
    zone.ingest()
    erase(zone)
    report = zone.ingest()
    assert (report.entries, len(report.repeated), report.position) == ([], 2, 2)
    assert zone.rows("user_rows")["user_id"].to_list() == ["ann"]


def test_what_lands_again_is_refused_and_rewritten(zone):
    path = zone.land("events.csv", as_csv(EVENTS))
    zone.ingest()
    erase(zone)
    path.write_text(as_csv(EVENTS))
    zone.land("events-more.csv", as_csv([*EVENTS[:3], event(event_id="new", user_id=GONE)]))
    report = zone.ingest()
    assert report.repeated == {"events.csv": 1}
    assert zone.counts(report) == (4, 0, 2, 2)  # the others' events are known still
    redact_repeated(zone.home, zone.settings, report)
    assert path.read_text() == as_csv(without(EVENTS))
    assert traces(zone.home.root, GONE) == {}


def night(zone):
    report = zone.ingest()
    redact_repeated(zone.home, zone.settings, report)
    return report


def test_what_was_imported_from_elsewhere_is_rewritten_where_it_lands(zone, tmp_path):
    erase(zone)
    outside = tmp_path / "events-outside.csv"
    outside.write_text(as_csv(EVENTS))
    ingest_file(zone.home, outside, None, zone.settings, now_us=zone.now_us)
    path = zone.land("events.csv", as_csv(EVENTS))
    assert night(zone).repeated == {"events.csv": 1}
    assert path.read_text() == as_csv(without(EVENTS))
    assert traces(zone.home.root, GONE) == {}


def test_an_ingest_killed_before_it_rewrote_what_landed_is_made_up_for(zone):
    erase(zone)
    path = zone.land("events.csv", as_csv(EVENTS))
    zone.ingest()  # and killed right here
    assert list(traces(zone.home.root, GONE)) == ["landing/events.csv"]
    night(zone)
    assert path.read_text() == as_csv(without(EVENTS))
    assert traces(zone.home.root, GONE) == {}


def test_a_file_of_repeated_records_that_was_away_is_rewritten_when_it_returns(zone):
    zone.land("events-a.csv", as_csv(EVENTS))
    again = zone.land("events-b.csv", as_csv([*EVENTS, EVENTS[1]]))
    zone.ingest()
    again.unlink()
    erase(zone)
    again.write_text(as_csv([*EVENTS, EVENTS[1]]))
    night(zone)
    assert again.read_text() == as_csv(without(EVENTS))


def test_a_rewritten_file_that_was_away_is_looked_into_for_whoever_left_meanwhile(zone):
    path = zone.land("events.csv", as_csv(EVENTS))
    zone.ingest()
    erase(zone)
    content = path.read_bytes()
    path.unlink()
    erase(zone, "bob")
    path.write_bytes(content)
    night(zone)
    assert path.read_text() == as_csv([EVENTS[0], EVENTS[4]])


def test_a_night_looks_into_a_file_once(zone, monkeypatch):
    erase(zone)
    zone.land("events-a.csv", as_csv(EVENTS))
    zone.land("events-b.csv", as_csv([*without(EVENTS), EVENTS[0]]))  # repeats, nobody erased
    looked = []
    look = landed_redaction.gone_records

    def noting(path, *rest):
        looked.append(path.name)
        return look(path, *rest)

    monkeypatch.setattr(landed_redaction, "gone_records", noting)
    for _ in range(3):
        night(zone)
    assert looked == ["events-a.csv", "events-b.csv"]


def test_an_erasure_waits_for_the_lake_that_is_just_being_made(zone, monkeypatch):
    zone.land("events.csv", as_csv(EVENTS))
    take, erasers = stage.snapshot, []

    def slow_snapshot(home):
        taken = take(home)
        erasers.append(threading.Thread(target=erase, args=(zone,)))
        erasers[0].start()
        erasers[0].join(1)
        return taken

    monkeypatch.setattr(stage, "snapshot", slow_snapshot)
    night_of = Workspace(zone.home, Settings()).night("2026-01-01")
    made = stage.make_lake(night_of)
    stage.check_totals(made.artefact.facts)
    erasers[0].join()
    lake = night_of.get("lake")
    assert lake.manifest.redaction == 1
    stage.check_totals(lake.facts)
    assert traces(zone.home.root, GONE) == {}


def test_repeated_records_lie_in_the_file_alone_and_go_too(zone):
    zone.land("events-a.csv", as_csv(EVENTS))
    zone.land("events-b.csv", as_csv([*EVENTS, EVENTS[1]]))
    zone.ingest()
    assert erase(zone).landed_files == 2
    assert traces(zone.home.root, GONE) == {}


def test_a_file_of_nobody_else_goes_whole_and_one_that_nobody_reads_too(zone):
    own = zone.land("events-own.jsonl", as_lines([EVENTS[1], EVENTS[3]]))
    torn = zone.land("events-torn.csv", f"user_id,item_id\n{GONE},i1\n")
    other = zone.land("events-other.csv", "user_id,item_id\nann,i1\n")
    binary = zone.land("events-binary.parquet", b"PAR1\0\0torn")
    zone.ingest()
    assert erase(zone).landed_files == 3
    assert [path.exists() for path in (own, torn, other, binary)] == [False, False, True, False]
    assert traces(zone.home.root, GONE) == {}
    assert len(read_entries(zone.home)) == 4


FAR = [
    EVENTS[0],
    {**event(event_id="far", occurred_at="never"), "note": "é" * 3000, "user_id": GONE},
    {**event(event_id="other", occurred_at="never"), "note": "x" * 5000, "user_id": "bob"},
]


@pytest.mark.parametrize(("name", "spell"), [("events.csv", as_csv), ("events.jsonl", as_lines)])
@pytest.mark.parametrize("when", ["before", "after", "after others", "under other limits"])
def test_whose_id_lies_far_into_a_refused_record_is_found(zone, name, spell, when):
    records = [{"note": "", **EVENTS[0]}, *({"note": "", **r} for r in FAR[1:])]
    if when == "before":
        erase(zone)
    if when == "under other limits":
        zone.settings = IngestSettings(max_raw_bytes=1000)
    path = zone.land(name, spell(records))
    night(zone)
    if when == "after others":
        erase(zone, "somebody else")
        assert path.read_text() == spell(records)
    if when != "before":
        erase(zone)
    assert path.read_text() == spell([records[0], records[2]])
    assert traces(zone.home.root, GONE, "éé") == {}
    told = "erased user" if when == "before" else "cut short, so that it may be of an erased user"
    assert zone.refusals()[0] == (3 - (name == "events.jsonl"), told)


def erase_under(zone, user=GONE, **limits):
    """Erases a user under other limits than those that the files were read with."""
    ReleaseStore(zone.home.releases).tombstones.erase(user)
    more = {f"DAYBREAK_INGEST__{name.upper()}": str(limit) for name, limit in limits.items()}
    with small_world.settings(more):
        return carry_out(zone.home)


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz", "events.parquet"])
def test_what_was_taken_in_is_rewritten_under_a_lower_limit_of_size(zone, name):
    if name.endswith(".gz"):
        path = zone.land_gzip(name, as_csv(EVENTS))
    else:
        path = zone.land(name, as_csv(EVENTS) if name.endswith(".csv") else as_parquet(EVENTS))
    zone.ingest()
    assert erase_under(zone, max_file_bytes=100).landed_files == 1
    assert path.exists()
    assert traces(zone.home.root, GONE) == {}


def test_what_was_taken_in_is_rewritten_under_a_lower_ratio(zone, monkeypatch):
    monkeypatch.setattr(opening, "_FREE_BYTES", 1024)
    path = zone.land_gzip("events.csv", as_csv([{**e, "note": "x" * 900} for e in EVENTS]))
    zone.ingest()
    assert erase_under(zone, max_compression_ratio=2).landed_files == 1
    assert GONE not in gzip.decompress(path.read_bytes()).decode()


def forget_limits(zone):
    """Makes the ledger one from before entries noted the limits."""
    for path in zone.home.ledger.glob("*.json"):
        (entry,) = [x for x in read_entries(zone.home) if x.seq == int(path.stem)]
        path.write_bytes(replace(entry, limits={}, settings_digest="another").to_bytes())


@pytest.mark.parametrize(("name", "spell"), [("events.csv", as_csv), ("events.jsonl", as_lines)])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_long_record_of_another_user_stays_under_a_lower_limit(zone, name, spell, is_known):
    records = [{**e, "user_agent": "x" * 2000} for e in EVENTS]
    path = zone.land(name, spell(records))
    zone.ingest()
    if not is_known:
        forget_limits(zone)
    erase_under(zone, max_record_bytes=1024, block_bytes=1024)
    assert path.read_text() == spell(without(records))
    assert zone.rows("events")["user_id"].to_list() == ["ann", "bob", "cat"]
    assert traces(zone.home.root, GONE) == {}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_whole_text_of_another_user_stays_in_quarantine_under_other_limits(zone, is_known):
    bad = json.dumps(event(event_id="bad", user_id="bob", occurred_at="never"))
    zone.land_lines("events.jsonl", *EVENTS, bad)
    zone.ingest()
    if not is_known:
        forget_limits(zone)  # then the longest may have been cut
    erase_under(zone, max_raw_bytes=64)
    texts = zone.rows("quarantine").filter(pl.col("line") == len(EVENTS) + 1)["raw"].to_list()
    assert texts == [bad if is_known else None]


@pytest.mark.parametrize("limit", [1, 200])
def test_records_begin_and_end_where_they_did_when_they_were_taken_in(zone, limit):
    zone.settings = IngestSettings(max_record_lines=3)
    agent = {"user_agent": '"a\n\nsecret"'}
    mine = [{**EVENTS[1], **agent}, {**EVENTS[3], "user_agent": '"open'}]
    others = [{**e, "user_agent": "plain"} for e in (EVENTS[0], EVENTS[2], EVENTS[4])]
    last = {**event(event_id="last", user_id="dan"), "user_agent": 'plain"'}
    path = zone.land("events.csv", as_csv([*mine, *others, last]))
    zone.ingest()
    assert zone.rows("events")["user_id"].to_list() == [GONE, "ann", "bob", "cat"]
    erase_under(zone, max_record_lines=limit)
    assert path.read_text() == as_csv([*others, last])


@pytest.mark.parametrize("user", ["bob", "cat"])
def test_what_an_erasure_left_may_be_no_file_that_a_reader_opens(zone, user):
    torn = '{"user_id": "bob", '
    path = zone.land_lines("events.jsonl", EVENTS[1], torn)
    zone.ingest()
    erase(zone)
    assert path.read_text() == torn + "\n"
    done = erase(zone, user)  # no key is left in it that would tell its columns
    assert (done.landed_files, path.exists()) == ((1, False) if user == "bob" else (0, True))
    for entry in read_entries(zone.home):
        check_account(entry)
    assert erase(zone, "dan").landed_files == 0


@pytest.mark.parametrize("is_late", [False, True])
def test_a_record_whose_end_no_reader_saw_goes(zone, is_late):
    zone.settings = IngestSettings(max_record_bytes=1024, block_bytes=1024)
    long = {**EVENTS[1], "note": "x" * 4000}
    long["user_id"] = long.pop("user_id")  # the last of all
    if not is_late:
        erase(zone)
    path = zone.land_lines("events.jsonl", EVENTS[0], long, EVENTS[2])
    night(zone)
    if is_late:
        erase_under(zone, max_record_bytes=1024, block_bytes=1024)
    assert path.read_text().splitlines() == [json.dumps(r) for r in (EVENTS[0], EVENTS[2])]
    assert traces(zone.home.root, GONE) == {}


def test_an_event_refused_as_reused_is_kept_without_a_text_that_names_them(zone):
    erase(zone)
    again = {**event(event_id="e0", user_id="bob"), "friend": GONE}
    zone.land_lines("events.jsonl", EVENTS[0], again)
    night(zone)
    assert zone.refusals() == [(2, "erased user")]


@pytest.mark.parametrize(("name", "spell"), [("events.csv", as_csv), ("events.jsonl", as_lines)])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_number_is_an_id_in_its_own_column_alone(zone, name, spell, is_late):
    odd = {"occurred_at": "never", "value": "5"}
    records = [
        event(event_id="e1", user_id="5", **odd),
        event(event_id="e2", user_id="6", **odd),
        event(event_id="e3", user_id="7", item_id="5", **odd),
    ]
    if not is_late:
        erase(zone, "5")
    path = zone.land(name, spell(records))
    unreadable = zone.land(f"u{name}", spell([{"user_id": "6", "item_id": "5"}]))
    night(zone)
    if is_late:
        erase(zone, "5")
    assert path.read_text() == spell(records[1:])
    assert unreadable.exists()
    reasons = [reason for line, reason in zone.refusals() if line]
    is_without_header = is_late and name == "events.csv"  # what quarantine holds of a CSV file
    assert reasons.count("erased user") == (3 if is_without_header else 1)


@pytest.mark.parametrize("odd", ["ann,bo", 'say"hi"x', "line\nbreak7", "back\\slash", "o'hara"])
def test_odd_ids_in_refused_records_go(zone, odd):
    bad = event(event_id="bad", user_id=odd, occurred_at="never")
    lines = zone.land_lines("events.jsonl", EVENTS[0], bad)
    cells = ",".join(f'"{cell}"'.replace(odd, odd.replace('"', '""')) for cell in bad.values())
    rows = zone.land("events.csv", as_csv([EVENTS[2]]) + cells + "\n")
    zone.ingest()
    erase(zone, odd)
    assert lines.read_text() == as_lines([EVENTS[0]])
    assert rows.read_text() == as_csv([EVENTS[2]])
    assert traces(zone.home.root, odd, json.dumps(odd)[1:-1], odd.replace('"', '""')) == {}


@pytest.mark.parametrize("hidden", ["\u2028", "\u2029", "\u200b", "\x85", "\x07"])
@pytest.mark.parametrize(("name", "spell"), [("events.csv", as_csv), ("events.jsonl", as_lines)])
@pytest.mark.parametrize("is_late", [False, True])
def test_an_id_refused_for_what_hides_in_it_goes(zone, hidden, name, spell, is_late):
    odd = event(event_id="bad", user_id=f"zo{hidden}ë", session_id="secret-visit")
    good = {**EVENTS[0], "session_id": ""}
    if not is_late:
        erase(zone, "zoë")
    path = zone.land(name, spell([good, odd]))
    unreadable = zone.land(f"u{name}", spell([{"user_id": odd["user_id"], "item_id": "i1"}]))
    night(zone)
    if is_late:
        erase(zone, "zoë")
    assert path.read_text() == spell([good])
    assert not unreadable.exists()
    told = [(line, reason) for line, reason in zone.refusals() if line]
    assert told == [(3 - (name == "events.jsonl"), "erased user")]
    assert traces(zone.home.root, "secret-visit") == {}


@pytest.mark.parametrize("is_late", [False, True])
def test_a_number_with_an_exponent_is_the_id_that_it_means(zone, is_late):
    odd = json.dumps(event(event_id="bad", user_id=42, action="bogus")).replace("42", "42e0")
    if not is_late:
        erase(zone, "42")
    path = zone.land_lines("events.jsonl", EVENTS[0], odd)
    night(zone)
    if is_late:
        erase(zone, "42")
    assert path.read_text() == as_lines([EVENTS[0]])
    assert zone.refusals() == [(2, "erased user")]
    assert traces(zone.home.root, "42e0") == {}


HEADLESS = [
    ("dump.csv", f"e1,{GONE},i1,like,2025-03-01\ne2,{GONE},i2,like,2025-03-01\n"),
    ("events-1.csv", f"e1,{GONE},i1\n"),
    ("events-2.csv", f'"e1,i1,{"x" * 28},{GONE}\n'),  # an open quote
    ("events-3.csv", f"user_id,item_id,action,{GONE},{GONE}\n{GONE},i1,like,1,2\n"),
    ("events-4.jsonl", f'{{"{GONE}": 1}}\n'),
    ("events-5.csv", f'{",".join(f"c{n}" for n in range(19))},{GONE}\n'),
    ("users-6.csv", f"user_id,country,{GONE}\nann,NL,\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), HEADLESS)
@pytest.mark.parametrize("is_late", [False, True])
def test_no_reason_and_no_column_quotes_them(zone, name, content, is_late):
    if not is_late:
        erase(zone)
    path = zone.land(name, content)
    night(zone)
    if is_late:
        erase(zone)
    if name == "users-6.csv":  # a column of somebody else's accepted row stays in the file
        path.unlink()
    assert traces(zone.home.root, GONE) == {}
    (entry,) = read_entries(zone.home)
    check_account(entry)
    if entry.status == "unreadable" and entry.reason != "erased user":
        assert "quote open" in entry.reason
    assert sum(file.table == "quarantine" for file in entry.files) == (entry.quarantined > 0)


@pytest.mark.parametrize("odd", ["ann,bo", 'say"hi"x', "back\\slash", "o'hara", "zoë b", "é" * 41])
def test_no_reason_quotes_an_odd_id(zone, odd):
    cell = '"' + odd.replace('"', '""') + '"'
    zone.land("dump.csv", f"e1,{cell},i1,like,2025-03-01\n")
    zone.ingest()
    erase(zone, odd)
    spelled = {odd, odd[:40], json.dumps(odd, ensure_ascii=False)[1:-1], repr(odd)[1:-1]}
    assert traces(zone.home.root, *spelled) == {}


def test_a_text_in_quarantine_is_left_out(zone):
    bad = event(event_id="bad", user_id=GONE, occurred_at="a secret day")
    zone.land_lines("events.jsonl", EVENTS[0], bad, '{"user_id": "gone-7f3a", "secret')
    zone.ingest()
    assert "secret" in zone.rows("quarantine").write_json()
    erase(zone)
    rows = zone.rows("quarantine")
    assert rows["reason"].to_list() == ["erased user"] * 2
    assert rows["raw"].to_list() == [None, None]
    assert traces(zone.home.root, GONE, "a secret day") == {}


def test_a_second_user_goes_from_what_was_rewritten_before(zone):
    path = zone.land("events.csv", as_csv(EVENTS))
    zone.ingest()
    erase(zone)
    erase(zone, "bob")
    assert path.read_text() == as_csv([EVENTS[0], EVENTS[4]])
    (entry,) = read_entries(zone.home)
    assert (entry.accepted, entry.quarantined) == (2, 3)
    names = {file.path for file in entry.files}
    assert names == {
        path.relative_to(zone.home.lake).as_posix() for path in zone.home.lake.rglob("*.parquet")
    }
