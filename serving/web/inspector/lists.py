"""Lists as the inspector shows them: the very rows of an answer, alone or two beside each other."""

import msgspec

from core.tombstones import Tombstones
from serving.answer import item_rows
from serving.intake.recent_actions import RecentActions
from serving.release import Release
from serving.web.inspector.items import ItemCard, category_of, item_card, takedown_command
from serving.web.parameters import RecommendationRequest
from serving.web.recommend import choice_for, known_as


class Reason(msgspec.Struct):
    """Why a row is shown, as an answer says it."""

    type: str
    source_item_id: str | None
    text: str
    origin: str


class ShownRow(msgspec.Struct):
    """One row of an answer, and two things more.

    Attributes:
        category: the item's primary category.
        other_rank: its place in the list that this one is compared with; None where it lacks it.
    """

    item_id: str
    title: str | None
    rank: int
    score: float
    rung: str
    reason: Reason
    category: str | None = None
    other_rank: int | None = None


class ShownList(msgspec.Struct):
    """What a user gets from a release; `is_known` says whether the release has a record of them."""

    release: str
    is_known: bool
    rung: str
    items: list[ShownRow]


class UserPage(msgspec.Struct):
    """A user, and the list, compared with what they get without `session` and `genres`.

    Attributes:
        user_id: the user.
        age_seconds: the release's age.
        seen: the items that the intake saw them touch since, the newest first.
        recent: their last items as the release has them, the newest first.
        segments: what they said they like.
        list: what they get.
    """

    user_id: str
    age_seconds: int
    seen: list[ItemCard]
    recent: list[ItemCard]
    segments: list[str]
    list: ShownList


class Comparison(msgspec.Struct):
    """One user's lists before and after, each compared with the other."""

    user_id: str
    before: ShownList
    after: ShownList


class Takedown(msgspec.Struct):
    """What taking an item down would do to one user's list, and the command that does it."""

    item: ItemCard
    command: str
    lists: Comparison


class Asking:
    """One request, asked of any release by the functions that answer `/v1/recommendations`.

    Args:
        asked: the request.
        tombstones: who and what is hidden.
        recent: what the intake saw of all users, caught up.
        weight: of what was just seen.
    """

    def __init__(
        self,
        asked: RecommendationRequest,
        tombstones: Tombstones,
        recent: RecentActions,
        weight: float,
    ) -> None:
        self.asked = asked
        self._known_as = known_as(tombstones, asked.user_id)
        self._hidden = tombstones.items
        self._recent = recent.recent(self._known_as)
        self._weight = weight

    def user(self, release: Release, age_seconds: int) -> UserPage:
        """Returns the user and the list."""
        record = release.user(self._known_as)
        asked = self.asked
        plain = self._list(release, RecommendationRequest(asked.user_id, asked.count))
        shown = self._list(release, asked)
        _compare(plain, shown)
        seen = map(release.item_num, self._recent[0])
        return UserPage(
            user_id=asked.user_id,
            age_seconds=age_seconds,
            seen=[item_card(release, item) for item in seen if item is not None],
            recent=[item_card(release, item) for item in (record.recent if record else [])],
            segments=[release.layout.segments[n] for n in (record.segments if record else [])],
            list=shown,
        )

    def beside(self, before: Release, after: Release) -> Comparison:
        """Returns the lists from two releases."""
        lists = [
            self._list(release.hiding(self._hidden), self.asked) for release in (before, after)
        ]
        _compare(*lists)
        return Comparison(self.asked.user_id, *lists)

    def without(self, release: Release, item: int) -> Takedown:
        """Returns the list as it is and as it were with an item, given by its number, taken down.

        Nothing is written: the second list comes from a view of the release that hides one more.
        """
        card = item_card(release, item)
        lists = [
            self._list(view, self.asked)
            for view in (release, release.hiding(self._hidden | {card.item_id}))
        ]
        _compare(*lists)
        return Takedown(
            card, takedown_command(card.item_id), Comparison(self.asked.user_id, *lists)
        )

    def _list(self, release: Release, asked: RecommendationRequest) -> ShownList:
        choice = choice_for(release, self._known_as, asked, self._recent, self._weight)
        rows = msgspec.json.decode(item_rows(release, choice), type=list[ShownRow])
        for row, item in zip(rows, choice.items, strict=True):
            row.category = category_of(release, item)
        is_known = release.user(self._known_as) is not None
        return ShownList(release.id, is_known, choice.rung, rows)


def _compare(one: ShownList, two: ShownList) -> None:
    """Writes into each row of two lists its place in the other."""
    for mine, others in ((one, two), (two, one)):
        ranks = {row.item_id: row.rank for row in others.items}
        for row in mine.items:
            row.other_rank = ranks.get(row.item_id)
