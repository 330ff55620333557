"""Runs an ASGI application behind an RSGI server, for everything off the hot path."""

import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol

from starlette.types import ASGIApp, Message

from serving.web.callers import Caller
from serving.web.response_headers import protected

_log = logging.getLogger("daybreak.serving")


class RsgiScope(Protocol):
    """What granian says of a request."""

    method: str
    path: str
    query_string: str
    scheme: str
    http_version: str
    client: str
    headers: Any


class RsgiProtocol(Protocol):
    """How granian is answered."""

    async def __call__(self) -> bytes:
        """Returns the request's body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Returns the pieces of the request's body as they come."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Sends a whole response."""


async def respond(app: ASGIApp, scope: RsgiScope, protocol: RsgiProtocol, caller: Caller) -> int:
    """Lets an ASGI application answer; returns the status. Responses are sent in one piece.

    The application finds who asks as `request.scope["caller"]`.
    """
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in scope.headers.items()
    ]
    asgi_scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": scope.http_version,
        "method": scope.method, "scheme": scope.scheme, "path": scope.path, "root_path": "",
        "query_string": scope.query_string.encode(), "headers": headers,
        "caller": caller,
    }  # fmt: skip
    start: Message = {}
    pieces: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": await protocol(), "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            named = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
            protocol.response_bytes(start["status"], protected(named), b"".join(pieces))

    try:
        await app(asgi_scope, receive, send)
    except Exception:
        if not start:
            raise
        _log.exception("a request failed")  # the application has said so, and leaves the log to us
    return int(start["status"])
