"""What goes wrong within a request is answered, logged without a user's id, and counted."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from core.home import Home
from core.settings import Settings
from serving.web.application import Application, shared_memory
from serving.web.asgi_adapter import respond
from serving.web.callers import ANYONE


class Recorded:
    """Keeps the one response that is sent."""

    async def __call__(self):
        return b""

    def response_bytes(self, status, headers, body):
        assert not hasattr(self, "status"), "a second response"
        self.status, self.headers, self.body = status, dict(headers), body


def asked(path, query=""):
    return SimpleNamespace(
        method="GET", path=path, query_string=query, scheme="http", http_version="1.1",
        client="127.0.0.1:1", headers={},
    )  # fmt: skip


def test_a_fault_in_the_hot_path_is_answered_and_counted(tmp_path, toy, caplog):
    home = Home(tmp_path)
    toy.publish(home.releases, "1970-01-11", 1)
    application = Application(home, Settings(), shared_memory(1))
    application.current.refresh()
    application.current.tombstones = None  # who asks for an attribute of it fails
    sent, counts = Recorded(), Recorded()

    async def ask():
        await application.__rsgi__(asked("/v1/recommendations", "user_id=ann-secret"), sent)
        await application.__rsgi__(asked("/metrics"), counts)

    asyncio.run(ask())
    assert sent.status == 500
    assert sent.headers["content-type"] == "application/problem+json"
    assert json.loads(sent.body)["detail"].startswith("the server failed on this request")
    counted = b'daybreak_requests_total{route="recommendations",status="500"} 1.0\n'
    assert counted in counts.body
    assert [record.getMessage() for record in caplog.records if record.levelno > 20] == [
        "a request failed"
    ]
    assert "ann-secret" not in caplog.text


def test_a_page_that_fails_is_answered_once(caplog):
    async def broken(request):
        raise ZeroDivisionError

    sent = Recorded()
    with caplog.at_level(logging.ERROR, "daybreak.serving"):
        app = Starlette(routes=[Route("/", broken)])
        assert asyncio.run(respond(app, asked("/"), sent, ANYONE)) == 500
    assert sent.status == 500
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_an_application_that_says_nothing_is_no_answer():
    async def broken(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(respond(broken, asked("/"), Recorded(), ANYONE))
