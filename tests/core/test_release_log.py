import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import (
    CheckFailed,
    GateRefused,
    IntegrityError,
    NotFound,
    ReleaseConflict,
    UnsafeName,
    UsageError,
)
from core.release_log import ReleaseLog

A, B, C = "2026-01-01.aaaaaa", "2026-01-02.bbbbbb", "2026-01-03.cccccc"


@pytest.fixture
def log(tmp_path):
    return ReleaseLog(tmp_path / "log")


def add(log, action, release, **more):
    return log.append(action, release, release[:10], reason="test", **more)


def test_an_empty_log_has_no_release(log):
    assert log.entries() == ()
    assert log.current() is None
    assert log.champion_before("2026-01-01") is None


def test_entries_are_numbered_files_that_read_back_whole(log):
    entry = add(log, "publish", A, verdict={"passed": True})
    assert [path.name for path in log.folder.path.iterdir()] == ["00000001.json"]
    assert ReleaseLog(log.folder).entries() == (entry,)
    assert (entry.seq, entry.action, entry.release, entry.as_of) == (1, "publish", A, "2026-01-01")
    assert entry.verdict == {"passed": True}
    assert entry.at.endswith("Z")


def test_the_greatest_date_is_current_whatever_the_order(log):
    for release in (B, C, A):
        add(log, "publish", release)
    assert log.current() == C


def test_of_equal_dates_the_latest_entry_is_current(log):
    add(log, "publish", "2026-01-01.ffffff")
    add(log, "publish", "2026-01-01.000000")
    assert log.current() == "2026-01-01.000000"


def test_an_archived_release_never_becomes_current(log):
    add(log, "publish", A)
    add(log, "archive", B)
    assert log.current() == A
    with pytest.raises(NotFound):
        add(log, "pin", B)


def test_a_backfill_is_archived_and_the_newest_is_published(log):
    add(log, "publish", B)
    placement = log.standing().placement
    assert [placement(day) for day in ("2026-01-01", "2026-01-02", "2026-01-03")] == [
        "archive",
        "publish",
        "publish",
    ]


def test_a_rollback_bars_for_ever_and_the_next_best_is_current(log):
    for release in (A, B):
        add(log, "publish", release)
    add(log, "rollback", B)
    assert log.current() == A
    for action in ("publish", "archive", "rollback", "pin"):
        with pytest.raises(GateRefused, match="rolled back by entry 3"):
            add(log, action, B)
    add(log, "publish", "2026-01-02.dddddd")
    assert log.current() == "2026-01-02.dddddd"


def test_a_pin_holds_until_it_is_lifted(log):
    for release in (A, B):
        add(log, "publish", release)
    add(log, "pin", A)
    add(log, "publish", C)
    assert log.current() == A
    assert [x.release for x in log.standing().candidates] == [A, C, B]
    add(log, "unpin", A)
    assert log.current() == C


def test_rolling_back_the_pinned_release_lifts_the_pin(log):
    for release in (A, B):
        add(log, "publish", release)
    add(log, "pin", A)
    add(log, "rollback", A)
    assert log.current() == B
    assert log.standing().pinned is None


def test_the_champion_is_the_release_of_the_date_before(log):
    add(log, "publish", C)
    add(log, "archive", A)
    assert log.champion_before("2026-01-01") is None
    assert log.champion_before("2026-01-02") == A
    add(log, "archive", B)
    assert log.champion_before("2026-01-03") == B
    add(log, "rollback", C)
    assert log.champion_before("2026-01-09") == B


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        ("publish", CheckFailed, "published already, by entry 1"),
        ("archive", CheckFailed, "published already"),
        ("unpin", CheckFailed, "is not pinned"),
    ],
)
def test_an_action_that_changes_nothing_is_refused(log, action, error, message):
    add(log, "publish", A)
    with pytest.raises(error, match=message):
        add(log, action, A)
    assert len(log.entries()) == 1


def test_an_unpublished_release_can_be_neither_pinned_nor_rolled_back(log):
    for action in ("pin", "rollback"):
        with pytest.raises(NotFound, match="is not published"):
            add(log, action, A)


def test_names_and_dates_are_checked(log):
    with pytest.raises(UnsafeName):
        log.append("publish", "../../etc", "2026-01-01", reason="")
    with pytest.raises(UsageError):
        log.append("publish", A, "yesterday", reason="")


