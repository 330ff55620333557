import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from assets.ingest.snapshot import snapshot
from assets.ingest.stage import take_in_waiting
from core.ingest_settings import IngestSettings
from serving import tombstone_commands
from tests.serving.web.posting import Client, event, event_ids, publish, start


@pytest.fixture(scope="module")
def environment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAYBREAK_INTAKE__RESERVE_BYTES", "0")
        patch.setenv("DAYBREAK_INTAKE__BODY_SECONDS", "1")
        patch.setenv("DAYBREAK_INTAKE__SEGMENT_SECONDS", "600")
        yield patch


@pytest.fixture(scope="module")
def home(tmp_path_factory, toy):
    return publish(tmp_path_factory.mktemp("posts"), toy)


@pytest.fixture(scope="module")
def server(home, environment):
    server = start(home)
    yield server
    code, _, errors = server.stop()
    assert code == 0
    assert "Traceback" not in errors, errors


@pytest.fixture
def client(server):
    client = Client(server.port)
    yield client
    client.close()


def test_what_is_acknowledged_lies_on_the_disk(client, home):
    status, told, headers = client.post(event("one", user="bob", value=1))
    assert (status, told) == (202, {"accepted": 1, "event_ids": ["one"]})
    assert headers["content-type"] == "application/json"
    assert "one" in event_ids(home.intake)
    status, told, _ = client.post({"events": [event(None), event("two"), event(None)]})
    assert (status, told["accepted"], told["event_ids"][1]) == (202, 3, "two")
    assert len(set(told["event_ids"])) == 3
    assert set(told["event_ids"]) <= set(event_ids(home.intake))


