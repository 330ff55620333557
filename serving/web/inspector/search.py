"""Finds users and items by how their ids begin."""

from itertools import islice

import msgspec

from core.tombstones import Tombstones
from serving.release import Release
from serving.web.inspector.items import ItemCard, item_card

MOST_USERS, MOST_ITEMS = 20, 5
_LOOKED_AT = 2_000
"""Ids that one search reads at most: were all of them hidden, it would find none of the others."""


class FoundUser(msgspec.Struct):
    """A user with a record: how many rows their own list has, how many last items are known."""

    user_id: str
    n_rows: int
    n_recent: int


class Found(msgspec.Struct):
    """The first users and items whose ids begin so, and whether there are more."""

    prefix: str
    users: list[FoundUser]
    more_users: bool
    items: list[ItemCard]
    more_items: bool


def find(release: Release, tombstones: Tombstones, prefix: str) -> Found:
    """Returns who and what a release knows by the beginning of an id; nobody who is hidden."""
    seen = islice(release.user_ids(prefix), _LOOKED_AT)
    users = list(islice((x for x in seen if not tombstones.hides(x)), MOST_USERS + 1))
    items = list(islice(release.item_ids(prefix), MOST_ITEMS + 1))
    numbers = (release.item_num(item_id) for item_id in items[:MOST_ITEMS])
    return Found(
        prefix=prefix,
        users=[_user(release, user_id) for user_id in users[:MOST_USERS]],
        more_users=len(users) > MOST_USERS,
        items=[item_card(release, number) for number in numbers if number is not None],
        more_items=len(items) > MOST_ITEMS,
    )


def _user(release: Release, user_id: str) -> FoundUser:
    record = release.user(user_id)
    assert record is not None  # its key was just read
    return FoundUser(user_id, record.n_rows, len(record.recent))
