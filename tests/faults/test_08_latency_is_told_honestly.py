"""A server that stands still for a moment shows in the 99th percentile of an open loop.

Of requests at a constant rate, those of the pause wait for its end. A pause of 0.4 s plus a
hundredth of the run leaves one in a hundred waiting for 0.4 s or longer: one second in sixty.
A closed loop, which asks again only when it was answered, sees one slow request in thousands.
"""

import http.client
import threading
import time

import pytest

from benchmarks.latencies import Latencies
from benchmarks.open_loop import Load, OpenLoop
from benchmarks.targets import Target

pytestmark = pytest.mark.faults

PATH = "/v1/recommendations?user_id=ann"
RATE = 200


class ClosedLoop(threading.Thread):
    """Asks, waits for the answer, and asks again."""

    def __init__(self, port):
        super().__init__()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._ended = threading.Event()
        self.latencies = Latencies()

    def run(self):
        while not self._ended.is_set():
            start = time.monotonic()
            self._connection.request("GET", PATH)
            self._connection.getresponse().read()
            self.latencies.add(time.monotonic() - start)
            time.sleep(0.001)  # leaves the processor to the others
        self._connection.close()

    def end(self):
        self._ended.set()
        self.join()
        return self.latencies


def test_a_pause_is_charged_to_every_request_that_it_held_up(server, trials):
    seconds = trials(10, 60)
    pause = 0.4 + seconds / 100
    closed = ClosedLoop(server.port)
    load = Load(server.port, Target(PATH), RATE, seconds, connections=32)
    with OpenLoop(load) as running:
        closed.start()
        time.sleep(seconds / 2)
        server.pause()
        time.sleep(pause)
        server.resume()
        found = running.finish()
    hidden = closed.end()
    latencies = found.all_latencies
    print(
        f"stopped for {pause:.1f} s in {seconds} s: open loop p50 {latencies.percentile(50):.4f}, "
        f"p99 {latencies.percentile(99):.3f}, longest {latencies.longest:.3f} s of "
        f"{len(latencies):,} requests; closed loop p99 {hidden.percentile(99):.4f}, longest "
        f"{hidden.longest:.3f} s of {len(hidden):,}"
    )
    assert found.statuses == {200: RATE * seconds}
    assert latencies.percentile(99) >= 0.3
    assert latencies.longest >= 0.95 * pause
    # The same pause, seen by one who waits for answers: a single request.
    assert hidden.longest >= 0.95 * pause
    assert hidden.percentile(99) < 0.3


def test_without_a_pause_the_same_measure_shows_none(server, trials):
    found = Load(server.port, Target(PATH), RATE, trials(2, 20), connections=32)
    with OpenLoop(found) as running:
        latencies = running.finish().all_latencies
    print(f"no pause: p99 {latencies.percentile(99):.4f} s")
    assert latencies.percentile(99) < 0.3
