"""What the release log amounts to: which releases stand, which are barred, which one is current."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import CheckFailed, GateRefused, NotFound
from core.ids import safe_name

Action = Literal["publish", "archive", "rollback", "pin", "unpin", "retire"]
Status = Literal["published", "archived", "barred", "retired"]


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """One line of the release log.

    Attributes:
        seq: its number, from 1 without gaps.
        action: what was done.
        release: the release that it was done to.
        as_of: that release's as-of date, `YYYY-MM-DD`.
        at: when, ISO 8601 in UTC.
        reason: why, in one line for people.
        verdict: the gate's result, where a gate was asked, and the versions it was reached from.
        content: hash over the bytes of the release's files, where it was announced.
        nonce: random, so that a writer whose answer was lost knows its own entry again.
    """

    seq: int
    action: Action
    release: str
    as_of: str
    at: str
    reason: str
    verdict: dict[str, Any] | None = None
    content: str = ""
    nonce: str = ""


@dataclass(frozen=True)
class Standing:
    """The state after a number of entries.

    Attributes:
        seq: the last entry's number; 0 for an empty log.
        published: the latest publish entry of every release that was ever published.
        archived: the latest archive entry of every release that was archived and not published.
        barred: the rollback entry of every release that was rolled back; it stays out for ever.
        retired: the retire entry of every release that is about to be deleted, or is.
        pinned: the release that is current whatever its date.
    """

    seq: int
    published: dict[str, ReleaseEntry]
    archived: dict[str, ReleaseEntry]
    barred: dict[str, ReleaseEntry]
    retired: dict[str, ReleaseEntry]
    pinned: str | None

    @classmethod
    def after(cls, entries: Iterable[ReleaseEntry]) -> "Standing":
        """Returns the state after the entries, given in order."""
        seq, pinned = 0, None
        published: dict[str, ReleaseEntry] = {}
        archived: dict[str, ReleaseEntry] = {}
        barred: dict[str, ReleaseEntry] = {}
        retired: dict[str, ReleaseEntry] = {}
        for entry in entries:
            seq = entry.seq
            if entry.action == "publish":
                published[entry.release] = entry
                archived.pop(entry.release, None)
            elif entry.action == "archive":
                archived[entry.release] = entry
            elif entry.action == "pin":
                pinned = entry.release
            elif entry.action == "unpin":
                pinned = None
            elif entry.action == "retire":
                retired[entry.release] = entry
            else:
                barred[entry.release] = entry
                pinned = None if pinned == entry.release else pinned
        return cls(seq, published, archived, barred, retired, pinned)

    def status(self, release: str) -> Status | None:
        """Returns where a release stands; None for one that the log does not know."""
        if release in self.barred:
            return "barred"
        if release in self.retired:
            return "retired"
        if release in self.published:
            return "published"
        return "archived" if release in self.archived else None

    @property
    def candidates(self) -> tuple[ReleaseEntry, ...]:
        """The publish entries that may be current, best first.

        A pinned release leads; then the greatest as-of date, the latest entry among equals.
        """
        standing = [x for name, x in self.published.items() if not self._is_out(name)]
        return tuple(
            sorted(standing, key=lambda x: (x.release == self.pinned, x.as_of, x.seq), reverse=True)
        )

    def champion_before(self, as_of: str) -> ReleaseEntry | None:
        """Returns the entry of the release in force with the greatest as-of date before a date.

        Archived ones count, so each date of a backfill is held against the date before it; of
        one date's releases a published one goes before an archived one, then the latest entry.
        """
        known = [*self.published.values(), *self.archived.values()]
        before = [x for x in known if x.as_of < as_of and not self._is_out(x.release)]
        return max(before, key=lambda x: (x.as_of, x.action == "publish", x.seq), default=None)

    def placement(self, as_of: str) -> Literal["publish", "archive"]:
        """Returns how a good release of a date is logged: `archive` where a newer one stands."""
        newest = max((x.as_of for x in self.candidates), default="")
        return "archive" if as_of < newest else "publish"

    def check(self, action: Action, release: str, content: str = "") -> None:
        """Checks that an action makes sense now.

        Args:
            action: what is to be done.
            release: the release that it is to be done to.
            content: hash over its bytes, where it is to be announced.

        Raises:
            GateRefused: the release, or one of the very same bytes, was rolled back and is to
                come back.
            CheckFailed: the action would change nothing, would bring back what was retired, or
                would retire what is served.
            NotFound: it names a release that is not published.
            UnsafeName: it is no name of a release.
        """
        status = self.status(safe_name(release))
        if action == "retire":
            current = self.candidates[0].release if self.candidates else None
            if release in self.retired:
                raise CheckFailed(f"release {release} is retired already")
            if release in (self.pinned, current):
                raise CheckFailed(f"release {release} is served and can't be retired")
        elif action == "unpin":
            if release != self.pinned:
                raise CheckFailed(
                    f"release {release} is not pinned; see `daybreak release current`"
                )
        elif status == "barred":
            raise self._barred(release)
        elif action in ("publish", "archive"):
            self._check_announcement(action, release, content)
        elif status != "published":
            was = "was retired" if status == "retired" else "is not published"
            raise NotFound(f"release {release} {was}; see `daybreak release list`")
        elif action == "pin" and release == self.pinned:
            raise CheckFailed(f"release {release} is pinned already")

    def _check_announcement(self, action: Action, release: str, content: str) -> None:
        status = self.status(release)
        for name in self.barred:
            announced = self.published.get(name)
            if content and announced is not None and announced.content == content:
                raise self._barred(name, f"{release} has the very bytes of another: ")
        if status == "retired":
            entry = self.retired[release]
            raise CheckFailed(
                f"release {release} was retired by entry {entry.seq} ({entry.reason}), and its id "
                "does not come back"
            )
        if status == "published":
            seq = self.published[release].seq
            raise CheckFailed(f"release {release} is published already, by entry {seq}")
        if status == "archived" and action == "archive":
            seq = self.archived[release].seq
            raise CheckFailed(f"release {release} is archived already, by entry {seq}")

    def _barred(self, release: str, told: str = "") -> GateRefused:
        entry = self.barred[release]
        return GateRefused(
            f"{told}release {release} was rolled back by entry {entry.seq} ({entry.reason}) and "
            f"is barred; mend its data or settings and run its date again"
        )

    def _is_out(self, release: str) -> bool:
        return release in self.barred or release in self.retired
