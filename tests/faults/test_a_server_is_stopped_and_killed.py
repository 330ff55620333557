"""A server that is stopped, told to end, killed or short of memory; FAULTS.md's "Server"."""

import contextlib
import http.client
import json
import os
import random
import resource
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from core.home import Home
from tests.faults.asking import Asker, ready, worker_pids
from tests.serving.conftest import publish_toy, toy_tables
from tests.serving.web.posting import event, event_ids

pytestmark = pytest.mark.faults

PATHS = [
    "/v1/recommendations?user_id=ann&count=3",
    "/v1/recommendations?user_id=bob&count=2",
    "/v1/recommendations?user_id=nobody&session=m1",
]


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    publish_toy(home.releases, "1970-01-11", 1)
    return home


def begun(server, n):
    askers = [Asker(server.port, PATHS, pause_seconds=0.002) for _ in range(n)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.wait_for(5)
    return askers


def test_a_server_that_stands_still_for_a_second_answers_all_of_it(home, trials):
    server = ready(home, workers=2)
    pids = [server.process.pid, *worker_pids(server.process.pid)]
    askers = begun(server, 4)
    for _ in range(trials(1, 10)):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        for asker in askers:
            asker.wait_for(20)
    for asker in askers:
        assert set(asker.end().statuses) == {200}
    assert worker_pids(server.process.pid) == pids[1:]
    assert server.stop()[0] == 0


def test_a_server_that_is_told_to_end_finishes_what_is_in_progress(home):
    server = ready(home)
    body = json.dumps(event("last")).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        head = b"POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        head += b"content-length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body[:5])
        time.sleep(0.3)
        server.process.terminate()
        time.sleep(0.5)
        connection.sendall(body[5:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 202 ")
    _, errors = server.process.communicate(timeout=20)
    assert server.process.returncode == 0, errors
    assert event_ids(home.landing) == ["last"]


def test_a_worker_that_is_killed_under_load_costs_what_it_had_in_hand(home, trials):
    """Of four: a connection has one request in flight, so a kill costs each client one at most,
    and another one where its next connection was already queued with the dead worker."""
    draw, n_kills = random.Random(4), trials(2, 40)
    server = ready(home, workers=4)
    askers = begun(server, 8)
    for _ in range(n_kills):
        victim = draw.choice(worker_pids(server.process.pid))
        os.kill(victim, signal.SIGKILL)
        server.wait(lambda: len(worker_pids(server.process.pid)) == 4)
        for asker in askers:
            asker.wait_for(20)
    statuses = sum((asker.end().statuses for asker in askers), type(askers[0].statuses)())
    pairs = {pair for asker in askers for pair in asker.answers}
    print(f"\n{n_kills} workers of 4 killed: {dict(statuses)}")
    assert {ending for _, ending in pairs} <= {"1", ""}
    assert len({release for release, _ in pairs}) == 1
    assert statuses[0] <= 2 * len(askers) * n_kills
    assert set(statuses) <= {0, 200}  # a worker listens once it has opened the release
    assert server.stop()[0] == 0


def large(suffix, mebibytes):
    """Returns tables with a long text in a reason that nobody is shown."""
    tables = toy_tables(suffix)
    text = pl.lit("x" * (mebibytes * 1024 * 1024)) + pl.col("text")
    is_unseen = pl.col("explanation_key") == "m7"
    text = pl.when(is_unseen).then(text).otherwise(pl.col("text")).alias("text")
    return replace(tables, explanations=tables.explanations.with_columns(text))


def virtual_bytes(pid):
    (line,) = (
        x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmSize")
    )
    return int(line.split()[1]) * 1024


def test_memory_for_one_and_a_half_releases_keeps_the_old_one(tmp_path):
    """The new one can't be mapped beside the old: it is refused and tried again later."""
    home, mebibytes = Home(tmp_path / "home"), 24
    first = publish_toy(home.releases, "1970-01-11", 1, large(" #1", mebibytes))
    server = ready(home, environment={"DAYBREAK_SERVING__RETRY_SECONDS": "0.2"})
    (worker,) = worker_pids(server.process.pid)
    asker = Asker(server.port, ["/v1/recommendations?user_id=bob&count=1"], pause_seconds=0.01)
    try:
        room = virtual_bytes(worker) + mebibytes * 1024 * 1024 // 2
        resource.prlimit(worker, resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
        asker.start()
        second = publish_toy(home.releases, "1970-01-12", 2, large(" #2", mebibytes))
        server.wait(lambda: b"daybreak_releases_refused 1.0" in server.get("/metrics").body)
        asker.wait_for(20)
        assert server.get("/readyz").status == 200
        assert asker.last == first
        assert worker_pids(server.process.pid) == [worker]
        resource.prlimit(worker, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        server.wait(lambda: asker.last == second)
    finally:
        with contextlib.suppress(RuntimeError):
            asker.end()
        _, _, errors = server.stop()
    assert set(asker.statuses) == {200}
    assert f"release {second} is refused" in errors
    assert "Traceback" not in errors


def test_a_client_is_told_that_its_connection_ends(home):
    """A connection that stays open does not hold a server that is told to end."""
    server = ready(home)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", PATHS[0])
        assert connection.getresponse().read()
        begin = time.monotonic()
        code, _, errors = server.stop()
    assert code == 0, errors
    assert time.monotonic() - begin < 9
