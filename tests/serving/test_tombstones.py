"""What is taken down, and who is hidden, is so whatever the release."""

import json
import logging
import shutil
import time

import msgspec
import pytest

from core.release_store import ReleaseStore
from serving.answer import item_rows, similar
from serving.current_release import CurrentRelease
from serving.ladder import choose


@pytest.fixture
def root(tmp_path):
    return tmp_path / "releases"


def watch(root):
    return CurrentRelease(ReleaseStore(root), poll_seconds=0.05, retry_seconds=3600.0)


def answer(current, user, count=10):
    release = current.served.release
    choice = choose(release, "" if current.tombstones.hides(user) else user, count)
    return choice.rung, [row["item_id"] for row in json.loads(item_rows(release, choice))]


def near(current, item):
    release = current.served.release
    body = similar(release, item, release.item_num(item), 10, 0)
    return [row["item_id"] for row in msgspec.json.decode(body)["items"]]


def test_an_item_taken_down_is_nowhere_and_comes_back(root, toy):
    toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    current.refresh()
    before = {user: answer(current, user) for user in ("ann", "bob", "cat", "nobody")}
    assert all("m2" in items or "m1" in items for _, items in before.values())
    assert "m2" in near(current, "m1")
    ReleaseStore(root).tombstones.take_down("m2")
    ReleaseStore(root).tombstones.take_down("m1")
    current.refresh()
    for user, (_, items) in before.items():
        rung, left = answer(current, user)
        assert left == [item for item in items if item not in ("m1", "m2")], user
        assert rung in ("personal", "segment", "trending")
    assert "m2" not in near(current, "m1")
    for item in ("m1", "m2"):
        ReleaseStore(root).tombstones.take_down(item, undo=True)
    current.refresh()
    assert {user: answer(current, user) for user in before} == before


def test_no_reason_names_an_item_that_is_taken_down(root, toy):
    toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    current.refresh()
    release = current.served.release
    named = json.loads(item_rows(release, choose(release, "ann", 1)))[0]["reason"]
    assert (named["source_item_id"], named["text"]) == ("m4", 'Like "Amélie". #1')
    ReleaseStore(root).tombstones.take_down("m4")
    current.refresh()
    for count in (1, 5):
        body = item_rows(release, choose(release, "ann", count))
        assert "Amélie".encode() not in body
        assert len(json.loads(body)) == (1 if count == 1 else 4)


def test_an_answer_is_not_shortened(root, toy):
    toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    ReleaseStore(root).tombstones.take_down("m1")
    current.refresh()
    assert answer(current, "bob", 3) == ("personal", ["m4", "m2", "m3"])


@pytest.mark.parametrize("how", ["opt_out", "erase"])
def test_a_hidden_user_is_a_stranger(root, toy, how):
    toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    current.refresh()
    stranger = answer(current, "nobody")
    assert answer(current, "ann") != stranger
    assert answer(current, "cat")[0] == "segment"
    for user in ("ann", "cat"):
        getattr(ReleaseStore(root).tombstones, how)(user)
    current.refresh()
    assert answer(current, "ann") == answer(current, "cat") == stranger
    assert answer(current, "bob")[0] == "personal"


def test_neither_a_swap_nor_a_rollback_undoes_it(root, toy):
    first = toy.publish(root, "1970-01-11", 1)
    current = watch(root)
    current.refresh()
    tombstones = ReleaseStore(root).tombstones
    tombstones.take_down("m1")
    tombstones.erase("ann")
    second = toy.publish(root, "1970-01-12", 2)
    log = ReleaseStore(root).log
    for expected, action in ((second, "rollback"), (first, "pin"), (first, "unpin")):
        current.refresh()
        assert current.served.release.id == expected
        assert answer(current, "ann")[0] == "trending"
        assert "m1" not in answer(current, "bob")[1]
        log.append(action, expected, expected[:10], reason="test")


def test_it_is_seen_within_two_seconds(root, toy):
    toy.publish(root, "1970-01-11", 1)
    current = CurrentRelease(ReleaseStore(root), poll_seconds=60.0, retry_seconds=60.0)
    current.start()
    try:
        while current.served is None:
            time.sleep(0.01)
        begun = time.monotonic()
        ReleaseStore(root).tombstones.erase("ann")
        while not current.tombstones.hides("ann"):
            assert time.monotonic() - begun < 2.0
            time.sleep(0.01)
        print(f"seen after {time.monotonic() - begun:.2f} s")
    finally:
        current.stop()


def test_damaged_tombstones_keep_what_was_known_and_start_nothing(root, toy, caplog):
    first = toy.publish(root, "1970-01-11", 1)
    tombstones = ReleaseStore(root).tombstones
    tombstones.erase("ann")
    knows = watch(root)
    knows.start()
    while knows.served is None:
        time.sleep(0.01)
    entry = root / "tombstones" / "00000001.json"
    content = entry.read_bytes()
    copy = root.with_name("copy")  # one process maps a record file once
    with caplog.at_level(logging.ERROR, "daybreak.serving"):
        entry.write_bytes(content[:-5])
        (second := entry.with_name("00000002.json")).write_bytes(b"")
        while f"{second} is no entry of the tombstone log" not in caplog.text:
            time.sleep(0.01)
        toy.publish(root, "1970-01-12", 2)
        shutil.copytree(root, copy)
        fresh = watch(copy)
        fresh.start()
        while f"{copy / 'tombstones'}" not in caplog.text:
            time.sleep(0.01)
        time.sleep(0.5)
    try:
        assert (knows.served.release.id, knows.is_ready) == (first, True)
        assert knows.tombstones.hides("ann")
        assert (fresh.served, fresh.is_ready) == (None, False)
        assert "ann" not in caplog.text
        for path in (entry, copy / "tombstones" / entry.name):
            path.write_bytes(content)
            path.with_name("00000002.json").unlink()
        while fresh.served is None or knows.served.release.id == first:
            time.sleep(0.01)
        assert fresh.tombstones.hides("ann")
    finally:
        knows.stop()
        fresh.stop()