def test_a_fault_takes_nothing(client, home):
    before = event_ids(home.intake)
    status, problem, headers = client.post([event("good"), event("bad", action="look")])
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert (problem["index"], problem["parameter"]) == (1, "action")
    assert problem["detail"].startswith('event 1: action "look" does not fit')
    assert event_ids(home.intake) == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post(server, method):
    response = server.get("/v1/events", method=method)
    assert (response.status, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("said", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_what_a_page_of_another_site_can_send_is_refused(client, home, said):
    before = event_ids(home.intake)
    status, problem, _ = client.post(event("foreign"), **{"content-type": said})
    assert (status, problem["title"]) == (415, "Unsupported media type")
    assert event_ids(home.intake) == before
    said = "Application/JSON; charset=utf-8"
    assert client.post(event("own", user="kim2"), **{"content-type": said})[0] == 202


def test_what_became_of_events_and_lists_is_counted(server, client):
    client.post([event("counted", user="bob")] * 3)
    client.post(event("counted", user="bob"))
    client.items("bob")

    def counts():
        lines = server.get("/metrics").body.decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    server.wait(lambda: float(counts()['daybreak_impressions_total{outcome="written"}']) >= 1)
    found = counts()
    assert float(found['daybreak_intake_events_total{outcome="accepted"}']) >= 4
    assert float(found["daybreak_intake_commit_seconds_count"]) >= 2
    assert float(found["daybreak_intake_unsealed_since"]) > 0
    assert float(found['daybreak_requests_total{route="events",status="202"}']) >= 2


def raw(server, *pieces, pause=0.0):
    """Sends a request piece by piece; returns the answer's status."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        return int(connection.recv(4096).split(b" ")[1])


HEAD = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def test_a_large_body_is_refused_by_its_announced_length(server):
    assert raw(server, HEAD + b"content-length: 10000000\r\n\r\n") == 413


def test_a_large_body_in_chunks_is_refused_while_it_comes(server):
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    pieces = [HEAD + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 17]
    assert raw(server, *pieces) == 413
    assert server.get("/healthz").status == 200


def test_a_body_of_just_the_limit_is_read(client):
    filled = json.dumps(event("limit")).encode()
    assert client.post(filled + b" " * (2**20 - len(filled)))[0] == 202
    assert client.post(filled + b" " * (2**20 - len(filled) + 1))[0] == 413


def test_a_slow_body_is_not_waited_for(server, client):
    head = HEAD + b"content-length: 100\r\n\r\n{"
    assert raw(server, head) == 408
    assert client.post(event("meanwhile"))[0] == 202


def test_a_hidden_users_events_are_kept_nowhere_and_nobody_can_tell(server, home, client):
    post = [event("h1", user="kim"), event("h2", user="lee")]
    assert client.post(post)[1] == {"accepted": 2, "event_ids": ["h1", "h2"]}
    tombstone_commands.opt_out(home, "kim")
    post = [event("h3", user="kim"), event("h4", user="lee")]

    def is_hidden():
        status, told, _ = client.post(post)
        assert (status, told) == (202, {"accepted": 2, "event_ids": ["h3", "h4"]})
        ids = event_ids(home.intake) + event_ids(home.landing)
        count = ids.count("h3"), ids.count("h4")
        time.sleep(0.1)
        client.post(post)
        again = event_ids(home.intake) + event_ids(home.landing)
        return (again.count("h3"), again.count("h4")) == (count[0], count[1] + 1)

    assert server.wait(is_hidden) < 5
    status, told, _ = client.post(event("h5", user="kim"))
    assert (status, told) == (202, {"accepted": 1, "event_ids": ["h5"]})
    assert "h5" not in event_ids(home.intake)
    # what came before went to the landing zone at once, so that a run can clear it away
    assert "h1" in event_ids(home.landing)


def test_a_click_counts_on_every_connection_and_once_in_the_lake(tmp_path, toy, environment):
    home = publish(tmp_path, toy)
    server = start(home, workers=4)
    clients = [Client(server.port) for _ in range(20)]
    try:
        assert all("m1" in client.items("ann") for client in clients)
        with ThreadPoolExecutor(20) as pool:
            five = list(pool.map(lambda c: [c.post(event("click"))[:2] for _ in "12345"], clients))
        assert five == [[(202, {"accepted": 1, "event_ids": ["click"]})] * 5] * 20
        seconds = server.wait(lambda: not any("m1" in client.items("ann") for client in clients))
        print(f"shown on 20 connections after {seconds:.3f} s")
        # an item that was hidden goes too, and another user is not touched
        assert clients[0].post(event("hide", item="m2", action="hide"))[0] == 202
        assert not any({"m1", "m2"} & set(client.items("ann")) for client in clients)
        assert [client.items("bob", 1) for client in clients] == [["m1"]] * 20
    finally:
        for client in clients:
            client.close()
        code, _, errors = server.stop()
    assert code == 0, errors
    # the same id a hundred times, each with the server's own moment: one of them counts
    totals = take_in_waiting(home, IngestSettings())
    files = [entry for entry in totals.entries if entry.table == "events"]
    assert all(entry.quarantined == 0 for entry in files if "impressions" in entry.source_file)
    events = [entry for entry in files if "impressions" not in entry.source_file]
    assert sum(entry.read for entry in events) == 101
    assert sum(entry.accepted for entry in events) == 2
    lake = pl.concat(map(pl.read_parquet, snapshot(home).paths("events")))
    posted = lake.filter(pl.col("action") != "impression")
    assert sorted(posted["event_id"]) == ["click", "hide"]
    shown = lake.filter(pl.col("action") == "impression")
    assert shown.height > 0
    assert shown["rung"].null_count() == shown["release"].null_count() == 0
    assert not shown.filter(user_id="ann", item_id="m2", position=1).is_empty()
    assert take_in_waiting(home, IngestSettings()).entries == []


def test_a_new_server_knows_what_the_old_one_took_in(tmp_path, toy, environment):
    home = publish(tmp_path, toy)
    first = start(home)
    client = Client(first.port)
    assert client.post(event("click"))[0] == 202
    client.close()
    first.process.kill()
    first.process.communicate(timeout=20)
    second = start(home)
    client = Client(second.port)
    try:
        assert second.wait(lambda: "m1" not in client.items("ann")) < 5
    finally:
        client.close()
        second.stop()
    assert event_ids(home.landing) == ["click"]
