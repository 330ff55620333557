"""The server's one application: the hot path bare, the rest behind an adapter."""

import asyncio
import gc
import logging
import os
import signal
from functools import lru_cache
from time import perf_counter_ns, time

from core.home import Home
from core.release_store import ReleaseStore
from core.settings import Settings
from core.tombstones import Tombstones
from serving.current_release import CurrentRelease
from serving.intake.event_stream import EventStream
from serving.intake.handing_over import HandingOver
from serving.intake.impressions import ImpressionLog
from serving.intake.recent_actions import RecentActions
from serving.location_watch import LocationWatch
from serving.open_releases import OpenReleases
from serving.web.access import Access
from serving.web.asgi_adapter import RsgiProtocol, RsgiScope, respond
from serving.web.callers import ANYONE, Caller
from serving.web.concurrency import Concurrency, Waiting
from serving.web.event_posts import EVENTS_PATH, EventPosts
from serving.web.inspector.routes import OPEN, Inspector
from serving.web.inspector.routes import PATH as INSPECTOR
from serving.web.intake_metrics import IntakeMetrics
from serving.web.limits import CLIENTS, USERS, Limits
from serving.web.metric_table import OTHER, ROUTES, STATUSES
from serving.web.metrics import N_CELLS, REGION, Metrics, place
from serving.web.pages import RECOMMENDATIONS, build_pages
from serving.web.problems import FAILED, Problem
from serving.web.recommend import Recommend
from serving.web.release_metrics import ReleaseMetrics
from serving.web.shared_memory import SharedMemory
from serving.web.token_buckets import N_CELLS as N_BUCKETS

_log = logging.getLogger("daybreak.serving")
EVENT_POSITIONS = "event_positions"
"""The cells that say how far each worker's stream of events is."""
_ROUTES = {
    RECOMMENDATIONS: "recommendations",
    EVENTS_PATH: "events",
    "/healthz": "health",
    "/readyz": "health",
    "/metrics": "metrics",
    **dict.fromkeys(OPEN, "inspector"),
}
_REQUESTS = {
    route: {status: place("daybreak_requests", route, str(status)) for status in STATUSES}
    for route in ROUTES
}
_OTHER_REQUESTS = {route: place("daybreak_requests", route, OTHER) for route in ROUTES}
_SECONDS = {route: place("daybreak_request_seconds", route) for route in ROUTES}
_FIRST_LOOK_SECONDS = 5.0
"""Longest time that a worker looks for a release before it listens: one that takes a dead one's
place would refuse what the others could answer."""
_NEVER_REFUSED = frozenset({"health", "metrics"})
_OVERLOADED = Problem(
    503, "the server has more requests in progress than it can answer in time; come again",
    kind="overloaded", title="Overloaded", retry_after=1,
)  # fmt: skip


def shared_memory(n_workers: int) -> SharedMemory:
    """Returns the memory that all workers of one server see; made before they are forked."""
    sizes = {
        REGION: n_workers * N_CELLS, USERS: N_BUCKETS, CLIENTS: N_BUCKETS,
        EVENT_POSITIONS: n_workers,
    }  # fmt: skip
    return SharedMemory(n_workers, sizes)


