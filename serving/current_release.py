"""Keeps the release that is served up to date with the release log."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.errors import DaybreakError, NotFound
from core.release_standing import ReleaseEntry
from core.release_store import ReleaseStore
from core.tombstones import Tombstones
from serving.open_releases import OpenReleases
from serving.release import Release

_TOMBSTONE_SECONDS = 1.0
"""Longest pause between two looks at the tombstones: they must be in force within two seconds."""
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


class Observer(Protocol):
    """Is told what the watch over the releases does."""

    def swapped(self, served: Served, seconds: float) -> None:
        """A release begins to be served; opening and verifying it took so long."""

    def looked(self, n_refused: int) -> None:
        """The log was read, and so many standing releases are refused."""

    def failed(self) -> None:
        """A log could not be read."""


class _Unobserved:
    def swapped(self, served: Served, seconds: float) -> None: ...

    def looked(self, n_refused: int) -> None: ...

    def failed(self) -> None: ...


class CurrentRelease:
    """One process's reference to the release that it serves, and the thread that swaps it.

    Requests read `served` once and answer from what they got; nothing locks. A candidate is
    verified in full beside the one that serves; if it is bad it is refused with a log line, and
    the next best candidate, or the one that already serves, stays.

    The tombstones are read before the release log, and apply to whatever is served. While they
    can't be read nothing changes: a server that had none yet answers nothing.

    Attributes:
        served: what answers; None until there is a release and the tombstones are known.
        tombstones: who and what is hidden.
        refused: standing releases that did not verify, and why.
    """

    def __init__(
        self,
        releases: ReleaseStore,
        *,
        poll_seconds: float,
        retry_seconds: float,
        observer: Observer | None = None,
        opened: OpenReleases | None = None,
    ) -> None:
        self._observer = observer or _Unobserved()
        self._opened = opened or OpenReleases()
        self.served: Served | None = None
        self.tombstones = Tombstones()
        self.refused: dict[str, str] = {}
        self._releases = releases
        self._when_hidden: list[Callable[[Tombstones], None]] = []
        self._retry_seconds = retry_seconds
        self._seen_seq = -1
        self._seen_tombstone = -1
        self._retry_at: dict[str, float] = {}
        self._looked = threading.Event()
        self._stopping = threading.Event()
        self._hiding = threading.Lock()
        # Apart, for a release that takes long to verify must not delay the tombstones.
        tombstone_seconds = min(poll_seconds, _TOMBSTONE_SECONDS)
        self._threads = [
            _watcher("release-watch", self._watch, self._look, poll_seconds),
            _watcher("tombstone-watch", self._watch, self.hide, tombstone_seconds),
        ]

    @property
    def is_ready(self) -> bool:
        """Whether there is a release to answer from, and the watch over it goes on."""
        return self.served is not None and all(thread.is_alive() for thread in self._threads)

    @property
    def knows_tombstones(self) -> bool:
        """Whether the tombstones were read once; before, nobody is known to be hidden."""
        return self._seen_tombstone >= 0

    def when_hidden(self, act: Callable[[Tombstones], None]) -> None:
        """Calls `act` from the watch's thread each time that more is hidden, or less."""
        self._when_hidden.append(act)

    def start(self) -> None:
        """Begins to watch the log; the first release appears as soon as it is verified."""
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits until the log was looked at once, however that ended; returns whether it was."""
        return self._looked.wait(seconds)

    def stop(self) -> None:
        """Ends the watch."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def refresh(self) -> None:
        """Looks at both logs once, hides what they say and swaps to the best that opens.

        Raises:
            IntegrityError: a log is damaged; what was served and hidden stays so.
        """
        self.hide()
        seq = self._releases.log.last_seq()
        is_due = any(time.monotonic() >= moment for moment in self._retry_at.values())
        if seq == self._seen_seq and not is_due and self._is_newest():
            return
        candidates = self._releases.log.standing().candidates
        for entry in candidates:
            is_served = self.served is not None and self.served.release.id == entry.release
            if is_served and self._is_newest():
                break
            if self._try(entry):
                break
        standing = {entry.release for entry in candidates}
        self._retry_at = {k: v for k, v in self._retry_at.items() if k in standing}
        self.refused = {k: v for k, v in self.refused.items() if k in standing}
        self._seen_seq = seq
        self._observer.looked(len(self.refused))

    def hide(self) -> None:
        """Looks at the tombstones once, and hides what they say.

        Raises:
            IntegrityError: their log is damaged; what was hidden stays so.
        """
        with self._hiding:
            seq = self._releases.tombstones.last_seq()
            if seq == self._seen_tombstone:
                return
            self.tombstones = self._releases.tombstones.state()
            if self.served is not None:
                self.served.release.hide(self.tombstones.items)
            self._seen_tombstone = seq
        for act in self._when_hidden:
            act(self.tombstones)
        if seq:
            _log.info("tombstones up to entry %d are in force", seq)

    def _is_newest(self) -> bool:
        """Returns whether what is served has not been rewritten since it was opened."""
        if self.served is None:
            return True
        try:
            return self._releases.path(self.served.release.id) == self.served.release.folder
        except NotFound:
            return True

    def _try(self, entry: ReleaseEntry) -> bool:
        name = entry.release
        if time.monotonic() < self._retry_at.get(name, 0):
            return False
        start = time.monotonic()
        try:
            release = self._open(name)
        except (DaybreakError, OSError, MemoryError) as error:
            why = str(error) or "there is not enough memory for it beside the one that is served"
            _log.error("release %s is refused: %s", name, why)
            self.refused[name] = why
            self._retry_at[name] = time.monotonic() + self._retry_seconds
            return False
        self._retry_at.pop(name, None)
        self.refused.pop(name, None)
        if name not in {x.release for x in self._releases.log.standing().candidates}:
            _log.warning("release %s was rolled back while it was verified", name)
            return False
        with self._hiding:
            release.hide(self.tombstones.items)
            self.served = Served.of(release, entry)
        self._observer.swapped(self.served, time.monotonic() - start)
        _log.info("serving release %s", name)
        return True

    def _open(self, name: str) -> Release:
        path = self._releases.path(name)
        try:
            return self._opened.open(path)
        except (DaybreakError, OSError):
            if self._releases.path(name) == path:
                raise
            return self._opened.open(self._releases.path(name))  # redacted while it was read

    def _look(self) -> None:
        try:
            self.refresh()
        finally:
            self._looked.set()

    def _watch(self, look: Callable[[], None], pause_seconds: float) -> None:
        last_complaint = ""
        while True:
            try:
                look()
                last_complaint = ""
            except (DaybreakError, OSError, MemoryError) as error:
                self._observer.failed()
                if str(error) != last_complaint:
                    _log.error("a log can't be read, nothing changes: %s", error)
                last_complaint = str(error)
            if self._stopping.wait(pause_seconds):
                return


def _watcher(name: str, watch: Callable[..., None], *arguments: object) -> threading.Thread:
    return threading.Thread(target=watch, args=arguments, name=name, daemon=True)
