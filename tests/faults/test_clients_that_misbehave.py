"""Clients that are slow, idle, many or endless cost the others nothing; FAULTS.md's "Server"."""

import contextlib
import http.client
import json
import resource
import selectors
import socket
import time
from collections import Counter

import pytest

from core.home import Home
from tests.faults.asking import Asker, private_mb, ready, worker_pids
from tests.serving.conftest import publish_toy

pytestmark = pytest.mark.faults

PATH = "/v1/recommendations?user_id=ann&count=3"
HEAD = f"GET {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\n".encode()
POST = b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
HEADER_SECONDS = 1.0
BODY_SECONDS = 1.0
LIMITS = {"DAYBREAK_LIMITS__HEADER_SECONDS": str(HEADER_SECONDS),
          "DAYBREAK_INTAKE__BODY_SECONDS": str(BODY_SECONDS)}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("misused"))
    publish_toy(home.releases, "1970-01-11", 1)
    return home


@pytest.fixture(scope="module")
def server(home):
    server = ready(home, environment=LIMITS)
    yield server
    code, _, errors = server.stop()
    assert code == 0, errors
    assert "Traceback" not in errors


@pytest.fixture
def others(server):
    """Another client, all of whose requests must be answered."""
    asker = Asker(server.port, [PATH], pause_seconds=0.01)
    asker.start()
    yield asker
    asker.wait_for(10)
    assert set(asker.end().statuses) == {200}


def connected(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def ended(connection, seconds):
    """Returns what the server says before it closes the connection, and when it does."""
    begin, received = time.monotonic(), b""
    connection.settimeout(seconds)
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            received += piece
    return received, time.monotonic() - begin


def test_a_head_that_comes_byte_by_byte_is_cut_off(server, others, trials):
    """A byte now and then does not keep the connection: the head as a whole has its time."""
    connections = [connected(server) for _ in range(trials(20, 500))]
    begin, sent = time.monotonic(), 0
    alive = list(connections)
    while alive:
        assert time.monotonic() < begin + HEADER_SECONDS + 9, f"{len(alive)} still stand"
        for connection in list(alive):
            try:
                connection.send(HEAD[sent % len(HEAD) :][:1])
                connection.setblocking(False)
                if connection.recv(4096) == b"":
                    alive.remove(connection)
            except BlockingIOError:
                pass
            except OSError:
                alive.remove(connection)
        sent += 1
        time.sleep(0.05)
    seconds = time.monotonic() - begin
    print(f"\n{len(connections)} slow heads cut off after {seconds:.1f} s, {sent} bytes each")
    for connection in connections:
        connection.close()
    assert seconds >= 0.9 * HEADER_SECONDS


def test_a_body_that_does_not_come_is_waited_for_so_long(server, others):
    with connected(server) as connection:
        connection.sendall(POST + b"content-length: 100\r\n\r\n{")
        received, seconds = ended(connection, 10)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.9 * BODY_SECONDS <= seconds < BODY_SECONDS + 5


def test_bodies_that_do_not_come_keep_nobody_from_lists(server, others, trials):
    """More posts wait than a worker holds at once: further posts are refused, lists are not."""
    most, n_slow = 256, trials(300, 2_000)
    others.wait_for(10)
    connections = [connected(server) for _ in range(n_slow)]
    begin = time.monotonic()
    for connection in connections:
        connection.sendall(POST + b"content-length: 100\r\n\r\n{")
    statuses = Counter(ended(connection, 10)[0][9:12] for connection in connections)
    for connection in connections:
        connection.close()
    print(f"\n{n_slow} slow posts: {dict(statuses)} within {time.monotonic() - begin:.1f} s")
    assert set(statuses) == {b"408", b"503"}
    assert statuses[b"408"] >= most
    with connected(server) as connection:
        connection.sendall(POST + b"content-length: 2\r\nconnection: close\r\n\r\n{}")
        assert ended(connection, 10)[0].startswith(b"HTTP/1.1 400 ")  # they are read again


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "chunked"])
def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(server, others, is_told):
    size, piece = 10_000_000, b"x" * 10_000
    length = b"content-length: %d" % size if is_told else b"transfer-encoding: chunked"
    (worker,) = worker_pids(server.process.pid)
    before = private_mb(worker)
    sent, answer = 0, b""
    with connected(server) as connection:
        connection.sendall(POST + length + b"\r\n\r\n")
        connection.setblocking(False)
        with selectors.DefaultSelector() as ready_for, contextlib.suppress(ConnectionError):
            ready_for.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
            deadline = time.monotonic() + 20
            while sent < size and not answer and time.monotonic() < deadline:
                for _, events in ready_for.select(5):
                    if events & selectors.EVENT_READ:
                        answer = connection.recv(4096)
                    elif events & selectors.EVENT_WRITE:
                        whole = piece if is_told else b"%x\r\n%s\r\n" % (len(piece), piece)
                        sent += connection.send(whole)
                        if not is_told:
                            break
    grown = private_mb(worker) - before
    print(f"\nrefused after {sent:,} of {size:,} bytes, memory grew by {grown:.1f} MB")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < size
    assert grown < 8


