"""Whose events a caller may post; no server is needed, for nothing is stored."""

import asyncio
import json

import pytest

from core.ingest_settings import IngestSettings
from core.intake_settings import IntakeSettings
from core.tombstones import Tombstones
from serving.web.callers import ANYONE, Caller
from serving.web.event_posts import EventPosts
from serving.web.metrics import N_CELLS, REGION, Metrics
from serving.web.problems import Problem
from serving.web.shared_memory import SharedMemory
from tests.serving.intake.conftest import Intake
from tests.serving.web.posting import event

ANN = Caller(subject="ann", is_service=False, client="shop")
SERVICE = Caller(subject="robot", is_service=True, client="shop")


class Request:
    """One request and what it is answered, as granian's protocol has it."""

    method = "POST"

    def __init__(self, body):
        self.headers = {"content-type": "application/json"}
        self.sent = None
        self._body = body

    async def __aiter__(self):
        yield self._body

    def response_bytes(self, status, headers, body):
        self.sent = json.loads(body)


def post(intake, body, caller, tombstones):
    async def run():
        stream = intake.stream()
        metrics = Metrics(SharedMemory(1, {REGION: N_CELLS}), 0)
        posts = EventPosts(IntakeSettings(), IngestSettings(), stream, lambda: tombstones, metrics)
        stream.start(asyncio.get_running_loop())
        request = Request(json.dumps(body).encode())
        answer = await posts(request, request, caller)
        await asyncio.to_thread(stream.stop)
        return answer

    return asyncio.run(run())


@pytest.fixture
def intake(tmp_path):
    from core.home import Home

    return Intake(Home(tmp_path))


@pytest.mark.parametrize("caller", [ANYONE, SERVICE, ANN])
def test_who_may_post_for_a_user(intake, caller):
    assert post(intake, [event("a"), event("b", user=" ann ")], caller, Tombstones()) == 202
    assert len(intake.lines()) == 2


def test_nobody_posts_for_another_user(intake):
    problem = post(intake, [event("a"), event("b", user="ben")], ANN, Tombstones())
    assert isinstance(problem, Problem)
    assert (problem.status, problem.parameter, problem.index) == (403, "user_id", 1)
    assert "ben" not in problem.detail
    assert intake.lines() == []


def test_nothing_is_taken_while_nobody_knows_who_is_hidden(intake):
    problem = post(intake, event("a"), ANYONE, None)
    assert (problem.status, problem.title) == (503, "Events are not accepted now")
    assert intake.lines() == []
