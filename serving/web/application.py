"""The server's one application: the hot path bare, the rest behind an adapter."""

import asyncio
import os
import signal

from core.home import Home
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from core.security_settings import SecuritySettings
from core.serving_settings import ServingSettings
from serving.answer import recommendations
from serving.current_release import CurrentRelease
from serving.ladder import choose
from serving.location_watch import LocationWatch
from serving.web.access import Access
from serving.web.asgi_adapter import RsgiProtocol, RsgiScope, respond
from serving.web.callers import ANYONE, NOT_YOURS, Caller
from serving.web.pages import RECOMMENDATIONS, build_pages
from serving.web.parameters import parse_recommendation
from serving.web.problems import NO_RELEASE, Problem
from serving.web.request_counts import RequestCounts
from serving.web.response_headers import JSON


class Application:
    """One worker process's application; made after the fork, so every map is its own."""

    def __init__(
        self,
        home: Home,
        settings: ServingSettings,
        releases: ReleaseSettings,
        grace_seconds: float,
        security: SecuritySettings,
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
        self._access: Access | None = None
        if security.tokens:
            from serving.web.tokens import TokenVerifier  # its libraries are large

            self._access = Access(TokenVerifier(security))
        self._pages = build_pages(self.current, self.counts, self._missing)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to watch the release log, when the worker starts."""
        self.current.start()
        self._location.start()
        if self._access is not None:
            self._access.verifier.start()
        _stop_with_parent(loop, os.getppid())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the watch, when the worker stops."""
        if self._access is not None:
            self._access.verifier.stop()
        self._location.stop()
        self.current.stop()

    async def __rsgi__(self, scope: RsgiScope, protocol: RsgiProtocol) -> None:
        """Answers one request."""
        if scope.path != RECOMMENDATIONS:
            caller = ANYONE if self._access is None else self._access.to_page(scope)
            if isinstance(caller, Problem):
                status = _send_problem(protocol, caller)
            else:
                status = await respond(self._pages, scope, protocol, caller)
        elif scope.method in ("GET", "HEAD"):
            if self._access is None:
                status = self._recommend(scope.query_string, protocol, ANYONE)
            else:
                status = self._recommend_to_caller(self._access, scope, protocol)
        else:
            detail = f"{scope.method} {RECOMMENDATIONS} is not served here; use GET"
            status = _send_problem(protocol, Problem(405, detail), ("allow", "GET, HEAD"))
        self.counts.statuses[status] += 1

    def _recommend_to_caller(self, access: Access, scope: RsgiScope, protocol: RsgiProtocol) -> int:
        caller = access.caller(scope)
        if isinstance(caller, Problem):
            return _send_problem(protocol, caller)
        return self._recommend(scope.query_string, protocol, caller)

    def _recommend(self, query: str, protocol: RsgiProtocol, caller: Caller) -> int:
        asked = parse_recommendation(query)
        if isinstance(asked, Problem):
            return _send_problem(protocol, asked)
        if caller is not ANYONE and not caller.may_read(asked.user_id):
            return _send_problem(protocol, NOT_YOURS)
        served = self.current.served
        if served is None:
            return _send_problem(protocol, NO_RELEASE)
        # No release knows the empty id, so a hidden user gets what any stranger does.
        known_as = "" if self.current.tombstones.hides(asked.user_id) else asked.user_id
        choice = choose(served.release, known_as, asked.count, asked.genres)
        body = recommendations(served.release, asked.user_id, choice, served.age_seconds())
        self.counts.rungs[choice.rung] += 1
        protocol.response_bytes(200, JSON, body)
        return 200

    def _missing(self) -> Problem | None:
        return None if self._access is None else self._access.verifier.missing


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
