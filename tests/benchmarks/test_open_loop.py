"""The generator against toy servers of which the right answer is known."""

import socket

import pytest

from benchmarks.open_loop import FAILED, Load, run_open_loop
from benchmarks.targets import Target
from tests.benchmarks.toy_server import ToyServer


def load(port, rate, seconds, **more):
    return Load(port, Target("/x?u={user}", n_users=1000), rate, seconds, **more)


def test_known_delays_are_measured():
    """Every 20th request takes 300 ms, the others 20 ms."""
    with ToyServer(lambda n: (0.3 if n % 20 == 7 else 0.02, 200, b"")) as server:
        found = run_open_loop(load(server.port, 200, 2, connections=40))
    assert found.statuses == {200: 400}
    whole = found.all_latencies
    # A loaded machine adds to them; nothing may take from them.
    assert 0.02 <= whole.percentile(50) < 0.3
    assert 0.02 <= whole.percentile(90) < 0.3
    assert 0.3 <= whole.percentile(99) < 3
    assert 20 < found.achieved_rate <= 205


def test_a_server_at_half_the_rate_is_charged_for_its_whole_queue():
    """100 a second come for a second, 50 are answered: the last waits for one second more."""
    with ToyServer(lambda n: (0.02, 200, b""), one_at_a_time=True) as server:
        found = run_open_loop(load(server.port, 100, 1, connections=4))
    assert found.statuses == {200: 100}
    assert 0.45 <= found.all_latencies.percentile(50) < 5
    assert 0.95 <= found.all_latencies.longest < 10
    assert found.achieved_rate <= 51


@pytest.mark.parametrize("processes", [1, 2])
def test_no_request_is_left_out_and_statuses_are_told_apart(processes):
    def plan(number):
        return 0, (200, 429, 503)[number % 3], b"connection: close\r\n" if number % 5 == 0 else b""

    with ToyServer(plan) as server:
        found = run_open_loop(load(server.port, 300, 1, connections=6, processes=processes))
        asked = list(server.requests)
    assert found.statuses == {200: 100, 429: 100, 503: 100}
    assert len(asked) == 300
    assert all(one.startswith(b"GET /x?u=u00000") for one in asked)
    assert len(set(asked)) > 200


def test_a_lost_connection_costs_its_request_and_is_opened_again():
    with ToyServer(lambda n: (0, FAILED if n % 10 == 3 else 200, b"")) as server:
        found = run_open_loop(load(server.port, 200, 0.5, connections=3))
    assert found.statuses == {FAILED: 10, 200: 90}


def test_what_is_never_answered_fails_with_the_time_it_waited():
    with ToyServer(lambda n: (5, 200, b"")) as server:
        found = run_open_loop(load(server.port, 20, 0.5, connections=2, drain_seconds=0.5))
    assert found.statuses == {FAILED: 10}
    assert found.latencies[FAILED].percentile(1) >= 0.5
    assert found.latencies[FAILED].longest >= 1
    assert found.achieved_rate == 0


def test_without_a_server_every_request_fails():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = run_open_loop(load(closed.getsockname()[1], 100, 0.2))
    assert found.statuses == {FAILED: 20}


def test_a_generator_that_cannot_keep_up_says_so():
    """No process asks a million times a second."""
    with ToyServer(lambda n: (0, 200, b"")) as server:
        found = run_open_loop(load(server.port, 1e6, 0.01, drain_seconds=60))
    assert found.load.n_requests == sum(found.statuses.values()) == 10_000
    assert not found.is_valid
    summary = found.summary()
    assert (summary["valid"], summary["offered_per_second"]) == (False, 1e6)
    assert summary["achieved_per_second"] < 500_000