class Application:
    """One worker process's application; made after the fork, so every map is its own."""

    def __init__(self, home: Home, settings: Settings, shared: SharedMemory) -> None:
        serving = settings.serving
        self._metrics = Metrics(shared, shared.claim_row())
        self._metrics.add("daybreak_worker_starts")
        releases, opened = ReleaseStore(home.releases), OpenReleases()
        self.current = CurrentRelease(
            releases,
            poll_seconds=serving.poll_seconds,
            retry_seconds=serving.retry_seconds,
            observer=ReleaseMetrics(self._metrics),
            opened=opened,
        )
        self._location = LocationWatch(
            home,
            settings.releases,
            settings.retention.grace_seconds,
            refused=lambda: set(self.current.refused),
            seen=lambda: self._metrics.state("daybreak_location_seen_at", time()),
            failed=lambda: self._metrics.add("daybreak_location_failures"),
            handing=HandingOver(home, settings.intake) if settings.intake.hand_over else None,
        )
        self._limits = Limits(shared, settings.limits, self._metrics)
        self._access: Access | None = None
        if settings.security.tokens:
            from serving.web.tokens import TokenVerifier  # its libraries are large

            self._access = Access(TokenVerifier(settings.security), self._limits)
        most = settings.limits.max_concurrency
        self._together = Concurrency(most)
        # Each their own: who looks at pages is not kept out by those who post, nor they by them.
        self._posting, self._looking = Waiting(most), Waiting(most)
        row, intake, positions = shared.row, settings.intake, shared.counts(EVENT_POSITIONS)
        told = IntakeMetrics(self._metrics)
        self._events = EventStream(home, row, intake, positions, told)
        self._recent = RecentActions(home, intake, positions, lambda: self.current.tombstones)
        self._impressions = ImpressionLog(home, row, intake, told)
        self._posts = EventPosts(
            intake, settings.ingest, self._events, self._known_tombstones, self._metrics
        )
        self.current.when_hidden(self._recent.forget)
        self.current.when_hidden(lambda _: self._events.seal_soon())
        self._recommend = Recommend(
            self.current, serving, self._limits, self._metrics, self._recent, self._impressions
        )
        inspector = Inspector(
            self.current, releases, opened, self._metrics, self._recent, serving.session_weight
        )
        self._pages = build_pages(self.current, self._metrics, self._missing, inspector)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to watch the release log, when the worker starts."""
        self._together.start(loop)
        self.current.start()
        self._location.start()
        self._events.start(loop)
        self._recent.start(loop)
        self._impressions.start()
        if self._access is not None:
            self._access.verifier.start()
        self.current.wait(_FIRST_LOOK_SECONDS)
        gc.collect()
        gc.freeze()  # what stands now stays: to walk it again stops all answers for 40 ms
        _stop_with_parent(loop, os.getppid())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the watch, when the worker stops."""
        self._events.stop()
        self._impressions.stop()
        if self._access is not None:
            self._access.verifier.stop()
        self._location.stop()
        self.current.stop()

    async def __rsgi__(self, scope: RsgiScope, protocol: RsgiProtocol) -> None:
        """Answers one request."""
        start = perf_counter_ns()
        route = _route(scope.path)
        answer: Problem | int
        try:
            caller = self._admitted(scope, route)
            if isinstance(caller, Problem):
                answer = caller
            elif route == "recommendations":
                answer = self._recommend(scope, protocol, caller)
            else:
                answer = await asyncio.create_task(self._waiting(scope, protocol, caller, route))
        except Exception:  # noqa: BLE001 - a fault of ours, whichever, is answered and counted
            _log.exception("a request failed")  # without its address: a user's id may stand there
            answer = FAILED
        if isinstance(answer, Problem):
            protocol.response_bytes(answer.status, *_rendered(answer))
            answer = answer.status
        self._metrics.cells[_REQUESTS[route].get(answer, _OTHER_REQUESTS[route])] += 1
        self._metrics.observe(_SECONDS[route], perf_counter_ns() - start)

    async def _waiting(
        self, scope: RsgiScope, protocol: RsgiProtocol, caller: Caller, route: str
    ) -> Problem | int:
        """Answers what may wait; in a task of asyncio's, which time-outs and threads ask for."""
        waiting = self._posting if route == "events" else self._looking
        if waiting.is_full and route not in _NEVER_REFUSED:
            return self._overloaded()
        with waiting:
            if route == "events":
                return await self._posts(scope, protocol, caller)
            return await respond(self._pages, scope, protocol, caller)

    def _admitted(self, scope: RsgiScope, route: str) -> Caller | Problem:
        """Returns who asks, or why nothing more is done for the request."""
        if not self._together.admits() and route not in _NEVER_REFUSED:
            return self._overloaded()
        caller: Caller | Problem = ANYONE
        if self._access is not None:
            is_list = route == "recommendations"
            caller = self._access.caller(scope) if is_list else self._access.to_page(scope)
        if isinstance(caller, Problem) or route in _NEVER_REFUSED:
            return caller
        return self._limits.client_refusal(scope, caller) or caller

    def _overloaded(self) -> Problem:
        self._metrics.add("daybreak_shed", "concurrency")
        return _OVERLOADED

    def _known_tombstones(self) -> Tombstones | None:
        return self.current.tombstones if self.current.knows_tombstones else None

    def _missing(self) -> Problem | None:
        return None if self._access is None else self._access.verifier.missing


@lru_cache(64)  # a refusal must cost little: under overload it is the same one thousands of times
def _rendered(problem: Problem) -> tuple[list[tuple[str, str]], bytes]:
    return list(problem.headers.items()), problem.to_bytes()


def _route(path: str) -> str:
    """Returns the name under which a path is counted."""
    known = _ROUTES.get(path)
    if known is not None:
        return known
    if path.startswith(INSPECTOR):
        return "inspector"
    is_similar = path.startswith("/v1/items/") and path.endswith("/similar")
    return "similar" if is_similar else "other"


def _stop_with_parent(loop: asyncio.AbstractEventLoop, parent: int) -> None:
    """Stops this worker once its parent is gone: an orphan would hold the port for ever."""
    if os.getppid() == parent:
        loop.call_later(1.0, _stop_with_parent, loop, parent)
    else:
        signal.raise_signal(signal.SIGTERM)
