"""Whatever a worker dies of, and however often: another one takes its place."""

import os
import signal
import time
from itertools import pairwise

import pytest

from core.home import Home
from serving.web.supervisor import PAUSE_SECONDS
from tests.faults.asking import ready, worker_pids


@pytest.fixture
def server(tmp_path, toy):
    home = Home(tmp_path)
    toy.publish(home.releases, "1970-01-11", 1)
    server = ready(home, workers=2)
    yield server
    server.process.kill()
    server.process.communicate(timeout=20)


def killed_and_back(server, nth):
    """Kills one worker; returns when the one in its place was first seen."""
    before = worker_pids(server.process.pid)
    os.kill(before[nth], signal.SIGKILL)
    server.wait(lambda: len(set(worker_pids(server.process.pid)) - {before[nth]}) == 2)
    return time.monotonic()


def test_a_worker_that_dies_again_and_again_is_replaced_each_time_after_a_pause(server):
    times = [killed_and_back(server, -1) for _ in range(3)]
    # The newest process is the last of the list: it is always the same worker that dies.
    assert all(b - a > 0.5 * PAUSE_SECONDS for a, b in pairwise(times))
    server.wait(lambda: all(server.get("/readyz").status == 200 for _ in range(8)))
    assert server.stop()[0] == 0


def test_a_server_that_waits_to_replace_a_worker_stops_at_once(server):
    killed_and_back(server, -1)
    os.kill(worker_pids(server.process.pid)[-1], signal.SIGKILL)
    start = time.monotonic()
    code, _, errors = server.stop()
    assert code == 0, errors
    assert time.monotonic() - start < 20
