"""The commands where a location decides, and a server that follows it."""

import json
import logging
import os
import subprocess
import sys
import time

import pytest

from assets.publication.garbage import clear_up
from core.errors import CheckFailed, IntegrityError, NotFound, UsageError
from core.home import Home
from core.place import open_place
from core.release_location import ReleaseLocation
from core.release_pull import pull
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.retention_settings import RetentionSettings
from orchestration.cli import main
from serving import release_commands as commands
from serving.current_release import CurrentRelease
from serving.location_commands import pull_release, push
from serving.location_watch import LocationWatch
from serving.tombstone_commands import opt_out, take_down
from tests.orchestration.test_bare_interpreter import BARE
from tests.servers import BUCKET, KEYS


@pytest.fixture
def shared(tmp_path):
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")


@pytest.fixture
def three(toy, shared, tmp_path, monkeypatch):
    """A location with three releases, brought there by a home that built them."""
    home = Home(tmp_path / "builder")
    names = [toy.publish(home.releases, f"1970-01-1{n}", n) for n in (1, 2, 3)]
    push(home, ReleaseSettings(location=shared), None)
    monkeypatch.setenv("DAYBREAK_RELEASES__LOCATION", shared)
    return names


def at(location):
    return ReleaseLocation(open_place(location))


def wait_for(holds):
    for _ in range(400):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within 8 s")


def test_decisions_are_made_at_the_location(three, shared, tmp_path):
    elsewhere = Home(tmp_path / "elsewhere")  # a machine that has copied nothing
    row = commands.list_releases(elsewhere)[0]
    assert (row["release"], row["is_stored"], row["is_shared"]) == (three[2], False, True)
    assert commands.current_release(elsewhere)["release"] == three[2]
    assert commands.rollback(elsewhere, reason="bad")["current"] == three[1]
    assert commands.pin(elsewhere, three[0], reason="holiday")["release"] == three[0]
    with pytest.raises(CheckFailed, match="pinned already"):
        commands.pin(elsewhere, three[0], reason="again")
    commands.unpin(elsewhere, reason="over")
    assert [x.action for x in at(shared).log.entries()][3:] == ["rollback", "pin", "unpin"]
    assert ReleaseStore(elsewhere.releases).log.entries() == ()
    with pytest.raises(NotFound):
        commands.verify_release(elsewhere)


def test_a_home_that_has_the_releases_follows_its_own_decision_at_once(three, tmp_path):
    home = Home(tmp_path / "builder")
    commands.rollback(home, reason="bad")
    assert ReleaseStore(home.releases).log.current() == three[1]


def test_a_rollback_that_leaves_nothing_at_the_location_is_refused(three, shared, tmp_path):
    for name in three[:2]:
        at(shared).remove(name)
    with pytest.raises(CheckFailed, match="nothing to serve"):
        commands.rollback(Home(tmp_path / "elsewhere"), reason="bad")


def test_pull_and_push_on_the_command_line(three, shared, tmp_path, monkeypatch, capsys):
    home = str(tmp_path / "reader")
    assert main(["release", "pull", "--home", home, "--spread", "0.01", "--json"]) == 0
    printed = capsys.readouterr()
    done = json.loads(printed.out)
    assert (done["current"], done["copied"]) == (three[2], [three[2], three[1]])
    assert "of at most 0.01 s" in printed.err
    assert main(["release", "verify", "--home", home]) == 0
    monkeypatch.delenv("DAYBREAK_RELEASES__LOCATION")
    other = str(tmp_path / "other")
    flags = ["--home", other, "--spread", "0", "--fallbacks", "0"]
    assert main(["release", "pull", "--from", shared, *flags]) == 0
    assert ReleaseStore(Home(tmp_path / "other").releases).ids() == [three[2]]
    capsys.readouterr()
    for words in (["pull"], ["push"], ["push", three[0]]):
        assert main(["release", *words, "--home", home]) == 2
        assert "DAYBREAK_RELEASES__LOCATION" in capsys.readouterr().err
    for flag in (["--spread", "-1"], ["--fallbacks", "11"], ["--spread", "nan"]):
        with pytest.raises(SystemExit):
            main(["release", "pull", *flag, "--home", home])
        assert "not within" in capsys.readouterr().err


