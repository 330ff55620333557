import shutil

import pytest

from core.errors import CheckFailed, GateRefused, IntegrityError, MachineFault, NotFound
from core.home import Home
from core.release_log import ReleaseLog
from core.release_standing import Standing
from core.release_store import ReleaseStore
from serving import release_commands as commands


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def three(home, toy):
    return [toy.publish(home.releases, f"1970-01-1{n}", n) for n in (1, 2, 3)]


def damage(home, release, name="fragments.bin"):
    path = ReleaseStore(home.releases).path(release) / name
    path.write_bytes(path.read_bytes()[:-2])


def test_an_empty_home(home):
    assert commands.list_releases(home) == []
    for command in (commands.current_release, commands.verify_release):
        with pytest.raises(NotFound, match="no release stands"):
            command(home)
    with pytest.raises(NotFound):
        commands.rollback(home, reason="bad")
    with pytest.raises(NotFound):
        commands.unpin(home, reason="bad")


def test_the_list_says_where_each_release_stands(home, toy, three):
    toy.publish(home.releases, "1970-01-14", 4, log=False)
    commands.rollback(home, reason="bad texts")
    rows = commands.list_releases(home)
    assert [(x["as_of"], x["status"], x["is_current"], x["is_stored"]) for x in rows] == [
        ("1970-01-14", None, False, True),
        ("1970-01-13", "barred", False, True),
        ("1970-01-12", "published", True, True),
        ("1970-01-11", "published", False, True),
    ]
    assert rows[1]["reason"] == "bad texts"


def test_what_is_retired_is_told_until_it_is_deleted(home, three):
    log = ReleaseStore(home.releases).log
    log.append("retire", three[0], "1970-01-11", reason="newer ones are kept")
    row = commands.list_releases(home)[-1]
    assert (row["release"], row["status"], row["reason"]) == (
        three[0],
        "retired",
        "newer ones are kept",
    )
    for command in (commands.pin, commands.rollback):
        with pytest.raises(NotFound, match="was retired"):
            command(home, three[0], reason="back to it")
    shutil.rmtree(ReleaseStore(home.releases).path(three[0]))
    assert [row["release"] for row in commands.list_releases(home)] == three[:0:-1]


def test_the_current_release(home, three):
    current = commands.current_release(home)
    assert (current["release"], current["as_of"]) == (three[2], "1970-01-13")
    assert 0 <= current["age_seconds"] < 60
    assert current["is_pinned"] is False


def test_verify_names_the_damage(home, three):
    assert commands.verify_release(home)["release"] == three[2]
    whole = commands.verify_release(home, three[0])
    assert (whole["release"], whole["files"]) == (three[0], 21)
    damage(home, three[0])
    with pytest.raises(IntegrityError, match=r"fragments\.bin"):
        commands.verify_release(home, three[0])
    with pytest.raises(NotFound):
        commands.verify_release(home, "1970-01-01.000000")


def test_a_rollback_goes_to_the_next_and_sticks(home, toy, three):
    assert commands.rollback(home, reason="bad") == {
        "rolled_back": [three[2]],
        "current": three[1],
    }
    with pytest.raises(GateRefused, match="barred"):
        ReleaseStore(home.releases).log.append("publish", three[2], "1970-01-13", reason="again")
    assert commands.current_release(home)["release"] == three[1]


def test_a_rollback_to_a_release_bars_all_that_go_before_it(home, three):
    assert commands.rollback(home, three[0], reason="bad") == {
        "rolled_back": [three[2], three[1]],
        "current": three[0],
    }
    with pytest.raises(CheckFailed, match="current already"):
        commands.rollback(home, three[0], reason="again")
    with pytest.raises(GateRefused):
        commands.rollback(home, three[1], reason="again")


def test_no_release_that_is_being_barred_is_served_on_the_way(home, toy, three):
    newest = toy.publish(home.releases, "1970-01-14", 4)
    commands.rollback(home, three[0], reason="bad")
    entries = ReleaseStore(home.releases).log.entries()
    served = [Standing.after(entries[:n]).candidates[0].release for n in range(4, 8)]
    assert served == [newest, newest, newest, three[0]]


def test_a_rollback_that_was_interrupted_can_be_repeated(home, three, monkeypatch):
    log, append, done = ReleaseStore(home.releases).log, ReleaseLog.append, []

    def failing(self, *given, **named):
        if done:
            raise MachineFault("the disk is full")
        done.append(append(self, *given, **named))
        return done[-1]

    monkeypatch.setattr(ReleaseLog, "append", failing)
    with pytest.raises(MachineFault):
        commands.rollback(home, three[0], reason="bad")
    assert log.current() == three[2]
    monkeypatch.undo()
    assert commands.rollback(home, three[0], reason="bad") == {
        "rolled_back": [three[2]],
        "current": three[0],
    }
    assert set(log.standing().barred) == set(three[1:])


def test_a_rollback_that_leaves_nothing_is_refused(home, three):
    with pytest.raises(NotFound):
        commands.rollback(home, "1970-01-01.000000", reason="typo")
    for name in three[:2]:
        damage(home, name, "manifest.json")
    with pytest.raises(CheckFailed, match="nothing to serve"):
        commands.rollback(home, reason="bad")
    assert commands.list_releases(home)[0]["is_current"]


def test_pin_and_unpin(home, three):
    assert commands.pin(home, three[0], reason="holiday") == {"release": three[0], "seq": 4}
    assert commands.current_release(home)["is_pinned"] is True
    with pytest.raises(CheckFailed, match="pinned already"):
        commands.pin(home, three[0], reason="again")
    with pytest.raises(CheckFailed, match="unpin it"):
        commands.rollback(home, three[1], reason="bad")
    assert commands.unpin(home, reason="over") == {"release": three[0], "seq": 5}
    assert commands.current_release(home)["release"] == three[2]


def test_a_damaged_release_is_not_pinned(home, three):
    damage(home, three[0])
    with pytest.raises(IntegrityError):
        commands.pin(home, three[0], reason="holiday")
