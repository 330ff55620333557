import multiprocessing
import os
import signal

import pytest

from core.errors import MachineFault
from serving.web.shared_memory import SharedMemory

FORK = multiprocessing.get_context("fork")


def test_regions_begin_with_zeros_and_do_not_overlap() -> None:
    shared = SharedMemory(1, {"counts": 3, "times": 2})
    counts, times = shared.counts("counts"), shared.times("times")
    assert counts.tolist() == [0, 0, 0]
    assert times.tolist() == [0.0, 0.0]
    counts[2] = 2**63
    times[0] = 0.5
    assert counts.tolist() == [0, 0, 2**63]
    assert times.tolist() == [0.5, 0.0]


def test_what_one_process_writes_another_reads() -> None:
    shared = SharedMemory(1, {"counts": 1})

    def write() -> None:
        shared.counts("counts")[0] = 42

    process = FORK.Process(target=write)
    process.start()
    process.join()
    assert shared.counts("counts")[0] == 42


def test_every_process_has_its_own_row_and_a_dead_one_gives_it_back() -> None:
    shared = SharedMemory(3, {"counts": 1})
    told = FORK.Queue()

    def work() -> None:
        told.put((shared.claim_row(), os.getpid()))
        signal.pause()

    processes = [FORK.Process(target=work) for _ in range(3)]
    for process in processes:
        process.start()
    pids = dict(told.get(timeout=10) for _ in range(3))
    assert sorted(pids) == [0, 1, 2]
    with pytest.raises(MachineFault, match="all 3 rows"):
        shared.claim_row()
    os.kill(pids[1], signal.SIGKILL)
    next(process for process in processes if process.pid == pids[1]).join()
    assert shared.claim_row() == 1
    assert shared.claim_row() == 1
    for process in processes:
        process.kill()
        process.join()
