"""wrk with our script: what it asks for, and what it counts."""

import re
import shutil
from collections import Counter

import pytest

from benchmarks.targets import Target
from benchmarks.wrk import run_wrk
from core.errors import MachineFault
from tests.benchmarks.toy_server import ToyServer
from tests.needed import missing


@pytest.fixture(autouse=True)
def _wrk():
    if shutil.which("wrk") is None:
        missing("there is no wrk program on the PATH")


def test_users_and_items_are_drawn_uniformly_and_headers_sent():
    path = "/r?user_id={user}&session={item},{item}"
    target = Target(path, n_users=4, n_items=3, headers={"authorization": "Bearer abc"})
    with ToyServer(lambda n: (0, 200, b"")) as server:
        counted = run_wrk(server.port, target, 1)
    assert (counted.not_2xx, counted.failed) == (0, 0)
    assert counted.requests <= len(server.requests) <= counted.requests + 32
    assert counted.rate == counted.requests / counted.seconds
    assert 0.9 < counted.seconds < 10
    wanted = re.compile(
        rb"GET /r\?user_id=u0000000([0-3])&session=item-000000([0-2]),item-000000([0-2]) HTTP/1.1"
    )
    asked = [wanted.match(request) for request in server.requests]
    assert all(b"authorization: Bearer abc\r\n" in request for request in server.requests)
    for place, n in ((1, 4), (2, 3), (3, 3)):
        found = Counter(match[place] for match in asked)
        mean = len(asked) / n
        assert len(found) == n
        # Six standard deviations: a generator that leans is found, a fair one is not.
        assert all(abs(count - mean) < 6 * mean**0.5 for count in found.values())


def test_refusals_are_counted():
    with ToyServer(lambda n: (0, 503 if n % 2 else 200, b"")) as server:
        counted = run_wrk(server.port, Target("/x"), 1)
    assert abs(counted.not_2xx - counted.requests / 2) <= 33


def test_a_server_that_never_answers_has_no_rate():
    with (
        ToyServer(lambda n: (5, 200, b"")) as server,
        pytest.raises(MachineFault, match=f"{server.port} answered nothing within 1 s"),
    ):
        run_wrk(server.port, Target("/x"), 1)


def test_without_a_server_it_says_so():
    with pytest.raises(MachineFault, match="wrk failed: unable to connect to"):
        run_wrk(9, Target("/x"), 1)


def test_without_wrk_it_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineFault, match="apt install wrk"):
        run_wrk(9, Target("/x"), 1)
