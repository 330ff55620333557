"""Keeps the release that is served up to date with the release log."""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from core.errors import DaybreakError
from core.release_standing import ReleaseEntry
from core.release_store import ReleaseStore
from serving.reader import open_release
from serving.release import Release

_log = logging.getLogger("daybreak.serving")


@dataclass(frozen=True, slots=True)
class Served:
    """A release that answers, and the entry that published it."""

    release: Release
    entry: ReleaseEntry
    published_at: float

    @classmethod
    def of(cls, release: Release, entry: ReleaseEntry) -> "Served":
        """Returns the pair, the entry's time read once."""
        return cls(release, entry, _moment(entry))

    def age_seconds(self) -> int:
        """Returns how long ago the release was published; 0 where the clock went back."""
        return max(0, int(time.time() - self.published_at))


def age_seconds(entry: ReleaseEntry) -> int:
    """Returns how long ago an entry was made; 0 where the clock went back."""
    return max(0, int(time.time() - _moment(entry)))


def _moment(entry: ReleaseEntry) -> float:
    return datetime.fromisoformat(entry.at).timestamp()


class CurrentRelease:
    """One process's reference to the release that it serves, and the thread that swaps it.

    Requests read `served` once and answer from what they got; nothing locks. A candidate is
    verified in full beside the one that serves; if it is bad it is refused with a log line, and
    the next best candidate, or the one that already serves, stays.
    """

    def __init__(
        self, releases: ReleaseStore, *, poll_seconds: float, retry_seconds: float
    ) -> None:
        self.served: Served | None = None
        self.refused: dict[str, str] = {}
        self._releases = releases
        self._poll_seconds = poll_seconds
        self._retry_seconds = retry_seconds
        self._seen_seq = -1
        self._retry_at: dict[str, float] = {}
        self._last_complaint = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="release-watch", daemon=True)

    @property
    def is_ready(self) -> bool:
        """Whether there is a release to answer from, and the watch over it goes on."""
        return self.served is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begins to watch the log; the first release appears as soon as it is verified."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def refresh(self) -> None:
        """Looks at the log once and swaps to the best candidate that opens."""
        seq = self._releases.log.last_seq()
        is_due = any(time.monotonic() >= moment for moment in self._retry_at.values())
        if seq == self._seen_seq and not is_due:
            return
        candidates = self._releases.log.standing().candidates
        for entry in candidates:
            if self.served is not None and self.served.release.id == entry.release:
                break
            if self._try(entry):
                break
        standing = {entry.release for entry in candidates}
        self._retry_at = {k: v for k, v in self._retry_at.items() if k in standing}
        self.refused = {k: v for k, v in self.refused.items() if k in standing}
        self._seen_seq = seq

    def _try(self, entry: ReleaseEntry) -> bool:
        name = entry.release
        if time.monotonic() < self._retry_at.get(name, 0):
            return False
        try:
            release = open_release(self._releases.path(name))
        except (DaybreakError, OSError) as error:
            _log.error("release %s is refused: %s", name, error)
            self.refused[name] = str(error)
            self._retry_at[name] = time.monotonic() + self._retry_seconds
            return False
        self._retry_at.pop(name, None)
        self.refused.pop(name, None)
        if name not in {x.release for x in self._releases.log.standing().candidates}:
            _log.warning("release %s was rolled back while it was verified", name)
            return False
        self.served = Served.of(release, entry)
        _log.info("serving release %s", name)
        return True

    def _watch(self) -> None:
        while True:
            try:
                self.refresh()
                self._last_complaint = ""
            except (DaybreakError, OSError) as error:
                if str(error) != self._last_complaint:
                    _log.error("the release log can't be read, nothing changes: %s", error)
                self._last_complaint = str(error)
            if self._stopping.wait(self._poll_seconds):
                return