def test_a_url_of_a_megabyte_is_refused(server, others):
    with connected(server) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /v1/recommendations?user_id=" + b"a" * 1_000_000 + b" HTTP/1.1")
        received, _ = ended(connection, 10)
        assert received[9:12] in (b"414", b"431", b"400")


@pytest.mark.parametrize("count", ["0", "-1", "1000000000", "abc", "1e3", "", "٣", "10" * 1_000])
def test_a_count_that_is_none_is_named(server, count):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        path = f"/v1/recommendations?user_id=ann&count={count}".replace("٣", "%D9%A3")
        connection.request("GET", path)
        response = connection.getresponse()
        document = json.loads(response.read())
    assert (response.status, document["parameter"]) == (400, "count")
    assert repr(count[:40]) in document["detail"]


def test_idle_connections_do_not_keep_others_out(home, trials):
    """From as many loopback addresses as are needed: one has 28,000 ports for the same server."""
    settings = {"DAYBREAK_LIMITS__HEADER_SECONDS": "600",
                "DAYBREAK_LIMITS__MAX_CONNECTIONS": "200000"}  # fmt: skip
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    n = trials(500, min(100_000, room))
    server = ready(home, environment=settings)
    connections = []
    try:
        (worker,) = worker_pids(server.process.pid)
        before = private_mb(worker)
        for number in range(n):
            source = (f"127.0.1.{1 + number // 20_000}", 0)
            connections.append(
                socket.create_connection(("127.0.0.1", server.port), 10, source_address=source)
            )
            if number % 2:  # half of them have begun to ask
                connections[-1].send(HEAD)
        asker = Asker(server.port, [PATH], pause_seconds=0.001)
        begin = time.monotonic()
        asker.start()
        asker.wait_for(100)
        each = (time.monotonic() - begin) / asker.statuses.total()
        grown = private_mb(worker) - before
        assert set(asker.end().statuses) == {200}
        for connection in connections[1::100]:  # and they are still there
            connection.sendall(b"\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for connection in connections:
            connection.close()
        server.process.kill()
        server.process.communicate(timeout=20)
    print(
        f"\n{n:,} idle connections, {grown * 1024 / n:.1f} kB each; another client's requests took "
        f"{each * 1e3:.1f} ms each, its own pause among it"
    )
    assert grown < trials(20, 2_000)


def test_more_connections_than_allowed_wait_and_are_served_when_others_leave(home):
    server = ready(home, environment={**LIMITS, "DAYBREAK_LIMITS__MAX_CONNECTIONS": "20"})
    held = []
    try:
        held = [connected(server) for _ in range(20)]
        late = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        with contextlib.closing(late):
            late.request("GET", PATH)
            assert late.getresponse().status == 200  # once the idle ones were closed
    finally:
        for connection in held:
            connection.close()
        server.process.kill()
        server.process.communicate(timeout=20)
