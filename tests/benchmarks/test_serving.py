"""The parts of `daybreak bench serving` that must say no."""

import argparse
import contextlib
import shutil

import pytest

from benchmarks import serving, serving_peers
from benchmarks.asking import answers, mean_answer
from benchmarks.contender import Contender, ratios, take_turns
from benchmarks.targets import Target
from core.errors import CheckFailed
from tests.benchmarks.toy_server import ToyServer
from tests.needed import missing


class Measured(ToyServer):
    """A toy server that can stand among the contenders."""

    def cpu_seconds(self):
        return 0.0


@pytest.fixture
def options():
    return argparse.Namespace(users=10, items=10, seed=1)


def peers(options, folder, body=b"ok"):
    skipped = {}
    with contextlib.ExitStack() as running:
        found = serving._peers(running, folder, options, body, skipped)
        names = sorted(found)
    return names, skipped


def test_what_this_machine_lacks_is_named(monkeypatch, tmp_path, options):
    monkeypatch.setattr(serving_peers.shutil, "which", lambda name, path=None: None)
    assert peers(options, tmp_path) == (
        [],
        {
            "nginx": "there is no program nginx on the PATH",
            "fastapi_redis": "there is no program redis-server on the PATH",
        },
    )


def test_redis_is_left_out_where_the_memory_would_not_hold_it(monkeypatch, tmp_path, options):
    if shutil.which("redis-server") is None:
        missing("there is no redis-server program on the PATH")
    monkeypatch.setattr(serving_peers, "_free_bytes", lambda: 1 << 20)
    options.users = 10_000
    with contextlib.ExitStack() as running, pytest.raises(serving_peers.Absent, match="Redis"):
        serving_peers.fastapi_redis(running, tmp_path, options.users, b"x" * 880)


def test_a_peer_that_answers_something_else_is_no_peer(monkeypatch, tmp_path, options):
    with ToyServer(lambda n: (0, 200, b"")) as other:
        begin = {"other": lambda running, folder, n_users, body: other}
        monkeypatch.setattr(serving, "PEERS", begin)
        assert peers(options, tmp_path) == (["other"], {})
        (tmp_path / "other").rmdir()
        with pytest.raises(CheckFailed, match="otherwise than with the 3 bytes given it"):
            peers(options, tmp_path, b"ok!")


def test_a_rate_of_refusals_is_none():
    if shutil.which("wrk") is None:
        missing("there is no wrk program on the PATH")
    with Measured(lambda n: (0, 429 if n % 100 == 50 else 200, b"")) as server:
        turns = {"ours": Contender(server, Target("/x"))}
        with pytest.raises(CheckFailed, match="ours failed 0 and answered "):
            take_turns(turns, 1, 1)


def test_ratios_are_medians_of_rounds():
    def raced(rates, ratio=""):
        turns = [argparse.Namespace(rate=rate) for rate in rates]
        return Contender(None, Target("/x"), ratio, turns=turns)

    contenders = {
        "everything": raced([20, 30, 90], "ratio_nginx"),
        "bare": raced([40, 40, 40], "ratio_nginx_bare"),
        "nginx": raced([100, 100, 300]),
    }
    assert ratios(contenders) == {"ratio_nginx": 0.3, "ratio_nginx_bare": 0.4}
    contenders["fastapi_redis"] = raced([2, 5, 10])
    assert ratios(contenders)["ratio_fastapi_redis"] == 9.0
    del contenders["nginx"]
    assert ratios(contenders) == {"ratio_fastapi_redis": 9.0}


def test_an_answer_of_mean_length_is_one_of_ours_and_a_refusal_ends_the_run():
    with ToyServer(lambda n: (0, 200, b"")) as server:
        assert mean_answer(server.port, Target("/x")) == b"ok"
    with ToyServer(lambda n: (0, 200 if n < 2 else 503, b"")) as server:
        target = Target("/x?u={user}")
        assert answers(server.port, target, 2) == [b"ok", b"ok"]
        with pytest.raises(CheckFailed, match=r"GET /x\?u=u00000000 HTTP/1.1 is answered 503"):
            answers(server.port, target, 1)
