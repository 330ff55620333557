"""The real server in a process of its own, on a free port of the loopback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.home import Home
from core.release_store import ReleaseStore
from serving import release_commands as commands

BLOCKER = """
import sys
BLOCKED = {"torch", "dagster", "mlflow", "pyspark", "polars", "pyarrow", "pandas", "duckdb",
           "xgboost", "faiss", "implicit", "openai", "great_expectations", "sklearn"}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} must not be needed here")
sys.meta_path.insert(0, Blocker())
"""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
START = "import sys\nfrom serving.__main__ import main\nsys.exit(main(sys.argv[1:]))"


def lines_of(errors):
    """Returns the lines of a server's log; each must be one object with the keys of a line."""
    found = [json.loads(line) for line in errors.removesuffix("\n").split("\n")]
    keys = {"time", "level", "logger", "message"}
    assert [line for line in found if not keys <= set(line) <= keys | {"exception"}] == []
    assert all(TIME.fullmatch(line["time"]) for line in found)
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningServer:
    """A server that can import none of the heavy libraries, unless `start` says otherwise."""

    def __init__(
        self, home, workers=1, poll_seconds=0.1, arguments=(), environment=(),
        start=BLOCKER + START,
    ):  # fmt: skip
        self.port = free_port()
        self.process = subprocess.Popen(
            [
                sys.executable, "-c", start, "--home", str(home.root), "--port", str(self.port),
                "--poll-seconds", str(poll_seconds), "--workers", str(workers),
                *arguments,
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "DAYBREAK_LIMITS__USER_RATE": "0", **dict(environment)},
        )  # fmt: skip
        try:
            self.wait(lambda: self.get("/healthz").status == 200)
        except BaseException:
            self.process.kill()
            raise

    def get(self, path, method="GET", headers=()):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, headers=dict(headers)
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                response.body = response.read()
                return response
        except urllib.error.HTTPError as error:
            with error:
                error.body = error.read()
            return error

    def json(self, path):
        return json.loads(self.get(path).body)

    def release(self):
        return self.json("/v1/recommendations?user_id=ann").get("release")

    def wait(self, holds, seconds=20.0):
        """Returns how long it took until something held."""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            assert self.process.poll() is None, self.process.communicate()
            try:
                if holds():
                    return time.monotonic() - start
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.02)
        raise AssertionError(f"nothing happened within {seconds} s")

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        out, errors = self.process.communicate(timeout=20)
        return self.process.returncode, out, errors


@pytest.fixture(scope="module")
def home(tmp_path_factory, toy):
    home = Home(tmp_path_factory.mktemp("server"))
    toy.publish(home.releases, "1970-01-11", 1)
    return home


@pytest.fixture(scope="module")
def server(home):
    server = RunningServer(home)
    server.wait(lambda: server.get("/readyz").status == 200)
    yield server
    code, out, errors = server.stop()
    assert (code, out) == (0, f"serving {home.root} on http://127.0.0.1:{server.port}\n")
    told = [(line["level"], line["message"]) for line in lines_of(errors)]
    assert any(level == "INFO" and x.startswith("serving release 1970-01-1") for level, x in told)
    assert "Traceback" not in errors, errors


def test_a_list_is_answered_with_its_release(server, home):
    response = server.get("/v1/recommendations?user_id=ann&count=2")
    answer = json.loads(response.body)
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert list(answer) == ["user_id", "release", "age_seconds", "rung", "experiment", "items"]
    assert answer["release"] == ReleaseStore(home.releases).log.current()
    assert (answer["rung"], answer["experiment"]) == ("personal", None)
    assert 0 <= answer["age_seconds"] < 600
    assert [list(item) for item in answer["items"]] == [
        ["item_id", "title", "rank", "score", "rung", "reason"]
    ] * 2
    assert list(answer["items"][0]["reason"]) == ["type", "source_item_id", "text", "origin"]


def test_an_unknown_user_gets_what_is_trending_and_is_told_so(server):
    answer = server.json("/v1/recommendations?user_id=%F0%9F%8C%85%2F..&count=3")
    assert (answer["user_id"], answer["rung"]) == ("🌅/..", "trending")
    assert [x["item_id"] for x in answer["items"]] == ["m1", "m2", "m3"]


