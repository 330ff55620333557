"""S3 and Redis, killed in the middle, or their client: the old release stays whole, a second try
ends the work."""

import random
import time
from collections import Counter
from datetime import date, timedelta

import pytest

from core.kill_points import BETWEEN_MACHINES
from core.release_store import ReleaseStore
from serving.redis_connection import connected
from serving.redis_export import export
from serving.redis_keys import CURRENT
from serving.redis_reader import follow_pointer
from tests.faults.moving import Fault, at, check_served, check_there, publish, run, take, to_redis
from tests.servers import BUCKET, RedisServer
from tests.serving.conftest import publish_toy, toy_tables

pytestmark = pytest.mark.faults

PUSH = ("push_file_sent", "push_files_sent", "push_described", "entry_about_to_be_created",
        "entry_created")  # fmt: skip
PULL = ("pull_block_copied", "pull_file_copied", "pull_files_copied", "pull_described",
        "pull_committed", "entry_copied")  # fmt: skip
EXPORT = ("export_block_written", "export_complete", "export_pointed")


NONE = Fault()


def test_every_moment_between_machines_is_one_at_which_something_is_killed():
    entries = {"entry_about_to_be_created", "entry_created"}
    assert {*PUSH, *PULL, *EXPORT} - entries == set(BETWEEN_MACHINES)


class World:
    """A builder, a reader, a location between them, and the next release to go there."""

    def __init__(self, folder, location):
        self.folder = folder
        self.location = location
        self.builder, self.reader = (
            ReleaseStore(folder / "builder"),
            ReleaseStore(folder / "reader"),
        )
        self.number = 0
        self.reached = Counter()
        self.hits = Counter()
        self.current = self.build()
        assert self.go(publish, self.builder.root, location, self.current).status == 0
        assert self.go(take, self.reader.root, location).status == 0

    def build(self):
        self.number += 1
        day = (date(2000, 1, 1) + timedelta(days=self.number)).isoformat()
        return publish_toy(self.builder.root, day, self.number, log=False)

    def go(self, act, *arguments, fault=NONE):
        ended = run(act, *arguments, folder=self.folder, fault=fault)
        self.reached += ended.points
        if fault.point:
            self.hits[fault.point] += ended.points[fault.point] >= fault.nth
        return ended

    def check(self, release):
        """What the reader serves is this release, whole."""
        assert self.reader.log.current() == release
        check_served(self.reader, at(self.location), release)

    def trial(self, point, victim=0, mend=lambda: None, nth=1):
        """One release goes to the reader, with one fault on its way."""
        old, new = self.current, self.build()
        fault = Fault(point, nth, victim)
        push = (publish, self.builder.root, self.location, new)
        pull = (take, self.reader.root, self.location)
        first = push if point in PUSH else pull
        if first is pull:
            assert self.go(*push).status == 0
        ended = self.go(*first, fault=fault)
        assert ended.status == -9 if not victim else ended.status in (0, 3), ended
        if victim and ended.status == 3:
            assert "OSError" in ended.error or "MachineFault" in ended.error, ended
        mend()
        if point in PUSH:
            there = at(self.location)
            announced = there.log.current()
            assert announced == new if point == "entry_created" else announced in (old, new)
            check_there(there, announced)
            assert self.go(*pull).status == 0
            self.check(announced)
        else:
            served = self.reader.log.current()
            assert served == new if point == "entry_copied" else served in (old, new)
            self.check(served)
        assert self.go(*first).status == 0
        assert self.go(*pull).status == 0
        self.check(new)
        assert len([e for e in at(self.location).log.entries() if e.release == new]) == 1
        assert not list(self.reader.versions.glob(".*"))
        self.current = new


@pytest.fixture
def world(tmp_path):
    (tmp_path / "shared").mkdir()
    return World(tmp_path, str(tmp_path / "shared"))


@pytest.fixture
def bucket_world(tmp_path, s3):
    return World(tmp_path, f"s3://{BUCKET}/{tmp_path.name}")


def told(world, start):
    print(f"{sum(world.hits.values())} hits {dict(world.hits)}, {time.monotonic() - start:.1f} s")


