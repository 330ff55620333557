"""The users' last actions, in a bounded memory."""

from collections.abc import Iterable, Sequence, Set
from typing import Literal

import msgspec

N_ITEMS = 10
"""Items of a user that are remembered as seen, and as many as hidden."""
_SEEN = frozenset(("view", "click", "like", "purchase", "rating"))
_HIDDEN = frozenset(("hide", "dislike"))
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
    when that holds half of what is allowed, the elder one goes. A user's items are one text,
    newest first, a line each, hidden ones marked: so they take a third of a list's room.

    Args:
        n_users: most users.
        n_bytes: most bytes of ids.
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

        An item whose id holds a line break, as only a damaged line has it, is passed over.
        """
        for action in actions:
            if action.action == "impression" or self._is_known(action.event_id):
                continue
            if "\n" in action.item_id:
                continue
            user, mark = action.user_id, "+" if action.action in _SEEN else "-"
            before = self._young.get(user)
            lines = (before or self._old.get(user, b"")).decode().split("\n")
            entry = f"{mark}{action.item_id}".encode()
            kept = {"+": 0, "-": 0, mark: 1}
            pieces = [entry]
            for line in lines:
                if line and line[1:] != action.item_id and kept[line[0]] < N_ITEMS:
                    kept[line[0]] += 1
                    pieces.append(line.encode())
            text = b"\n".join(pieces)
            self._young[user] = text
            self._young_bytes += len(text) - len(before) if before else len(user) + len(text)
            if len(self._young) >= self._half_users or self._young_bytes > self._half_bytes:
                self._old, self._young, self._young_bytes = self._young, {}, 0

    def recent(self, user_id: str) -> tuple[Sequence[str], Set[str]]:
        """Returns a user's last items, newest first, and the items that the user hid."""
        text = self._young.get(user_id) or self._old.get(user_id)
        if text is None:
            return (), _NOTHING
        lines = text.decode().split("\n")
        hidden = frozenset(line[1:] for line in lines if line[0] == "-")
        return [line[1:] for line in lines if line[0] == "+"], hidden

    def users(self) -> list[str]:
        """Returns all users of whom something is remembered."""
        return [*self._young, *self._old]

    def forget(self, user_id: str) -> None:
        """Forgets a user; may be called from another thread."""
        self._young.pop(user_id, None)
        self._old.pop(user_id, None)

    def _is_known(self, event_id: str) -> bool:
        key = hash(event_id)
        if key in self._ids or key in self._old_ids:
            return True
        self._ids.add(key)
        if len(self._ids) >= _EVENT_IDS:
            self._old_ids, self._ids = self._ids, set()
        return False
