import multiprocessing
import os
import signal
import threading
import time

from benchmarks import lost_time


def test_a_process_that_is_stopped_sees_how_long():
    """Stopped for 80 ms of 500, it has lost a seventh, in one piece or more."""
    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    core = min(os.sched_getaffinity(0))

    def spin():
        theirs.send("begins")
        theirs.send(lost_time._spin(0.5, core))

    process = multiprocessing.get_context("fork").Process(target=spin)
    process.start()
    assert ours.recv() == "begins"

    def stop():
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.08)
        os.kill(process.pid, signal.SIGCONT)

    stopper = threading.Thread(target=stop)
    stopper.start()
    found = ours.recv()
    stopper.join()
    process.join()
    assert found["max_ms"] >= 75
    assert 0.12 <= found["share"] <= 1
    assert found["pauses"] >= 1
    assert found["median_ms"] <= found["max_ms"]


def test_every_core_is_asked():
    found = lost_time.lost_time(0.2)
    assert set(found) == {"share", "pauses", "median_ms", "max_ms"}
    assert 0 <= found["share"] <= 1