def test_the_client_is_killed_at_every_point(world, trials):
    start, rng = time.monotonic(), random.Random(7)
    n_files = len(world.builder.manifest(world.current).files)
    for point in (*PUSH, *PULL):
        for _ in range(trials(1, 50)):
            many = point in ("push_file_sent", "pull_file_copied", "pull_block_copied")
            world.trial(point, nth=rng.randint(1, n_files) if many else 1)
    told(world, start)
    assert set(world.hits) == {*PUSH, *PULL}
    assert all(hits == trials(1, 50) for hits in world.hits.values())


def test_the_s3_server_is_killed_at_a_point(bucket_world, s3, trials):
    start, rng = time.monotonic(), random.Random(8)
    points = trials(("push_file_sent", "pull_file_copied"), (*PUSH, *PULL))
    n_files = len(bucket_world.builder.manifest(bucket_world.current).files)

    def mend():
        s3.kill()  # it is dead; this takes leave of it
        s3.start()

    for point in points:
        for _ in range(trials(1, 5)):
            many = point in ("push_file_sent", "pull_file_copied", "pull_block_copied")
            nth = rng.randint(1, n_files) if many else 1
            bucket_world.trial(point, s3.process.pid, mend, nth)
    told(bucket_world, start)
    assert set(bucket_world.hits) == set(points)
    assert all(hits == trials(1, 5) for hits in bucket_world.hits.values())


def test_the_client_of_s3_is_killed_at_a_point(bucket_world, trials):
    start = time.monotonic()
    points = trials(("pull_block_copied",), (*PUSH, *PULL))
    for point in points:
        bucket_world.trial(point, nth=5 if point in ("push_file_sent", "pull_block_copied") else 1)
    told(bucket_world, start)
    assert set(bucket_world.hits) == set(points)


@pytest.mark.parametrize("victim", ["client", "server"])
def test_redis_or_its_client_is_killed_at_every_point(tmp_path, trials, victim, monkeypatch):
    """Redis keeps its keys in an append-only file here, so that its death can be survived."""
    begin, hits = time.monotonic(), Counter()
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    releases = ReleaseStore(tmp_path / "releases")
    names = [publish_toy(releases.root, f"2000-01-0{n}", n) for n in (1, 2)]
    try:
        to_redis(releases.root, server.url, names[0])
        for number in range(trials(1, 30)):
            for point in EXPORT:
                old, new = names[number % 2], names[1 - number % 2]
                fault = Fault(point, 1, server.process.pid if victim == "server" else 0)
                act = (to_redis, releases.root, server.url)
                assert run(*act, old, folder=tmp_path).status == 0
                ended = run(*act, new, folder=tmp_path, fault=fault)
                hits[point] += ended.points[point]
                if victim == "client":
                    assert ended.status == -9
                else:
                    assert ended.status == 3
                    assert "MachineFault" in ended.error
                    server.kill()
                    server.start()
                pointed = new if point == "export_pointed" else old
                assert check_redis(server.url, releases) == pointed
                assert run(*act, new, folder=tmp_path).status == 0
                assert check_redis(server.url, releases) == new
    finally:
        server.kill()
    print(f"{sum(hits.values())} hits {dict(hits)}, {time.monotonic() - begin:.1f} s")
    assert all(hits[point] >= trials(1, 30) for point in EXPORT)


def check_redis(url, releases):
    """Returns what the pointer names, once every list of it was found to be that release's own."""
    with connected(url) as client:
        found = follow_pointer(client)
        seed = releases.manifest(found.id).seed
        for user, wanted in (("ann", 3), ("bob", 3), ("zoë", 1)):
            rows = found.rows(user, 10)
            assert len(rows) == wanted
            assert all(row["reason"]["text"].endswith(f"#{seed}") for row in rows)
        assert client.get(CURRENT).decode() == found.id
    return found.id


def test_a_redis_that_keeps_nothing_is_filled_again(tmp_path):
    server = RedisServer(tmp_path)
    releases = ReleaseStore(tmp_path / "releases")
    name = publish_toy(releases.root, "2000-01-01", 1, toy_tables(" #1"))
    try:
        for _ in range(2):
            with connected(server.url) as client:
                export(client, releases, name, [], must_be_current=True, grace_seconds=60)
            assert check_redis(server.url, releases) == name
            server.kill()
            server.start()
    finally:
        server.kill()
