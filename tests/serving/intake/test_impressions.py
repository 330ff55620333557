import json
import time

import pytest

from core.home import Home
from core.intake_settings import IntakeSettings
from core.release_store import ReleaseStore
from serving.choice import Choice
from serving.intake.impressions import ImpressionLog
from serving.ladder import choose
from serving.reader import open_release


@pytest.fixture
def release(tmp_path, toy):
    name = toy.publish(tmp_path / "releases", "1970-01-11", 1)
    return open_release(ReleaseStore(tmp_path / "releases").path(name))


def log_of(tmp_path, **settings):
    return ImpressionLog(Home(tmp_path), 1, IntakeSettings(reserve_bytes=0, **settings))


def logged(tmp_path):
    return [
        json.loads(line)
        for folder in ("intake", "landing")
        for path in sorted((tmp_path / folder).glob("impressions-w01-*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


def test_answers_are_logged_whole(tmp_path, release):
    log = log_of(tmp_path)
    before = time.time_ns() // 1_000
    log.note("ann", release, choose(release, "ann", 4))
    log.note('zoë "\\', release, choose(release, "nobody", 2, ("comedy",)))
    log.note("nobody", release, Choice("trending", [], [], [], []))
    log.write()
    after = time.time_ns() // 1_000
    rows = logged(tmp_path)
    assert all(before <= row.pop("occurred_at") <= after for row in rows)
    same = {"release": release.id, "experiment_id": None, "arm": "default"}
    assert rows == [
        {
            **same, "user_id": "ann", "rung": "personal", "items": ["m2", "m1", "m3", "m5"],
            "rungs": ["personal", "personal", "personal", "trending"],
        },
        {
            **same, "user_id": 'zoë "\\', "rung": "segment", "items": ["m4", "m2"],
            "rungs": ["segment", "segment"],
        },
        {**same, "user_id": "nobody", "rung": "trending", "items": [], "rungs": []},
    ]  # fmt: skip
    assert (log.written, log.dropped) == (3, 0)


def test_a_thread_writes_them_and_a_stop_seals(tmp_path, release):
    log = log_of(tmp_path)
    log.start()
    for _ in range(500):
        log.note("ann", release, choose(release, "ann", 3))
    log.stop()
    assert len(logged(tmp_path)) == 500
    assert list((tmp_path / "intake").iterdir()) == []


def test_what_does_not_fit_is_dropped_and_counted(tmp_path, release):
    log = log_of(tmp_path, max_impressions=10)
    choice = choose(release, "ann", 3)
    for _ in range(25):
        log.note("ann", release, choice)
    log.write()
    log.note("ann", release, choice)
    log.write()
    assert (log.written, log.dropped, len(logged(tmp_path))) == (11, 15, 11)


def test_what_the_disk_refuses_is_dropped_and_counted(tmp_path, release, file_limit, caplog):
    caplog.set_level("INFO", "daybreak.serving")
    log = log_of(tmp_path)
    choice = choose(release, "ann", 3)
    log.note("ann", release, choice)
    log.write()
    with file_limit(10):
        for _ in range(3):
            log.note("ann", release, choice)
            log.write()
    assert (log.written, log.dropped) == (1, 3)
    log.note("ann", release, choice)
    log.write()
    assert (log.written, log.dropped, len(logged(tmp_path))) == (2, 3, 2)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_switched_off_it_keeps_nothing(tmp_path, release):
    log = log_of(tmp_path, impressions=False)
    log.start()
    log.note("ann", release, choose(release, "ann", 3))
    log.stop()
    assert (log.written, log.dropped, logged(tmp_path)) == (0, 0, [])


def test_ids_of_two_releases_do_not_mix(tmp_path, release, toy):
    tables = toy.tables()
    fewer = toy.replace(tables, lists=tables.lists.filter(tables.lists["user_id"] == "zoë"))
    name = toy.publish(tmp_path / "other", "1970-01-12", 2, fewer)
    other = open_release(ReleaseStore(tmp_path / "other").path(name))
    log = log_of(tmp_path)
    for one in (release, other, release):
        log.note("ann", one, choose(one, "ann", 1))
    log.write()
    assert [(row["release"], row["items"], row["rung"]) for row in logged(tmp_path)] == [
        (release.id, ["m2"], "personal"),
        (other.id, ["m2"], "segment"),
        (release.id, ["m2"], "personal"),
    ]
