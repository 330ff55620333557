import gc
import json
import logging
import time
import weakref

import pytest

from core.release_store import ReleaseStore
from serving import open_releases
from serving.answer import recommendations
from serving.current_release import CurrentRelease
from serving.ladder import choose


@pytest.fixture
def root(tmp_path):
    return tmp_path / "releases"


def watch(root, retry_seconds=3600.0):
    return CurrentRelease(ReleaseStore(root), poll_seconds=0.05, retry_seconds=retry_seconds)


def served(current):
    return current.served and current.served.release.id


def wait_for(holds):
    for _ in range(400):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within 8 s")


def damage(root, release):
    path = ReleaseStore(root).path(release) / "fragments.bin"
    path.write_bytes(path.read_bytes()[:-1])


def log(root, action, release):
    ReleaseStore(root).log.append(action, release, release[:10], reason="test")


def test_nothing_is_served_until_something_is_published(root, toy):
    current = watch(root)
    current.refresh()
    assert (served(current), current.is_ready) == (None, False)
    first = toy.publish(root, "1970-01-11", 1)
    current.refresh()
    assert served(current) == first


def test_a_newer_release_replaces_the_old_and_an_older_one_does_not(root, toy):
    current = watch(root)
    for as_of, seed in (("1970-01-11", 1), ("1970-01-12", 2)):
        newest = toy.publish(root, as_of, seed)
        current.refresh()
        assert served(current) == newest
    toy.publish(root, "1970-01-10", 3)
    current.refresh()
    assert served(current) == newest


def test_a_rollback_and_a_pin_are_followed(root, toy):
    current = watch(root)
    first, second = toy.publish(root, "1970-01-11", 1), toy.publish(root, "1970-01-12", 2)
    log(root, "pin", first)
    current.refresh()
    assert served(current) == first
    log(root, "unpin", first)
    current.refresh()
    assert served(current) == second
    log(root, "rollback", second)
    current.refresh()
    assert served(current) == first


def test_a_damaged_newest_release_is_refused_and_the_old_one_stays(root, toy, caplog):
    current = watch(root)
    first = toy.publish(root, "1970-01-11", 1)
    current.refresh()
    second = toy.publish(root, "1970-01-12", 2)
    damage(root, second)
    with caplog.at_level(logging.ERROR):
        current.refresh()
    assert served(current) == first
    assert list(current.refused) == [second]
    assert f"release {second} is refused" in caplog.text
    assert "fragments.bin" in caplog.text


def test_at_the_start_the_best_release_that_opens_is_taken(root, toy):
    names = [toy.publish(root, f"1970-01-1{n}", n) for n in range(4)]
    damage(root, names[3])
    (ReleaseStore(root).path(names[2]) / "manifest.json").unlink()
    current = watch(root)
    current.refresh()
    assert served(current) == names[1]
    assert set(current.refused) == set(names[2:])


def test_a_refused_release_is_tried_again_and_served_once_it_is_mended(root, toy):
    current = watch(root, retry_seconds=0.05)
    first, second = toy.publish(root, "1970-01-11", 1), toy.publish(root, "1970-01-12", 2)
    path = ReleaseStore(root).path(second) / "fragments.bin"
    whole = path.read_bytes()
    damage(root, second)
    current.refresh()
    assert served(current) == first
    path.write_bytes(whole)
    current.start()
    wait_for(lambda: served(current) == second)
    current.stop()
    assert served(current) == second
    assert current.refused == {}


def test_a_damaged_log_changes_nothing_and_is_said_once(root, toy, caplog):
    first = toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    current.start()
    wait_for(lambda: current.is_ready)
    with caplog.at_level(logging.ERROR):
        (root / "log" / "00000002.json").write_bytes(b"")
        time.sleep(0.5)
    assert current.is_ready
    assert served(current) == first
    assert caplog.text.count("00000002.json") == 1
    current.stop()
    assert not current.is_ready


def test_a_request_in_progress_keeps_the_old_release_alive_and_the_last_one_frees_it(root, toy):
    current = watch(root)
    first = toy.publish(root, "1970-01-11", 1)
    current.refresh()
    in_progress = current.served.release
    alive = weakref.ref(in_progress)
    toy.publish(root, "1970-01-12", 2)
    current.refresh()
    body = recommendations(in_progress, "ann", choose(in_progress, "ann", 3), 0)
    assert json.loads(body)["release"] == first
    del in_progress
    gc.collect()
    assert alive() is None


def test_a_release_rolled_back_while_it_is_verified_is_not_served(root, toy, monkeypatch):
    first = toy.publish(root, "1970-01-11", 1)
    second = toy.publish(root, "1970-01-12", 2)
    current = watch(root)
    from serving import open_releases

    really_open = open_releases.open_release

    def slow_open(path, verify):
        if path.name == second:
            log(root, "rollback", second)
        return really_open(path, verify)

    monkeypatch.setattr(open_releases, "open_release", slow_open)
    current.refresh()
    assert served(current) == first


def test_age_is_counted_from_publication_and_never_negative(root, toy, monkeypatch):
    toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    current.refresh()
    moment = current.served.published_at
    for now, age in ((moment + 8130.9, 8130), (moment - 3600, 0)):
        monkeypatch.setattr("serving.current_release.time.time", lambda now=now: now)
        assert current.served.age_seconds() == age


def test_a_release_that_finds_no_memory_is_refused_and_the_watch_goes_on(
    root, toy, monkeypatch, caplog
):
    current = watch(root, retry_seconds=0.05)
    first = toy.publish(root, "1970-01-11", 1)
    current.start()
    assert current.wait(8)
    assert served(current) == first

    def no_memory(*_):
        raise MemoryError

    with monkeypatch.context() as full, caplog.at_level(logging.ERROR):
        full.setattr(open_releases, "open_release", no_memory)
        second = toy.publish(root, "1970-01-12", 2)
        wait_for(lambda: list(current.refused) == [second])
        assert (served(current), current.is_ready) == (first, True)
        assert "there is not enough memory for it beside the one that is served" in caplog.text
    wait_for(lambda: served(current) == second)
    current.stop()


def test_the_first_look_is_over_where_there_is_nothing_or_the_log_is_damaged(root):
    empty = watch(root)
    assert not empty.wait(0)
    empty.start()
    assert empty.wait(8)
    empty.stop()
    (root / "log").mkdir(parents=True)
    (root / "log" / "00000001.json").write_text("damaged")
    damaged = watch(root)
    damaged.start()
    assert damaged.wait(8)
    assert served(damaged) is None
    damaged.stop()