def test_a_writer_that_looked_earlier_gets_a_conflict(log):
    add(log, "publish", A, expected_seq=0)
    with pytest.raises(ReleaseConflict, match="stands at entry 1, not at 0"):
        add(log, "publish", B, expected_seq=0)
    assert log.current() == A


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 64, b"{", b"[]", b'"text"', b'{"seq":1}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_garbage_entry_is_named(log, content):
    add(log, "publish", A)
    add(log, "publish", B)
    (log.folder.path / "00000001.json").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"00000001\.json"):
        ReleaseLog(log.folder).current()


def test_an_edited_swapped_or_missing_entry_is_named(log):
    add(log, "publish", A)
    add(log, "publish", B)
    first, second = log.folder.path / "00000001.json", log.folder.path / "00000002.json"
    whole = first.read_bytes()
    first.write_bytes(whole.replace(b"aaaaaa", b"bbbbbb"))
    with pytest.raises(IntegrityError, match="was altered"):
        ReleaseLog(log.folder).entries()
    first.write_bytes(second.read_bytes())
    with pytest.raises(IntegrityError, match=r"00000001\.json was altered"):
        ReleaseLog(log.folder).entries()
    first.unlink()
    with pytest.raises(IntegrityError, match=r"00000001\.json cannot be read"):
        ReleaseLog(log.folder).entries()


def test_what_a_crashed_writer_left_beside_is_no_entry(log):
    add(log, "publish", A)
    (log.folder.path / ".00000002.json.0123").write_bytes(b"half")
    assert log.current() == A
    add(log, "publish", B)
    assert log.current() == B


def publish_as(folder: Path, number: int, expected_seq: int) -> int:
    """Returns the publisher's number if it won, else -1."""
    try:
        ReleaseLog(folder).append(
            "publish",
            f"2026-01-01.{expected_seq:03d}{number:03d}",
            "2026-01-01",
            reason=f"publisher {number}",
            expected_seq=expected_seq,
        )
    except ReleaseConflict:
        return -1
    return number


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_twenty_publishers_race_and_one_wins_each_round(log, kind):
    if kind == "threads":
        pool, rounds = ThreadPoolExecutor(20), 100
    else:
        pool, rounds = ProcessPoolExecutor(4, multiprocessing.get_context("spawn")), 5
    winners = []
    with pool:
        for seq in range(rounds):
            jobs = [pool.submit(publish_as, log.folder.path, n, seq) for n in range(20)]
            won = [job.result() for job in jobs if job.result() >= 0]
            assert len(won) == 1
            winners += won
    entries = ReleaseLog(log.folder).entries()
    assert [entry.seq for entry in entries] == list(range(1, rounds + 1))
    assert [entry.reason for entry in entries] == [f"publisher {n}" for n in winners]
    assert len(list(log.folder.path.iterdir())) == rounds


def test_the_very_bytes_of_a_barred_release_do_not_come_back_under_another_id(log):
    add(log, "publish", A)
    add(log, "publish", B, content="same")
    add(log, "rollback", B)
    for action in ("publish", "archive"):
        with pytest.raises(GateRefused, match=f"{C} has the very bytes of another: release {B}"):
            add(log, action, C, content="same")
    add(log, "publish", C, content="mended")
    assert log.current() == C


def test_a_retired_release_is_out_for_everyone_and_does_not_come_back(log):
    for release in (A, B, C):
        add(log, "publish", release)
    add(log, "retire", B)
    assert log.standing().status(B) == "retired"
    assert [entry.release for entry in log.standing().candidates] == [C, A]
    assert log.champion_before("2026-01-03") == A
    for action in ("pin", "rollback"):
        with pytest.raises(NotFound, match="was retired"):
            add(log, action, B)
    for action in ("publish", "archive"):
        with pytest.raises(CheckFailed, match="retired by entry 4"):
            add(log, action, B)
    with pytest.raises(CheckFailed, match="retired already"):
        add(log, "retire", B)


def test_what_is_served_is_not_retired(log):
    for release in (A, B):
        add(log, "publish", release)
    with pytest.raises(CheckFailed, match=f"{B} is served"):
        add(log, "retire", B)
    add(log, "pin", A)
    with pytest.raises(CheckFailed, match=f"{A} is served"):
        add(log, "retire", A)
    add(log, "retire", B)


def test_what_was_never_announced_or_was_barred_can_be_retired(log):
    for release in (A, B):
        add(log, "publish", release)
    add(log, "rollback", B)
    add(log, "retire", B)
    add(log, "retire", C)
    assert (log.standing().status(B), log.standing().status(C)) == ("barred", "retired")
    with pytest.raises(GateRefused):
        add(log, "publish", B)
