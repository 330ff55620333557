"""Single requests to a server that is to be measured: what it answers, before how fast."""

import contextlib
import http.client
import itertools

from benchmarks.targets import Target
from core.errors import CheckFailed

_SAMPLE = 1_000


def answers(port: int, target: Target, n: int) -> list[bytes]:
    """Returns the bodies of a server's first answers to a target.

    Raises:
        CheckFailed: one had another status than 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        return [_answer(connection, one) for one in itertools.islice(target.requests(), n)]


def mean_answer(port: int, target: Target) -> bytes:
    """Returns an answer, brought to the mean length of a thousand that were drawn."""
    found = answers(port, target, _SAMPLE)
    length = round(sum(map(len, found)) / len(found))
    nearest = min(found, key=lambda body: abs(len(body) - length))
    return nearest.ljust(length)[:length]


def status_without_headers(port: int, target: Target) -> int:
    """Returns the status of the target's first answer where its headers are left out."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        bare = Target(target.path, target.n_users, target.n_items)
        return _response(connection, next(bare.requests())).status


def _answer(connection: http.client.HTTPConnection, request: bytes) -> bytes:
    response = _response(connection, request)
    body = response.read()
    if response.status != 200:
        line = request.partition(b"\r\n")[0].decode()
        raise CheckFailed(f"{line} is answered {response.status}: {body[:200]!r}; it must be 200")
    return body


def _response(connection: http.client.HTTPConnection, request: bytes) -> http.client.HTTPResponse:
    connection.send(request)  # connects the first time
    assert connection.sock
    response = http.client.HTTPResponse(connection.sock, method="GET")
    response.begin()
    return response
