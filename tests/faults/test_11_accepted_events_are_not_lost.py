"""FAULTS row 11: what was acknowledged is in the lake, whatever ends or refuses meanwhile; and
row 12 for the intake: nothing of it counts twice."""

import contextlib
import errno
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import polars as pl
import pytest

from assets.ingest.snapshot import snapshot
from assets.ingest.stage import take_in_waiting
from core.home import Home
from core.ingest_settings import IngestSettings
from core.kill_points import AT_INTAKE
from serving.intake.recent_actions import RecentActions
from serving.intake.segments import EVENTS, begin_streams
from tests.faults.accepting import N_CLIENTS, PROCESSES, SETTINGS, accept, positions_in
from tests.faults.conftest import ROOT
from tests.faults.failing_intake import KINDS
from tests.needed import missing
from tests.serving.conftest import Toy
from tests.serving.web.posting import Client, event, publish, start, workers_of

pytestmark = pytest.mark.faults


def in_the_lake(home):
    """Takes in what waits; returns the ids of the events that were posted, all accepted."""
    report = take_in_waiting(home, IngestSettings())
    for entry in report.entries:
        if entry.table == "events":
            assert (entry.status, entry.quarantined) == ("ingested", 0), entry
    paths = snapshot(home).paths("events")
    posted = pl.col("rung").is_null()  # the server itself logged the others, as shown
    return pl.concat(pl.read_parquet(path).filter(posted) for path in paths)["event_id"].to_list()


def check(acknowledged, home, n_kills, begin):
    ids = in_the_lake(home)
    assert len(set(ids)) == len(ids)
    lost = set(acknowledged) - set(ids)
    print(
        f"{n_kills} kills, {len(acknowledged)} events acknowledged, {len(lost)} lost, "
        f"{len(ids) - len(set(acknowledged))} in the lake beside them, "
        f"{time.monotonic() - begin:.1f} s"
    )
    assert lost == set()


def test_a_worker_is_killed_at_every_moment(tmp_path, trials):
    begin, rng, hits = time.monotonic(), random.Random(11), Counter()
    home, cells = Home(tmp_path / "home"), tmp_path / "cells"
    positions = positions_in(cells, 2)
    begin_streams(home, EVENTS, positions)
    reader = RecentActions(home, SETTINGS, positions)
    reader.start()
    assert reader.wait(10)
    points = [*AT_INTAKE, *[""] * len(AT_INTAKE)]
    acknowledged = {}
    n_trials = trials(12, 200)
    for trial in range(n_trials):
        point = points[trial % len(points)]
        ours, theirs = PROCESSES.Pipe(duplex=False)
        nth = rng.randint(1, 3 if "segment_" in point and point != "segment_written" else 20)
        arguments = (home.root, cells, trial % 2, trial, theirs, point, nth, 10_000)
        worker = PROCESSES.Process(target=accept, args=arguments)
        worker.start()
        theirs.close()
        mine = acknowledged.setdefault(trial, [])
        if not point:
            mine.append(ours.recv())  # it is at work
            threading.Timer(rng.uniform(0, 0.2), worker.kill).start()
        with contextlib.suppress(EOFError):
            while True:
                mine.append(ours.recv())
        worker.join(timeout=60)
        assert worker.exitcode == -signal.SIGKILL
        hits[point or "any"] += 1
    settle(reader, positions)
    # The last of each row only shows once another worker takes the row and tells where it goes on.
    for trial in range(n_trials - 2):
        seen = reader.recent(f"user-{trial}")[0]
        assert set(acknowledged[trial][-10 + N_CLIENTS :]) <= set(seen), trial
    assert set(hits) == {*AT_INTAKE, "any"}
    check([x for mine in acknowledged.values() for x in mine], home, n_trials, begin)


def settle(reader, positions):
    deadline = time.monotonic() + 60
    while reader._done.tobytes() != positions.tobytes():
        reader.catch_up()
        assert time.monotonic() < deadline


class Load:
    """Clients that post what nobody posted before, and note what is acknowledged."""

    def __init__(self, n_clients=8):
        self.acknowledged = []
        self.statuses = Counter()
        self._port = 0
        self._is_over = False
        self._threads = [
            threading.Thread(target=self._post, args=(number,)) for number in range(n_clients)
        ]

    def begin(self, port):
        self._port = port
        for thread in self._threads:
            if not thread.is_alive():
                thread.start()

    def end(self):
        self._is_over = True
        for thread in self._threads:
            thread.join()

    def _post(self, number):
        rng, turn = random.Random(number), 0
        while not self._is_over:
            with (
                contextlib.suppress(OSError, http.client.HTTPException, ValueError),
                contextlib.closing(Client(self._port, timeout=2)) as client,
            ):
                while not self._is_over:
                    turn += 1
                    ids = [f"{number}-{turn}-{n}" for n in range(rng.choice((1, 1, 1, 20)))]
                    status, told, _ = client.post([event(x, user=f"u{number}") for x in ids])
                    self.statuses[status] += 1
                    if status == 202:
                        assert told["event_ids"] == ids
                        self.acknowledged += ids
            time.sleep(0.01)


