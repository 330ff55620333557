"""Answers `POST /v1/events`: events are on the disk before they are acknowledged."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec

from core.ingest_settings import IngestSettings
from core.intake_settings import IntakeSettings
from core.tombstones import Tombstones
from serving.intake.event import AcceptedEvents, EventReader
from serving.intake.event_stream import EventStream
from serving.web.answer_types import EventsAccepted
from serving.web.asgi_adapter import RsgiProtocol, RsgiScope
from serving.web.callers import NOT_YOURS, Caller
from serving.web.metrics import Metrics
from serving.web.problems import Problem
from serving.web.response_headers import JSON

EVENTS_PATH = "/v1/events"
_NOT_SO = Problem(405, f"events are only posted; use POST {EVENTS_PATH}", allow="POST")
# A page of another site can have a browser post text or a form here, but not this unasked.
_NOT_JSON = Problem(415, "events are posted as JSON; set content-type: application/json")
_UNAVAILABLE = Problem(
    503,
    "events can't be stored at the moment, none of these was; send them again later",
    kind="intake-unavailable",
    title="Events are not accepted now",
)


class EventPosts:
    """One worker's way in for events.

    Args:
        settings: limits.
        ingest: what the next run would refuse.
        stream: where accepted events go.
        tombstones: returns who is hidden; None while nobody knows.
        metrics: where events are counted; those of hidden users are kept nowhere else.
    """

    def __init__(
        self,
        settings: IntakeSettings,
        ingest: IngestSettings,
        stream: EventStream,
        tombstones: Callable[[], Tombstones | None],
        metrics: Metrics,
    ) -> None:
        self._metrics = metrics
        self._settings = settings
        self._reader = EventReader(settings, ingest)
        self._stream = stream
        self._tombstones = tombstones

    async def __call__(
        self, scope: RsgiScope, protocol: RsgiProtocol, caller: Caller
    ) -> Problem | int:
        """Stores the events of a request, sends their ids and returns 202; or what is wrong."""
        if scope.method != "POST":
            return _NOT_SO
        body = await self._body(scope, protocol)
        events = body if isinstance(body, Problem) else self._reader.read(body)
        if isinstance(events, Problem):
            return events
        n_events = len(events.lines)
        if problem := _not_theirs(events, caller) or await self._store(events):
            self._metrics.add("daybreak_intake_events", "refused", n=n_events)
            return problem
        told = EventsAccepted(n_events, list(events.event_ids))
        protocol.response_bytes(202, JSON, msgspec.json.encode(told))
        return 202

    async def _body(self, scope: RsgiScope, protocol: RsgiProtocol) -> bytes | Problem:
        media_type = scope.headers.get("content-type") or ""
        if media_type.partition(";")[0].strip().lower() != "application/json":
            return _NOT_JSON
        most = self._settings.max_body_bytes
        too_large = Problem(413, f"the body is longer than {most} bytes; send fewer events at once")
        told = scope.headers.get("content-length")
        if told is not None and told.isdecimal() and int(told[:20]) > most:
            return too_large
        pieces, size = [], 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                async for piece in protocol:
                    size += len(piece)
                    if size > most:
                        return too_large
                    pieces.append(piece)
        except TimeoutError:
            seconds = f"{self._settings.body_seconds:g}"
            return Problem(408, f"the body did not come within {seconds} seconds; send it faster")
        return b"".join(pieces)

    async def _store(self, events: AcceptedEvents) -> Problem | None:
        tombstones = self._tombstones()
        if tombstones is None:
            return _UNAVAILABLE
        lines = events.lines
        if tombstones.hidden:
            users = zip(events.users, lines, strict=True)
            lines = [line for user, line in users if not tombstones.hides(user)]
        if lines:
            done = self._stream.append(lines)
            if done is None:
                self._metrics.add("daybreak_shed", "intake_full")
            if done is None or not await done:
                return _UNAVAILABLE
        self._metrics.add("daybreak_intake_events", "accepted", n=len(lines))
        self._metrics.add("daybreak_intake_events", "hidden", n=len(events.lines) - len(lines))
        return None


def _not_theirs(events: AcceptedEvents, caller: Caller) -> Problem | None:
    if caller.is_service:
        return None
    for index, user_id in enumerate(events.users):
        if not caller.may_read(user_id):
            return replace(NOT_YOURS, parameter="user_id", index=index)
    return None