def test_a_home_that_was_filled_by_name_decides_where_it_was_filled_from(
    three, shared, tmp_path, monkeypatch
):
    monkeypatch.delenv("DAYBREAK_RELEASES__LOCATION")
    monkeypatch.chdir(tmp_path)
    home, none_set = Home(tmp_path / "reader"), ReleaseSettings(spread_seconds=0)
    pull_release(home, none_set, origin="shared", grace_seconds=3600)
    monkeypatch.chdir("/")  # a folder is found from anywhere
    assert commands.rollback(home, reason="bad")["current"] == three[1]
    commands.pin(home, three[1], reason="holiday")
    commands.unpin(home, reason="over")
    opt_out(home, "ann")
    assert main(["release", "gc", "--home", str(home.root)]) == 0
    own, there = ReleaseStore(home.releases), at(shared)
    assert [x.action for x in there.log.entries()][3:] == ["rollback", "pin", "unpin"]
    assert own.log.entries() == there.log.entries()
    assert own.tombstones.state().hides("ann")
    assert there.tombstones.state().hides("ann")
    assert pull_release(home, none_set, grace_seconds=3600)["current"] == three[1]


def test_a_home_of_its_own_is_not_turned_over_to_another_location(
    three, shared, toy, tmp_path, monkeypatch
):
    monkeypatch.delenv("DAYBREAK_RELEASES__LOCATION")
    home = Home(tmp_path / "own")
    names = [toy.publish(home.releases, f"1970-02-1{n}", n) for n in (1, 2)]
    with pytest.raises(IntegrityError, match="belong to another location"):
        pull_release(home, ReleaseSettings(), origin=shared, grace_seconds=3600)
    assert commands.rollback(home, reason="bad")["current"] == names[0]
    assert len(at(shared).log.entries()) == 3


def test_push_mends_one_release(three, shared, tmp_path):
    at(shared).files(three[1]).remove("golden.json")
    settings = ReleaseSettings(location=shared)
    (done,) = push(Home(tmp_path / "builder"), settings, three[1])
    assert (done["release"], done["n_sent"]) == (three[1], 1)
    done = push(Home(tmp_path / "builder"), settings, None)
    assert [x["n_sent"] for x in done] == [0, 0, 0]


def test_no_location_is_set(tmp_path):
    with pytest.raises(UsageError, match="no location is set"):
        pull_release(Home(tmp_path), ReleaseSettings(), grace_seconds=3600)


def test_a_server_follows_a_bucket_and_serves_on_while_it_is_gone(
    toy, s3, tmp_path, monkeypatch, caplog
):
    location = f"s3://{BUCKET}/{tmp_path.name}"
    builder, home = Home(tmp_path / "builder"), Home(tmp_path / "server")
    settings = ReleaseSettings(
        location=location, spread_seconds=0, poll_seconds=0.1, retry_seconds=0.1
    )
    first = toy.publish(builder.releases, "1970-01-11", 1)
    push(builder, settings, None)
    current = CurrentRelease(ReleaseStore(home.releases), poll_seconds=0.05, retry_seconds=0.2)
    failures = []
    watch = LocationWatch(home, settings, 3600, failed=lambda: failures.append(1))

    def serves(name):
        return current.served is not None and current.served.release.id == name

    with caplog.at_level(logging.INFO, "daybreak.serving"):
        current.start()
        watch.start()
        try:
            wait_for(lambda: serves(first))
            s3.kill()
            wait_for(lambda: caplog.text.count("is served on") >= 2)
            n_lines = caplog.text.count("is served on")
            time.sleep(2)
            assert caplog.text.count("is served on") == n_lines == 2  # one a thread
            wait_for(lambda: len(failures) > n_lines)  # each look counts
            assert serves(first)
            assert current.is_ready
            s3.start()
            wait_for(lambda: caplog.text.count("is well again") == 2)
            second = toy.publish(builder.releases, "1970-01-12", 2)
            push(builder, settings, None)
            wait_for(lambda: serves(second))
            monkeypatch.setenv("DAYBREAK_RELEASES__LOCATION", location)
            start = time.monotonic()
            commands.rollback(Home(tmp_path / "elsewhere"), reason="bad")
            wait_for(lambda: serves(first))
            print(f"rolled back within {time.monotonic() - start:.2f} s")
        finally:
            watch.stop()
            current.stop()
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in caplog.text


