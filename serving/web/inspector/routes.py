"""The inspector's addresses: data for services under `/inspector/`, and the open page itself."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import DaybreakError, NotFound
from core.release_store import ReleaseStore
from serving.current_release import CurrentRelease, Served
from serving.intake.recent_actions import RecentActions
from serving.open_releases import OpenReleases
from serving.release import Release
from serving.web.inspector.beside import Beside
from serving.web.inspector.items import item_page
from serving.web.inspector.lists import Asking
from serving.web.inspector.releases import head, other_releases
from serving.web.inspector.search import find
from serving.web.inspector.why_records import CannotRead, why, why_record
from serving.web.metrics import Metrics
from serving.web.parameters import parse_id, parse_prefix, parse_query, parse_recommendation
from serving.web.problems import NO_RELEASE, Problem
from serving.web.recommend import known_as

PATH = "/inspector/"
"""Below it lies what the page asks for."""
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/inspector.js": ("inspector.js", "text/javascript; charset=utf-8"),
    "/inspector.css": ("inspector.css", "text/css; charset=utf-8"),
}
OPEN = frozenset(_FILES)
"""What holds no data: the page, which asks for a token itself where one is needed."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_KEPT_SECONDS = 600
"""How long the other release stays open after somebody last compared."""
_T = TypeVar("_T")


class Refused(Exception):
    """A request is answered by a problem document instead."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Inspector:
    """Answers what the page asks, by the functions that answer everyone else.

    What reads files does so in two threads, one for each kind of work, never on the event loop.

    Args:
        current: the release that is served.
        releases: all that are kept.
        opened: those that this process has open.
        metrics: what the server counts.
        recent: what the intake saw of the users.
        weight: of what was just seen.
    """

    def __init__(
        self,
        current: CurrentRelease,
        releases: ReleaseStore,
        opened: OpenReleases,
        metrics: Metrics,
        recent: RecentActions,
        weight: float,
    ) -> None:
        self._current = current
        self._releases = releases
        self._metrics = metrics
        self._recent = recent
        self._weight = weight
        self._beside = Beside(releases, opened)
        self._closing: asyncio.TimerHandle | None = None
        self._reading = ThreadPoolExecutor(1, "inspector-reading")
        self._opening = ThreadPoolExecutor(1, "inspector-opening")

    def routes(self) -> list[Route]:
        """Returns every route of the inspector."""
        answers = (
            self.release, self.search, self.user, self.compare, self.why, self.item, self.takedown,
        )  # fmt: skip
        pages = [Route(path, _file(*named)) for path, named in _FILES.items()]
        return [*pages, *(Route(PATH + answer.__name__, answer) for answer in answers)]

    async def release(self, request: Request) -> Response:
        """Answers what is served, and what else is kept."""
        served = self._served()
        others = await self._in(self._reading, other_releases, self._releases, served.release.id)
        return _json(head(served, self._metrics, others))

    async def search(self, request: Request) -> Response:
        """Answers whose and which ids begin with `prefix`."""
        prefix = _good(parse_prefix(_fields(request).get("prefix", "")))
        return _json(find(self._served().release, self._current.tombstones, prefix))

    async def user(self, request: Request) -> Response:
        """Answers a user's last items and list."""
        served = self._served()
        return _json(self._asking(request).user(served.release, served.age_seconds()))

    async def compare(self, request: Request) -> Response:
        """Answers a user's lists from another release, named by `other`, and from the served."""
        asking = self._asking(request)
        other = await self._other(_fields(request).get("other", ""))
        return _json(asking.beside(other, self._served().release))

    async def why(self, request: Request) -> Response:
        """Answers why an item is on a user's list."""
        user_id, item_id = _id(request, "user_id"), _id(request, "item_id")
        alias = known_as(self._current.tombstones, user_id)
        release = self._served().release
        record = await self._in(self._reading, why_record, release.folder, alias, item_id)
        return _json(why(release, user_id, item_id, record))

    async def item(self, request: Request) -> Response:
        """Answers what the release says of an item."""
        release = self._served().release
        return _json(item_page(release, _number(release, _id(request, "item_id"))))

    async def takedown(self, request: Request) -> Response:
        """Answers what taking an item down would do to a user's list."""
        asking, release = self._asking(request), self._served().release
        return _json(asking.without(release, _number(release, _id(request, "item_id"))))

    def _served(self) -> Served:
        served = self._current.served
        if served is None:
            raise Refused(NO_RELEASE)
        return served

    def _asking(self, request: Request) -> Asking:
        asked = _good(parse_recommendation(request.scope["query_string"].decode()))
        self._recent.catch_up()
        return Asking(asked, self._current.tombstones, self._recent, self._weight)

    async def _other(self, name: str) -> Release:
        served = self._served().release.id
        if self._closing is not None:
            self._closing.cancel()
        try:
            return await self._in(self._opening, self._beside.open, name, served)
        finally:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(_KEPT_SECONDS, self._beside.close)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[..., _T], *arguments: Any) -> _T:
        """Returns what some work gives that reads files; its known errors become problems."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(pool, work, *arguments)
        except NotFound as error:
            raise Refused(Problem(404, str(error))) from None
        except CannotRead as error:
            raise Refused(Problem(501, str(error))) from None
        except (DaybreakError, OSError) as error:
            raise Refused(Problem(500, str(error))) from error


def _fields(request: Request) -> dict[str, str]:
    return _good(parse_query(request.scope["query_string"].decode()))


def _id(request: Request, name: str) -> str:
    return _good(parse_id(_fields(request).get(name, ""), name))


def _number(release: Release, item_id: str) -> int:
    number = release.item_num(item_id)
    if number is None:
        raise Refused(Problem(404, f"item {item_id[:80]!r} is not in release {release.id}"))
    return number


def _good(value: _T | Problem) -> _T:
    if isinstance(value, Problem):
        raise Refused(value)
    return value


def _json(value: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _file(name: str, media_type: str) -> Callable[[Request], Any]:
    content = Path(__file__).with_name(name).read_bytes()

    async def answer(request: Request) -> Response:
        headers = {"content-security-policy": _POLICY}
        return Response(content, headers=headers, media_type=media_type)

    return answer