def test_a_server_is_killed_under_load(tmp_path, trials, monkeypatch):
    monkeypatch.setenv("DAYBREAK_INTAKE__RESERVE_BYTES", "0")
    monkeypatch.setenv("DAYBREAK_INTAKE__SEGMENT_SECONDS", "0.3")
    begin, rng, load = time.monotonic(), random.Random(12), Load()
    home = publish(tmp_path, Toy)
    n_kills = trials(2, 200)
    for _ in range(n_kills):
        server = start(home, workers=2)
        load.begin(server.port)
        before = len(load.acknowledged)
        server.wait(lambda n=before: len(load.acknowledged) > n)
        time.sleep(rng.uniform(0, 0.5))
        for pid in (server.process.pid, *workers_of(server)):
            os.kill(pid, signal.SIGKILL)
        server.process.communicate(timeout=20)
    load.end()
    check(load.acknowledged, home, n_kills, begin)


def test_a_worker_is_killed_and_the_next_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("DAYBREAK_INTAKE__RESERVE_BYTES", "0")
    begin, load = time.monotonic(), Load()
    home = publish(tmp_path, Toy)
    server = start(home, workers=2)
    load.begin(server.port)
    try:
        server.wait(lambda: len(load.acknowledged) > 20)
        (victim, other) = workers_of(server)
        os.kill(victim, signal.SIGKILL)
        server.wait(lambda: len(workers_of(server)) == 2 and victim not in workers_of(server))
        before = len(load.acknowledged)
        server.wait(lambda: len(load.acknowledged) > before + 20)
        load.end()
        with contextlib.closing(Client(server.port)) as client:
            assert client.post(event("last", user="bob"))[0] == 202
            server.wait(lambda: not any(shows_to_bob(server, "m1") for _ in range(20)))
        assert other in workers_of(server)
    finally:
        load.end()
        server.stop()
    check([*load.acknowledged, "last"], home, 1, begin)


def shows_to_bob(server, item_id):
    items = server.json("/v1/recommendations?user_id=bob&count=3")["items"]
    return item_id in {item["item_id"] for item in items}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MiB that holds nothing else."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(options, capture_output=True, check=False).returncode == 0:
            yield place
            subprocess.run(["umount", "--lazy", str(place)], check=True)
            return
    missing("a disk of its own needs the right to mount one")


def fill(place):
    with (place / "filler").open("wb", buffering=0) as filler:
        for size in (65_536, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"x" * size)


def refused(client, post):
    status, problem, headers = client.post(post)
    assert status == 503, problem
    assert headers["retry-after"] == "5"
    assert problem["title"] == "Events are not accepted now"
    return True


@pytest.mark.parametrize("reserve", [0, 1_048_576])
def test_a_full_disk_refuses_events_and_nothing_else(small_disk, monkeypatch, reserve):
    monkeypatch.setenv("DAYBREAK_INTAKE__RESERVE_BYTES", str(reserve))
    begin, home = time.monotonic(), publish(small_disk / "home", Toy)
    server = start(home)
    acknowledged, n_refused = [], 0
    with contextlib.closing(Client(server.port)) as client:
        for turn in range(3):
            for n in range(50):
                assert client.post(event(f"{turn}-{n}"))[0] == 202
                acknowledged.append(f"{turn}-{n}")
            fill(small_disk)
            for n in range(50):
                agent = "x" * 2_000  # a page or so: what is left of the last one is room too
                post = [event(f"no-{turn}-{n}-{x}", user_agent=agent) for x in range(10)]
                n_refused += refused(client, post)
                assert len(client.items("bob")) == 3
            (small_disk / "filler").unlink()
        assert client.post(event("end"))[0] == 202
        assert server.get("/readyz").status == 200
    code, _, errors = server.stop()
    assert code == 0
    assert "Traceback" not in errors
    assert errors.count("can't write events") == 3
    print(f"{n_refused} refused with 503")
    check([*acknowledged, "end"], home, 0, begin)
    assert len(in_the_lake(home)) == 151


def test_a_disk_that_turns_read_only_refuses_events_and_recovers(small_disk, monkeypatch):
    monkeypatch.setenv("DAYBREAK_INTAKE__RESERVE_BYTES", "0")
    monkeypatch.setenv("DAYBREAK_INTAKE__SEGMENT_SECONDS", "0.05")
    monkeypatch.setenv("DAYBREAK_INTAKE__IMPRESSIONS", "false")
    begin, home = time.monotonic(), publish(small_disk / "home", Toy)
    server = start(home)
    with contextlib.closing(Client(server.port)) as client:
        assert client.post(event("before"))[0] == 202
        server.wait(lambda: list(home.landing.glob("events-*")) != [])
        remount = ["mount", "-o", "remount,{}", str(small_disk)]
        subprocess.run([x.format("ro") for x in remount], check=True)
        assert all(refused(client, event(f"no-{n}")) for n in range(20))
        assert client.items("bob", 1) == ["m1"]
        subprocess.run([x.format("rw") for x in remount], check=True)
        assert client.post(event("after"))[0] == 202
    _, _, errors = server.stop()
    assert "can't write events (Read-only file system)" in errors
    check(["before", "after"], home, 0, begin)
    assert sorted(in_the_lake(home)) == ["after", "before"]


@pytest.mark.parametrize("what", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
def test_every_writing_call_fails_once(tmp_path, failing, what, trials):
    root = tmp_path / "home"
    root.mkdir()
    n_calls = str(trials(16, 60))
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.failing_intake", str(root), str(what), n_calls],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(failing)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(f"{told['refused']} refused, failed: {told['failed']}")
    assert set(told["failed"]) >= KINDS
    assert told["refused"] >= 8
    ids = in_the_lake(Home(root))
    # nothing that was refused is there, for it was cut off
    assert sorted(ids) == sorted(told["acknowledged"])
