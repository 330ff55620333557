"""The release log: numbered entries, each created whole and once, that decide what is served."""

import uuid
from pathlib import Path
from typing import Any

from core.days import iso, now_us, parse_day
from core.entry_log import DiskFolder, EntryFolder, EntryLog
from core.errors import ReleaseConflict
from core.kill_points import reach
from core.release_standing import Action, ReleaseEntry, Standing

__all__ = ["Action", "ReleaseEntry", "ReleaseLog", "Standing"]


class ReleaseLog:
    """The entries under one folder; an entry that exists is never changed.

    Of several writers of the same entry one succeeds, and the others get ReleaseConflict.
    """

    def __init__(self, folder: Path | EntryFolder) -> None:
        self.folder = DiskFolder(folder) if isinstance(folder, Path) else folder
        self._log = EntryLog(self.folder, ReleaseEntry, "the release log")

    def last_seq(self) -> int:
        """Returns the highest entry number in the folder, without opening a file; 0 for none."""
        return self._log.last_seq()

    def entries(self) -> tuple[ReleaseEntry, ...]:
        """Returns all entries in order.

        Raises:
            IntegrityError: an entry is missing, empty, no JSON, altered or misnumbered.
        """
        return self._log.entries()

    def standing(self) -> Standing:
        """Returns what the log amounts to now; raises IntegrityError as `entries` does."""
        return Standing.after(self.entries())

    def current(self) -> str | None:
        """Returns the release that is to be served, or None where none stands."""
        candidates = self.standing().candidates
        return candidates[0].release if candidates else None

    def champion_before(self, as_of: str) -> str | None:
        """Returns the release that a release of `as_of` is held against, or None."""
        entry = self.standing().champion_before(parse_day(as_of).isoformat())
        return entry.release if entry else None

    def append(
        self,
        action: Action,
        release: str,
        as_of: str,
        *,
        reason: str,
        verdict: dict[str, Any] | None = None,
        content: str = "",
        expected_seq: int | None = None,
    ) -> ReleaseEntry:
        """Adds the next entry and returns it.

        Args:
            action: what is done.
            release: the release that it is done to.
            as_of: that release's as-of date.
            reason: why, in one line.
            verdict: the gate's result.
            content: hash over the release's bytes, where it is announced.
            expected_seq: the last entry that the caller has seen (0 for an empty log); the entry
                is added only if the log still ends there. Without it, the log's end now counts.

        Raises:
            ReleaseConflict: another writer took the place; read the log and decide again.
            GateRefused: the release, or one of the very same bytes, was rolled back.
            CheckFailed: the action would change nothing, or retire what is served.
            NotFound: a rollback or pin names a release that is not published.
            UnsafeName: the release's name could leave its folder.
            IntegrityError: the log is damaged.
            MachineFault: the entry could not be written; look at the log and decide again.
        """
        standing = self.standing()
        if expected_seq is not None and expected_seq != standing.seq:
            raise ReleaseConflict(
                f"the release log stands at entry {standing.seq}, not at {expected_seq}; "
                f"look at it again and repeat"
            )
        standing.check(action, release, content)
        entry = ReleaseEntry(
            seq=standing.seq + 1,
            action=action,
            release=release,
            as_of=parse_day(as_of).isoformat(),
            at=iso(now_us()),
            reason=reason,
            verdict=verdict,
            content=content,
            nonce=uuid.uuid4().hex,
        )
        reach("entry_about_to_be_created")
        if not self._log.create(entry):
            raise ReleaseConflict(
                f"another writer took entry {entry.seq} of the release log; "
                f"look at it again and repeat"
            )
        reach("entry_created")
        return entry