def test_what_is_taken_down_anywhere_is_taken_down_at_the_location(three, shared, tmp_path):
    builder, reader = Home(tmp_path / "builder"), Home(tmp_path / "reader")
    pull_release(reader, ReleaseSettings(location=shared), spread_seconds=0, grace_seconds=3600)
    take_down(builder, "m1")
    opt_out(builder, "ann")
    assert ReleaseStore(builder.releases).tombstones.state().items == {"m1"}
    pull_release(reader, ReleaseSettings(location=shared), spread_seconds=0, grace_seconds=3600)
    now = ReleaseStore(reader.releases).tombstones.state()
    assert (now.items, now.hides("ann")) == ({"m1"}, True)


def test_what_is_retired_goes_from_the_location_and_from_every_home(three, shared, tmp_path):
    builder, reader = Home(tmp_path / "builder"), Home(tmp_path / "reader")
    settings = ReleaseSettings(location=shared, fallbacks=2)
    pull_release(reader, settings, spread_seconds=0, grace_seconds=3600)
    at(shared).log.append("retire", three[0], "1970-01-11", reason="old")
    at(shared).files(three[0]).remove("manifest.json")  # a removal that was interrupted
    found = clear_up(builder, RetentionSettings(), at(shared), grace_seconds=0)
    assert found["deleted"] == [three[0]]
    assert at(shared).ids() == three[1:]
    assert ReleaseStore(builder.releases).log.entries() == at(shared).log.entries()
    pull(ReleaseStore(reader.releases), at(shared), fallbacks=2, grace_seconds=0)
    assert ReleaseStore(reader.releases).ids() == three[1:]
    again = clear_up(builder, RetentionSettings(), at(shared), grace_seconds=0)
    assert (again["deleted"], again["retired"]) == ([], {})


@pytest.mark.parametrize("way", ["command", "server"])
def test_the_settings_say_how_long_a_retired_release_stays(
    three, shared, tmp_path, monkeypatch, way
):
    reader = Home(tmp_path / "reader")
    here, settings = ReleaseStore(reader.releases), ReleaseSettings(location=shared, fallbacks=2)
    pull(here, at(shared), fallbacks=2, grace_seconds=3600)
    at(shared).log.append("retire", three[0], "1970-01-11", reason="old")

    def pull_again(grace_hours):
        if way == "server":
            LocationWatch(reader, settings, grace_hours * 3600).copy(here, at(shared))
            return
        monkeypatch.setenv("DAYBREAK_RETENTION__GRACE_HOURS", str(grace_hours))
        assert main(["release", "pull", "--spread", "0", "--home", str(reader.root)]) == 0

    pull_again(24)
    long_ago = time.time() - 6 * 3600
    os.utime(here.root / "log" / "00000004.json", (long_ago, long_ago))
    pull_again(7)
    assert here.ids() == three
    pull_again(5)
    assert here.ids() == three[1:]


def test_a_server_copies_anew_what_it_refuses_as_damaged(three, shared, tmp_path):
    reader = Home(tmp_path / "reader")
    here, settings = ReleaseStore(reader.releases), ReleaseSettings(location=shared)
    pull(here, at(shared), grace_seconds=3600)
    (here.path(three[2]) / "fragments.bin").write_bytes(b"?")
    current = CurrentRelease(here, poll_seconds=0.05, retry_seconds=0)
    watch = LocationWatch(reader, settings, 3600, refused=lambda: set(current.refused))
    watch.copy(here, at(shared))  # nobody has looked at its bytes yet
    current.refresh()
    assert (current.served.release.id, set(current.refused)) == (three[1], {three[2]})
    watch.copy(here, at(shared))
    current.refresh()
    assert (current.served.release.id, current.refused) == (three[2], {})


def test_a_pull_needs_no_heavy_library(three, shared, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BARE, "release", "pull", "--from", shared, "--spread", "0",
         "--home", str(tmp_path / "bare"), "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["current"]) == (0, three[2])
