"""The release log: numbered entries, each created whole and once, that decide what is served."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from core.days import iso, now_us, parse_day
from core.durable import create_file
from core.errors import IntegrityError, ReleaseConflict
from core.ids import canonical_json, digest, safe_name
from core.release_standing import Action, ReleaseEntry, Standing

__all__ = ["Action", "ReleaseEntry", "ReleaseLog", "Standing"]

_ENTRY = re.compile(r"([0-9]{8})\.json")


class ReleaseLog:
    """The entries under one folder; an entry that exists is never changed.

    Creating the next number is the compare-and-swap: of several writers one succeeds, and the
    others get ReleaseConflict. Entries already read are kept, as they can't change.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: list[ReleaseEntry] = []

    def last_seq(self) -> int:
        """Returns the highest entry number in the folder, without opening a file; 0 for none."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return 0
        return max((int(m[1]) for m in map(_ENTRY.fullmatch, names) if m), default=0)

    def entries(self) -> tuple[ReleaseEntry, ...]:
        """Returns all entries in order.

        Raises:
            IntegrityError: an entry is missing, empty, no JSON, altered or misnumbered.
        """
        last = self.last_seq()
        for seq in range(len(self._known) + 1, last + 1):
            self._known.append(self._read(seq))
        return tuple(self._known[:last])

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
        expected_seq: int | None = None,
    ) -> ReleaseEntry:
        """Adds the next entry and returns it.

        Args:
            action: what is done.
            release: the release that it is done to.
            as_of: that release's as-of date.
            reason: why, in one line.
            verdict: the gate's result.
            expected_seq: the last entry that the caller has seen (0 for an empty log); the entry
                is added only if the log still ends there. Without it, the log's end now counts.

        Raises:
            ReleaseConflict: another writer took the place; read the log and decide again.
            GateRefused: the release was rolled back and is barred.
            CheckFailed: the action would change nothing.
            NotFound: a rollback or pin names a release that is not published.
            IntegrityError: the log is damaged.
        """
        safe_name(release)
        standing = self.standing()
        if expected_seq is not None and expected_seq != standing.seq:
            raise ReleaseConflict(
                f"the release log stands at entry {standing.seq}, not at {expected_seq}; "
                f"look at it again and repeat"
            )
        standing.check(action, release)
        day = parse_day(as_of).isoformat()
        entry = ReleaseEntry(standing.seq + 1, action, release, day, iso(now_us()), reason, verdict)
        body = asdict(entry)
        content = canonical_json({**body, "checksum": digest(body)}) + b"\n"
        if not create_file(self._path(entry.seq), content):
            raise ReleaseConflict(
                f"another writer took entry {entry.seq} of the release log; "
                f"look at it again and repeat"
            )
        return entry

    def _path(self, seq: int) -> Path:
        return self.folder / f"{seq:08d}.json"

    def _read(self, seq: int) -> ReleaseEntry:
        path = self._path(seq)
        try:
            body = msgspec.json.decode(path.read_bytes())
            checksum = body.pop("checksum")
            if digest(body) != checksum or body["seq"] != seq:
                raise IntegrityError(f"{path} was altered; restore it from a copy of the log")
            return msgspec.convert(body, ReleaseEntry)
        except OSError as error:
            raise IntegrityError(
                f"{path} cannot be read ({error.strerror}); restore it from a copy of the log"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IntegrityError(
                f"{path} is no release log entry ({error}); restore it from a copy of the log"
            ) from error
