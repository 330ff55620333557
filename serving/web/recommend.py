"""The hot path: one list, looked up and joined, in a few microseconds."""

from collections.abc import Iterable, Sequence, Set

from core.serving_settings import ServingSettings
from core.tombstones import Tombstones
from serving.answer import recommendations
from serving.choice import Choice
from serving.current_release import CurrentRelease
from serving.intake.impressions import ImpressionLog
from serving.intake.recent_actions import RecentActions
from serving.ladder import choose
from serving.release import Release
from serving.web.asgi_adapter import RsgiProtocol, RsgiScope
from serving.web.callers import ANYONE, NOT_YOURS, Caller
from serving.web.limits import Limits
from serving.web.metrics import Metrics, place
from serving.web.parameters import RecommendationRequest, parse_recommendation
from serving.web.problems import NO_RELEASE, Problem
from serving.web.response_headers import JSON

_NOT_SO = Problem(405, "lists are only read; use GET /v1/recommendations", allow="GET, HEAD")
_ANSWERS = {
    rung: place("daybreak_answers", rung) for rung in ("personal", "session", "segment", "trending")
}
_ITEMS = {rung: place("daybreak_items", rung) for rung in _ANSWERS}
_NONE: frozenset[int] = frozenset()
_SHORT = place("daybreak_short_answers")


class Recommend:
    """Answers `GET /v1/recommendations` from the release in memory and nothing else."""

    def __init__(
        self,
        current: CurrentRelease,
        settings: ServingSettings,
        limits: Limits,
        metrics: Metrics,
        recent: RecentActions,
        impressions: ImpressionLog,
    ) -> None:
        self._recent = recent
        self._impressions = impressions
        self._current = current
        self._weight = settings.session_weight
        self._limits = limits
        self._cells = metrics.cells

    def __call__(self, scope: RsgiScope, protocol: RsgiProtocol, caller: Caller) -> Problem | int:
        """Sends the list that a request asks for and returns 200; or returns why it gets none."""
        if scope.method not in ("GET", "HEAD"):
            return _NOT_SO
        asked = parse_recommendation(scope.query_string)
        if isinstance(asked, Problem):
            return asked
        user_id = asked.user_id
        if caller is not ANYONE and not caller.may_read(user_id):
            return NOT_YOURS
        if (refusal := self._limits.user_refusal(user_id)) is not None:
            return refusal
        current = self._current
        served = current.served
        if served is None:
            return NO_RELEASE
        release = served.release
        known = known_as(current.tombstones, user_id)
        self._recent.catch_up()
        choice = choice_for(release, known, asked, self._recent.recent(known), self._weight)
        body = recommendations(release, user_id, choice, served.age_seconds())
        protocol.response_bytes(200, JSON, body)
        if known and choice.items and scope.method == "GET":  # a HEAD shows nobody anything
            self._impressions.note(known, release, choice)
        cells, rungs = self._cells, choice.rungs
        cells[_ANSWERS[choice.rung]] += 1
        if rungs and rungs[0] is rungs[-1]:
            cells[_ITEMS[choice.rung]] += len(rungs)
        else:
            for rung in rungs:
                cells[_ITEMS[rung]] += 1
        if len(rungs) < asked.count:
            cells[_SHORT] += 1
        return 200


def known_as(tombstones: Tombstones, user_id: str) -> str:
    """Returns by which id to look a user up: no release knows the empty one, of who is hidden."""
    return "" if tombstones.hides(user_id) else user_id


def choice_for(
    release: Release,
    user_id: str,
    asked: RecommendationRequest,
    recent: tuple[Sequence[str], Set[str]],
    weight: float,
) -> Choice:
    """Returns what a request gets from a release.

    Args:
        release: where to look.
        user_id: as `known_as` has it.
        asked: all the rest of the request.
        recent: what the intake saw of them, see `RecentActions.recent`.
        weight: of what was just seen.
    """
    seen, hidden = recent
    # What the caller says of the session stands for what the intake saw of it.
    session = tuple(reversed(asked.session)) or seen
    return choose(
        release, user_id, asked.count, asked.genres, weight=weight,
        seeds=_numbers(release, session) if session else (),
        gone=frozenset(_numbers(release, (*seen, *hidden))) if seen or hidden else _NONE,
    )  # fmt: skip


def _numbers(release: Release, item_ids: Iterable[str]) -> list[int]:
    """Returns the numbers of the items that the release knows, in the order given."""
    found = (release.item_num(item_id) for item_id in item_ids)
    return [number for number in dict.fromkeys(found) if number is not None]
