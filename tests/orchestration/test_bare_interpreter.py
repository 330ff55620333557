"""Serving and the release log where PyTorch, Dagster, MLflow and Spark cannot be imported."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from core.home import Home
from core.release_store import ReleaseStore

BARE = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "dagster", "mlflow", "pyspark"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
from orchestration.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def server_home(nights, tmp_path):
    """What lies on a machine that only serves: the releases and their log."""
    home = Home(tmp_path / "server")
    shutil.copytree(Home(nights).releases, home.releases)
    return home


def bare(home, *words):
    """Runs a command in such an interpreter; returns its document."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, *words, "--home", str(home.root), "--json"],
        capture_output=True, text=True, timeout=120, check=False, env=_variables(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def _variables():
    return {name: value for name, value in os.environ.items() if not name.startswith("DAYBREAK")}


def test_the_interpreter_is_bare(server_home):
    done = subprocess.run(
        [
            sys.executable, "-c", BARE, "run", "--as-of", "2025-03-31", "--home",
            str(server_home.root),
        ],
        capture_output=True, text=True, timeout=120, check=False, env=_variables(),
    )  # fmt: skip
    assert done.returncode != 0
    assert "No module named 'dagster'" in done.stderr


def test_release_commands(server_home):
    first, second = ReleaseStore(server_home.releases).log.entries()
    rows = bare(server_home, "release", "list")
    assert [(row["release"], row["is_current"]) for row in rows] == [
        (second.release, True),
        (first.release, False),
    ]
    changes = bare(server_home, "release", "diff")
    assert (changes["before"], changes["after"]) == (first.release, second.release)
    assert 0 < changes["overlap"]["mean"] < 1
    assert len(changes["largest_changes"]) == 10
    verified = bare(server_home, "release", "verify")
    assert verified["release"] == second.release
    assert verified["files"] >= 10
    cleared = bare(server_home, "release", "gc", "--dry-run")
    assert (cleared["retired"], cleared["deleted"], cleared["is_trial"]) == ({}, [], True)
    rolled_back = bare(server_home, "release", "rollback", "--reason", "a test")
    assert rolled_back == {"rolled_back": [second.release], "current": first.release}
    assert bare(server_home, "release", "current")["release"] == first.release
    assert bare(server_home, "release", "verify", first.release)["release"] == first.release


class Server:
    """`daybreak serve` in a process of its own."""

    def __init__(self, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [
                sys.executable, "-c", BARE, "serve", "--home", str(home.root), "--port",
                str(self.port),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**_variables(), "DAYBREAK_SERVING__POLL_SECONDS": "0.1"},
        )  # fmt: skip

    def get(self, path, **query):
        """Returns status, media type and document of one answer."""
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.headers["content-type"], json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["content-type"], json.load(error)

    def wait(self, holds):
        """Waits until something holds, for half a minute at most."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            try:
                if holds():
                    return
            except urllib.error.URLError:
                pass
            time.sleep(0.05)
        raise AssertionError("nothing happened within 30 s")

    def stop(self):
        """Ends it as a supervisor would; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)
        return self.process.returncode


def test_serve_answers_and_follows_a_rollback(server_home):
    first, second = ReleaseStore(server_home.releases).log.entries()
    server = Server(server_home)
    try:
        server.wait(lambda: server.get("/readyz")[0] == 200)
        status, _, stranger = server.get("/v1/recommendations", user_id="nobody-knows-me", count=5)
        assert (status, stranger["rung"], stranger["release"]) == (200, "trending", second.release)
        assert [item["rung"] for item in stranger["items"]] == ["trending"] * 5
        status, _, known = server.get("/v1/recommendations", user_id="../../etc/passwd", count=10)
        assert (status, known["rung"], len(known["items"])) == (200, "personal", 10)
        assert all(item["reason"]["text"] for item in known["items"])
        item = known["items"][0]["item_id"]
        status, _, near = server.get(f"/v1/items/{urllib.parse.quote(item)}/similar", count=3)
        assert (status, len(near["items"])) == (200, 3)
        for count in ("0", "51", "many"):
            status, media, problem = server.get("/v1/recommendations", user_id="u", count=count)
            assert (status, media) == (400, "application/problem+json")
            assert (problem["status"], problem["parameter"]) == (400, "count")
        bare(server_home, "release", "rollback")
        server.wait(lambda: server.get("/readyz")[2]["release"] == first.release)
        answered = server.get("/v1/recommendations", user_id="u000010")[2]["release"]
        assert answered == first.release
    finally:
        code = server.stop()
    assert code == 0


def test_tombstones_are_written_and_served(server_home):
    server = Server(server_home)
    try:
        server.wait(lambda: server.get("/readyz")[0] == 200)
        query = {"user_id": "../../etc/passwd", "count": 10}
        known = server.get("/v1/recommendations", **query)[2]
        item = known["items"][0]["item_id"]
        assert bare(server_home, "takedown", item) == {
            "item_id": item, "hidden": True, "changed": True, "seq": 1
        }  # fmt: skip
        path = f"/v1/items/{urllib.parse.quote(item)}/similar"
        server.wait(lambda: server.get(path)[0] == 404)
        left = server.get("/v1/recommendations", **query)[2]
        assert item not in [row["item_id"] for row in left["items"]]
        assert (left["rung"], len(left["items"])) == ("personal", 10)
        assert bare(server_home, "takedown", item, "--undo")["seq"] == 2
        told = bare(server_home, "optout", "../../etc/passwd")
        assert told == {"opted_out": True, "changed": True, "seq": 3}
        server.wait(lambda: server.get("/v1/recommendations", **query)[2]["rung"] == "trending")
        assert bare(server_home, "optout", "../../etc/passwd", "--undo")["seq"] == 4
        assert bare(server_home, "erase", "../../etc/passwd") == {"changed": True, "seq": 5}
        assert bare(server_home, "erase", "../../etc/passwd") == {"changed": False, "seq": 5}
        server.wait(lambda: server.get("/v1/recommendations", **query)[2]["rung"] == "trending")
        bare(server_home, "release", "rollback")
        first = ReleaseStore(server_home.releases).log.entries()[0].release
        server.wait(lambda: server.get("/readyz")[2]["release"] == first)
        assert server.get("/v1/recommendations", **query)[2]["rung"] == "trending"
    finally:
        server.stop()


def test_an_item_that_nobody_knows_is_taken_down_by_force_only(server_home):
    done = subprocess.run(
        [sys.executable, "-c", BARE, "takedown", "m-1", "--home", str(server_home.root)],
        capture_output=True, text=True, timeout=120, check=False, env=_variables(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no item 'm-1'" in done.stderr
    assert "--force" in done.stderr
    assert bare(server_home, "takedown", "m-1", "--force")["changed"]
