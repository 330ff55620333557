"""The users' last actions, in a bounded memory."""

from collections.abc import Iterable, Sequence, Set
from typing import Literal

import msgspec

N_SEEN = 10
"""Items of a user that are remembered as seen."""
N_HIDDEN = 100
"""Items of a user that are remembered as hidden: more, for one that comes back offends."""
_SEEN = frozenset(("view", "click", "like", "purchase", "rating"))
_EVENT_IDS = 20_000
_NOTHING: frozenset[str] = frozenset()


class Action(msgspec.Struct):
    """What is remembered of an event."""

    event_id: str
    user_id: str
    item_id: str
    action: Literal["impression", "click", "view", "purchase", "rating", "like", "dislike", "hide"]


class ActionMemory:
    """Each user's last distinct items; the users who acted longest ago are forgotten first.

    Two generations of users stand for an order of all: who acts comes into the younger one, and
    when that holds half of what is allowed, the elder one goes. A user's items are one text: a line
    for each that was seen, newest first, and behind an empty line those hidden. So they take a
    third of a list's room.

    Args:
        n_users: most users.
        n_bytes: most bytes of those texts and of the users' ids in UTF-8, beside which Python takes
            some 130 a user. Who alone takes more than half of it is remembered nevertheless.
    """

    def __init__(self, n_users: int, n_bytes: int) -> None:
        self._half_users, self._half_bytes = max(1, n_users // 2), n_bytes // 2
        self._young: dict[str, bytes] = {}
        self._old: dict[str, bytes] = {}
        self._young_bytes = 0
        self._ids: set[int] = set()
        self._old_ids: set[int] = set()

    def __len__(self) -> int:
        """Returns for how many users something is remembered; those who act again count twice."""
        return len(self._young) + len(self._old)

    def note(self, actions: Iterable[Action]) -> None:
        """Remembers actions in their order; an event that is known by its id changes nothing.

        An item whose id is empty or holds a line break, as only a damaged line has it, is passed
        over.
        """
        for action in actions:
            if action.action == "impression" or self._is_known(action.event_id):
                continue
            user, item = action.user_id, action.item_id
            if not item or "\n" in item:
                continue
            seen, hidden = _items(self._young.get(user) or self._old.get(user, b""))
            if action.action in _SEEN:
                seen, hidden = [item, *_without(item, seen)[: N_SEEN - 1]], _without(item, hidden)
            else:
                seen, hidden = _without(item, seen), [item, *_without(item, hidden)[: N_HIDDEN - 1]]
            self._keep(user, _text(seen, hidden))

    def recent(self, user_id: str) -> tuple[Sequence[str], Set[str]]:
        """Returns a user's last items, newest first, and the items that the user hid."""
        text = self._young.get(user_id) or self._old.get(user_id)
        if text is None:
            return (), _NOTHING
        seen, hidden = _items(text)
        return seen, frozenset(hidden) if hidden else _NOTHING

    def users(self) -> list[str]:
        """Returns all users of whom something is remembered."""
        return [*self._young, *self._old]

    def forget(self, user_id: str) -> None:
        """Forgets a user; may be called from another thread."""
        self._young.pop(user_id, None)
        self._old.pop(user_id, None)

    def _keep(self, user: str, text: bytes) -> None:
        before = self._young.get(user)
        added = len(text) - len(before) if before else len(user.encode()) + len(text)
        n_users = len(self._young) + (before is None)
        if n_users > self._half_users or self._young_bytes + added > self._half_bytes:
            self._old, self._young, self._young_bytes = self._young, {}, 0
            added = len(user.encode()) + len(text)
        self._young[user] = text
        self._young_bytes += added

    def _is_known(self, event_id: str) -> bool:
        key = hash(event_id)
        if key in self._ids or key in self._old_ids:
            return True
        self._ids.add(key)
        if len(self._ids) >= _EVENT_IDS:
            self._old_ids, self._ids = self._ids, set()
        return False


def _text(seen: list[str], hidden: list[str]) -> bytes:
    parts = (seen, hidden) if hidden else (seen,)
    return "\n\n".join(map("\n".join, parts)).encode()


def _items(text: bytes) -> tuple[list[str], list[str]]:
    """Returns what was seen and what was hidden of a text, newest first."""
    seen, _, hidden = text.decode().partition("\n\n")
    return seen.split("\n") if seen else [], hidden.split("\n") if hidden else []


def _without(item: str, items: list[str]) -> list[str]:
    return [one for one in items if one != item] if item in items else items