def test_genres_choose_the_segments(server):
    answer = server.json("/v1/recommendations?user_id=nobody&count=2&genres=drama,comedy")
    assert [(x["item_id"], x["rung"]) for x in answer["items"]] == [
        ("m5", "segment"),
        ("m4", "segment"),
    ]


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        ("/v1/recommendations?user_id=ann&count=0", 400, "count"),
        ("/v1/recommendations?user_id=ann&count=-1", 400, "count"),
        ("/v1/recommendations?user_id=ann&count=1000000000", 400, "count"),
        ("/v1/recommendations?user_id=ann&count=abc", 400, "count"),
        ("/v1/recommendations", 400, "user_id"),
        ("/v1/recommendations?user_id=%FF", 400, None),
        ("/v1/items/m1/similar?count=51", 400, "count"),
        ("/v1/items/%20/similar", 400, "item_id"),
        ("/v1/items/m0/similar", 404, None),
        ("/v1/items/..%2F..%2Fetc%2Fpasswd/similar", 404, None),
        ("/v1/items/m1", 404, None),
        ("/nothing", 404, None),
        ("/v1/recommendations/", 404, None),
    ],
)
def test_problems_are_documents(server, path, status, parameter):
    response = server.get(path)
    document = json.loads(response.body)
    assert (response.status, document["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert set(document) - {"parameter"} == {"type", "title", "status", "detail"}
    assert document.get("parameter") == parameter


@pytest.mark.parametrize(("path", "method"), [("/nothing", "GET"), ("/readyz", "DELETE")])
def test_who_asks_elsewhere_is_told_where_to_ask(server, path, method):
    detail = json.loads(server.get(path, method=method).body)["detail"]
    assert detail == (
        f"{method} '{path}' is not served here; GET /v1/recommendations, /, /healthz, /readyz, "
        "/metrics, /openapi.json, /v1/items/{item_id}/similar is"
    )


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/items/m1/similar", "/readyz"])
def test_other_methods_are_refused(server, path):
    response = server.get(path, method="DELETE")
    assert response.status == 405
    assert "GET" in response.headers["allow"]
    assert json.loads(response.body)["status"] == 405


def test_neighbours(server):
    answer = server.json("/v1/items/m1/similar?count=1")
    assert answer["items"] == [
        {"item_id": "m2", "title": 'Say "Hi" \\ <b>', "rank": 1, "score": 99.0}
    ]


def test_head_has_no_body(server):
    response = server.get("/v1/recommendations?user_id=only-a-head", method="HEAD")
    assert (response.status, response.body) == (200, b"")


def test_a_head_is_no_impression(server, home):
    for method in ("HEAD", "GET"):
        server.get(f"/v1/recommendations?user_id=by-{method}", method=method)

    def logged():
        texts = [path.read_text() for path in home.intake.glob("impressions-*")]
        return set(re.findall('"user_id":"([^"]*)"', "".join(texts)))

    server.wait(lambda: "by-GET" in logged())
    assert not logged() & {"by-HEAD", "only-a-head"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/recommendations?user_id=ann", 200),
        ("/v1/recommendations?user_id=", 400),
        ("/v1/items/m1/similar", 200),
        ("/v1/items/m0/similar", 404),
        ("/healthz", 200),
        ("/metrics", 200),
        ("/", 200),
        ("/nothing", 404),
    ],
)
def test_every_answer_has_the_headers_that_protect_it(server, path, status):
    response = server.get(path)
    assert response.status == status
    assert response.headers.get_all("cache-control") == ["no-store"]
    assert response.headers.get_all("x-content-type-options") == ["nosniff"]
    assert response.headers.get_all("referrer-policy") == ["no-referrer"]
    policy = response.headers.get_all("content-security-policy")
    if path.startswith("/v1/recommendations"):
        assert policy is None
    else:
        assert len(policy) == 1
        assert policy[0].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy[0]


def test_metrics_name_the_release(server):
    server.json("/v1/recommendations?user_id=nobody")
    release = server.release()
    metrics = server.get("/metrics").body.decode()
    assert f'daybreak_release_info{{release="{release}"}} 1.0\n' in metrics
    assert 'daybreak_answers_total{rung="trending"} 0.0\n' not in metrics
    assert "daybreak_release_age_seconds " in metrics


def test_a_url_of_a_megabyte_and_a_large_body_do_no_harm(server):
    assert server.get("/v1/recommendations?user_id=" + "a" * 1_000_000).status in (414, 431)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        head = (
            b"POST /v1/recommendations HTTP/1.1\r\nhost: [::1\r\ncontent-length: 10000000\r\n\r\n"
        )
        connection.sendall(head + b"x" * 1000)
        assert connection.recv(4096).startswith((b"HTTP/1.1 405", b"HTTP/1.1 400"))
    assert server.get("/healthz").status == 200


def test_swaps_rollback_and_refusal_under_load(server, home, toy):
    """Newer releases, a rollback and a damaged release, while lists are being asked for."""
    releases = ReleaseStore(home.releases)
    first = releases.log.current()
    stop = False

    def ask():
        seen = []
        while not stop:
            answer = server.json("/v1/recommendations?user_id=ann&count=3")
            texts = {item["reason"]["text"].partition("#")[2] for item in answer["items"]}
            seen.append((answer["release"], *texts))
        return seen

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(ask) for _ in range(2)]
        try:
            second = toy.publish(home.releases, "1970-01-12", 2)
            assert server.wait(lambda: server.release() == second) < 5
            commands.rollback(home, reason="bad")
            assert server.wait(lambda: server.release() == first) < 5
            third = toy.publish(home.releases, "1970-01-13", 3, log=False)
            path = releases.path(third) / "users" / "default" / "shard-01.records"
            path.write_bytes(path.read_bytes()[:-1] + b"\1")
            releases.log.append("publish", third, "1970-01-13", reason="test")
            server.wait(lambda: b"daybreak_releases_refused 1.0" in server.get("/metrics").body)
            assert server.release() == first
            fourth = toy.publish(home.releases, "1970-01-14", 4)
            assert server.wait(lambda: server.release() == fourth) < 5
        finally:
            stop = True
    answers = [answer for job in jobs for answer in job.result()]
    # each answer holds one release's sentences only, and a barred or damaged one never returned
    assert set(answers) <= {(first, "1"), (second, "2"), (fourth, "4")}
    assert len(answers) >= 2


