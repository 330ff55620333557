"""The server's one application: the hot path bare, the rest behind an adapter."""

import asyncio
import os
import signal

from core.home import Home
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.serving_settings import ServingSettings
from serving.answer import recommendations
from serving.current_release import CurrentRelease
from serving.ladder import choose
from serving.location_watch import LocationWatch
from serving.web.asgi_adapter import RsgiProtocol, RsgiScope, respond
from serving.web.pages import RECOMMENDATIONS, build_pages
from serving.web.parameters import parse_recommendation
from serving.web.problems import NO_RELEASE, Problem
from serving.web.request_counts import RequestCounts

_JSON = [("content-type", "application/json"), ("cache-control", "no-store")]


class Application:
    """One worker process's application; made after the fork, so every map is its own."""

    def __init__(
        self,
        home: Home,
        settings: ServingSettings,
        releases: ReleaseSettings,
        grace_seconds: float,
    ) -> None:
        self.current = CurrentRelease(
            ReleaseStore(home.releases),
            poll_seconds=settings.poll_seconds,
            retry_seconds=settings.retry_seconds,
        )
        self._location = LocationWatch(
            home, releases, grace_seconds, refused=lambda: set(self.current.refused)
        )
        self.counts = RequestCounts()
        self._pages = build_pages(self.current, self.counts)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to watch the release log, when the worker starts."""
        self.current.start()
        self._location.start()
        _stop_with_parent(loop, os.getppid())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the watch, when the worker stops."""
        self._location.stop()
        self.current.stop()

    async def __rsgi__(self, scope: RsgiScope, protocol: RsgiProtocol) -> None:
        """Answers one request."""
        if scope.path != RECOMMENDATIONS:
            status = await respond(self._pages, scope, protocol)
        elif scope.method in ("GET", "HEAD"):
            status = self._recommend(scope.query_string, protocol)
        else:
            detail = f"{scope.method} {RECOMMENDATIONS} is not served here; use GET"
            status = _send_problem(protocol, Problem(405, detail), ("allow", "GET, HEAD"))
        self.counts.statuses[status] += 1

    def _recommend(self, query: str, protocol: RsgiProtocol) -> int:
        asked = parse_recommendation(query)
        if isinstance(asked, Problem):
            return _send_problem(protocol, asked)
        served = self.current.served
        if served is None:
            return _send_problem(protocol, NO_RELEASE)
        # No release knows the empty id, so a hidden user gets what any stranger does.
        known_as = "" if self.current.tombstones.hides(asked.user_id) else asked.user_id
        choice = choose(served.release, known_as, asked.count, asked.genres)
        body = recommendations(served.release, asked.user_id, choice, served.age_seconds())
        self.counts.rungs[choice.rung] += 1
        protocol.response_bytes(200, _JSON, body)
        return 200


def _send_problem(protocol: RsgiProtocol, problem: Problem, *headers: tuple[str, str]) -> int:
    named = [*problem.headers.items(), *headers]
    protocol.response_bytes(problem.status, named, problem.to_bytes())
    return problem.status


def _stop_with_parent(loop: asyncio.AbstractEventLoop, parent: int) -> None:
    """Stops this worker once its parent is gone: an orphan would hold the port for ever."""
    if os.getppid() == parent:
        loop.call_later(1.0, _stop_with_parent, loop, parent)
    else:
        signal.raise_signal(signal.SIGTERM)
