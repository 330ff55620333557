"""What one worker learns, all four know: takedowns and limits, on twenty connections."""

import contextlib
import http.client
import json
import time

import pytest

from serving import tombstone_commands
from tests.serving.web.posting import Client, publish, start
from tests.serving.web.test_server import RunningServer

QUIET = {"DAYBREAK_INTAKE__IMPRESSIONS": "false"}


@pytest.fixture
def home(tmp_path, toy):
    return publish(tmp_path, toy)


@pytest.mark.faults
def test_a_takedown_shows_on_every_connection_within_two_seconds(home, trials):
    server = start(home, workers=4)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        clients = [stack.enter_context(contextlib.closing(Client(server.port))) for _ in range(20)]
        assert all("m1" in client.items("ann") for client in clients)
        tombstone_commands.take_down(home, "m1")
        begin = time.monotonic()
        while any("m1" in client.items("ann") for client in clients):
            assert time.monotonic() < begin + trials(20, 2)
        print(f"gone from 20 connections after {time.monotonic() - begin:.2f} s")
        assert all(len(client.items("ann", 2)) == 2 for client in clients)
        tombstone_commands.take_down(home, "m1", undo=True)
        server.wait(lambda: all("m1" in client.items("ann") for client in clients))


def ask(connection, user):
    connection.request("GET", f"/v1/recommendations?user_id={user}")
    response = connection.getresponse()
    return response, response.read()


def test_a_user_has_one_bucket_for_all_connections(home):
    limits = {"DAYBREAK_LIMITS__USER_RATE": "0.01", "DAYBREAK_LIMITS__USER_BURST": "30"}
    server = RunningServer(home, 4, environment={**QUIET, **limits})
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.wait(lambda: all(server.get("/readyz").status == 200 for _ in range(32)))
        twenty = [
            stack.enter_context(
                contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20))
            )
            for _ in range(20)
        ]
        statuses = [ask(connection, "bob")[0].status for _ in range(5) for connection in twenty]
        assert statuses == [200] * 30 + [429] * 70
        response, body = ask(twenty[0], "bob")
        problem = json.loads(body)
        assert (response.status, problem["type"]) == (429, "urn:daybreak:problem:too-many-requests")
        assert response.headers["content-type"] == "application/problem+json"
        assert 90 < int(response.headers["retry-after"]) <= 100
        assert "bob" not in body.decode()
        # somebody else has a bucket of their own, and what is no list is not charged
        assert ask(twenty[1], "ann")[0].status == 200
        assert server.get("/v1/items/m1/similar").status == 200
        metrics = server.get("/metrics").body.decode()
        assert 'daybreak_shed_total{reason="user_rate"} 71.0' in metrics


def test_a_client_has_one_bucket_for_all_it_asks(home):
    limits = {"DAYBREAK_LIMITS__CLIENT_RATE": "0.01", "DAYBREAK_LIMITS__CLIENT_BURST": "25"}
    server = RunningServer(home, 4, environment={**QUIET, **limits})
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.wait(lambda: all(server.get("/readyz").status == 200 for _ in range(32)))
        paths = {
            "/v1/recommendations?user_id=ann": 200, "/v1/items/m1/similar": 200,
            "/openapi.json": 200, "/v1/recommendations?user_id=ann&count=abc": 400, "/nothing": 404,
        }  # fmt: skip
        statuses = [server.get(path).status for _ in range(8) for path in paths]
        assert statuses == [*paths.values()] * 5 + [429] * 15
        # health and metrics are told to whoever asks
        assert [server.get(path).status for path in ("/healthz", "/readyz", "/metrics")] == [
            200
        ] * 3