def test_without_a_release_it_says_so_and_a_release_needs_no_restart(tmp_path, toy):
    home = Home(tmp_path)
    server = RunningServer(home, workers=2)
    try:
        for path in ("/readyz", "/v1/recommendations?user_id=ann", "/v1/items/m1/similar"):
            response = server.get(path)
            assert (response.status, response.headers["retry-after"]) == (503, "5")
            assert json.loads(response.body)["title"] == "No release to serve"
        name = toy.publish(home.releases, "1970-01-11", 1)
        server.wait(lambda: all(server.release() == name for _ in range(20)))
    finally:
        code, _, errors = server.stop(signal.SIGINT)
    assert code == 0, errors


def test_workers_do_not_outlive_a_killed_server(tmp_path):
    server = RunningServer(Home(tmp_path))
    server.process.kill()
    server.process.communicate(timeout=10)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)):
                return
        time.sleep(0.1)
    raise AssertionError("an orphan still listens")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "0"], "--port 0"),
        (["--workers", "0"], "--workers 0"),
        (["--poll-seconds", "nan"], "--poll-seconds nan"),
        (["--host", "203.0.113.1", "--port", "8080"], "can't listen on 203.0.113.1 port 8080"),
    ],
)
def test_bad_usage_is_one_line(arguments, message, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "serving", "--home", str(tmp_path), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_another_address_than_the_loopback_needs_tokens_or_a_flag(host, tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-m", "serving", "--home", str(tmp_path), "--host", host,
            "--port", str(free_port()),
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {host} is reached from other machines, and tokens are off: set [security] tokens "
        "(docs/serving-security.md), or give --unprotected to answer everyone for everyone\n"
    )


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--unprotected"], {}), ([], {"DAYBREAK_SECURITY__UNPROTECTED": "true"})],
)
def test_who_wants_an_unprotected_server_is_warned(tmp_path, arguments, environment):
    server = RunningServer(
        Home(tmp_path), arguments=["--host", "0.0.0.0", *arguments], environment=environment
    )
    code, _, errors = server.stop()
    assert code == 0, errors
    warned = lines_of(errors)[0]
    assert (warned["level"], warned["message"]) == (
        "WARNING", "0.0.0.0 is open to everyone: any list can be read without a token"
    )  # fmt: skip


def test_keys_that_cannot_be_used_are_told_at_the_start(tmp_path):
    environment = {
        "DAYBREAK_SECURITY__TOKENS": "true", "DAYBREAK_SECURITY__ISSUER": "i",
        "DAYBREAK_SECURITY__AUDIENCE": "a", "DAYBREAK_SECURITY__KEYS": str(tmp_path / "none.json"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "serving", "--home", str(tmp_path), "--port", str(free_port())],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: [security] keys {tmp_path}/none.json: No such file or directory\n"
    )


def test_a_taken_port_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "serving", "--home", str(tmp_path), "--port", str(port)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"port {port}" in done.stderr


def test_release_commands_need_no_heavy_library(home):
    code = BLOCKER + (
        "from pathlib import Path\n"
        "from core.home import Home\n"
        "from serving.release_commands import list_releases, verify_release\n"
        "home = Home(Path(sys.argv[1]))\n"
        "print(verify_release(home)['release'], len(list_releases(home)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.root)],
        capture_output=True, text=True, timeout=60, check=True, env=os.environ,
    )  # fmt: skip
    assert done.stdout.split()[0] == ReleaseStore(home.releases).log.current()
