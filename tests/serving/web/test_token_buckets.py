import multiprocessing
import time

import pytest

from serving.web.shared_memory import SharedMemory
from serving.web.token_buckets import N_CELLS, TokenBuckets


def buckets(rate, burst, n_workers=1):
    return TokenBuckets(SharedMemory(n_workers, {"users": N_CELLS}), "users", rate, burst)


def test_a_burst_then_the_rate():
    users = buckets(rate=2, burst=3)
    assert [users.wait("ann", 100.0) for _ in range(3)] == [0.0] * 3
    assert users.wait("ann", 100.0) == pytest.approx(0.5)
    assert users.wait("ann", 100.4) == pytest.approx(0.1)
    assert users.wait("ann", 100.5) == 0.0
    assert users.wait("ann", 100.5) == pytest.approx(0.5)
    assert [users.wait("ann", 200.0) for _ in range(4)][2:] == [0.0, pytest.approx(0.5)]


def test_one_name_leaves_another_alone():
    users = buckets(rate=1, burst=1)
    assert users.wait("ann", 50.0) == 0.0
    assert users.wait("ann", 50.0) > 0
    assert users.wait("bob", 50.0) == 0.0


def test_a_refusal_takes_nothing():
    users = buckets(rate=1, burst=1)
    users.wait("ann", 50.0)
    for _ in range(1000):
        assert users.wait("ann", 50.0) == pytest.approx(1.0)
    assert users.wait("ann", 51.0) == 0.0


def test_a_crowd_does_not_use_up_a_bucket():
    users = buckets(rate=0.001, burst=1)
    for number in range(10_000):
        users.wait(f"crowd-{number}", 50.0)
    refused = sum(users.wait(f"single-{number}", 50.0) > 0 for number in range(10_000))
    # both cells of a name must be taken by others: (20,000 / 262,144)², of 10,000 about 60
    assert refused < 150


def test_no_rate_is_no_limit():
    assert not buckets(rate=0, burst=1).is_limited
    assert buckets(rate=1, burst=1).is_limited


def test_workers_share_a_bucket():
    shared = SharedMemory(4, {"users": N_CELLS})
    users = TokenBuckets(shared, "users", 100, 50)
    fork = multiprocessing.get_context("fork")
    granted = fork.Queue()
    until = time.monotonic() + 1

    def work():
        n = 0
        while (now := time.monotonic()) < until:
            n += users.wait("ann", now) == 0
            time.sleep(0.0002)  # a server does other things in between
        granted.put(n)

    processes = [fork.Process(target=work) for _ in range(4)]
    for process in processes:
        process.start()
    total = sum(granted.get(timeout=20) for _ in processes)
    for process in processes:
        process.join()
    # 50 at once and 100 in the second, and what is lost in races; a bucket each would grant 600
    assert 100 <= total <= 300
