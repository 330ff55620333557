"""Keeps a serving home up with the location that machines share.

One thread follows the location's log, so that a rollback is served within seconds; another copies
files when there is something to copy; a third hands over what the server took in. The server reads
the home as ever, and goes on serving where the location can't be reached.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Set

from core.errors import DaybreakError
from core.home import Home
from core.release_location import ReleaseLocation, find_location
from core.release_pull import follow, pull
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from serving.intake.handing_over import HandingOver

_LAST_SECONDS = 3.0
_log = logging.getLogger("daybreak.serving")


class LocationWatch:
    """The threads of one process; a home without a location has none to start.

    Args:
        home: the home.
        settings: the location, and how to copy from it.
        grace_seconds: how long a retired release stays here.
        refused: returns the releases that the server refuses now.
        seen: is called at the start, and after each look that followed the log.
        failed: is called after each look that failed.
        handing: what the home hands over, if anything.
    """

    def __init__(
        self,
        home: Home,
        settings: ReleaseSettings,
        grace_seconds: float,
        refused: Callable[[], Set[str]] = frozenset,
        seen: Callable[[], None] = lambda: None,
        failed: Callable[[], None] = lambda: None,
        handing: HandingOver | None = None,
    ) -> None:
        self._home = home
        self._handing = handing
        self._settings = settings
        self._grace_seconds = grace_seconds
        self._refused = refused
        self._seen = seen
        self._failed = failed
        self._look_at = 0.0
        self._stopping = threading.Event()
        acts = [self.follow, self.copy] if settings.location else []
        if settings.location and handing is not None:
            acts.append(self.hand_over)
        self._threads = [
            threading.Thread(target=self._repeat, args=(act,), name=act.__name__, daemon=True)
            for act in acts
        ]

    def start(self) -> None:
        """Begins to follow, to copy and to hand over."""
        if self._threads:
            self._seen()  # so that a location that is never reached is missed as well
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them; a copy that is under way ends with the process, and goes on with the next.

        What was sealed until now is handed over first, where that is done within seconds.
        """
        self._stopping.set()
        for thread in self._threads:
            thread.join(_LAST_SECONDS if thread.name == self.hand_over.__name__ else 0.5)

    def follow(self, releases: ReleaseStore, location: ReleaseLocation) -> None:
        """Shows the entries that need no copy."""
        follow(releases, location)
        self._seen()

    def copy(self, releases: ReleaseStore, location: ReleaseLocation) -> None:
        """Copies what is to be served, and anew what the server refuses and is damaged."""
        doubted = self._refused() if time.monotonic() >= self._look_at else frozenset[str]()
        if doubted:  # each look reads all their bytes
            self._look_at = time.monotonic() + self._settings.retry_seconds
        done = pull(
            releases,
            location,
            grace_seconds=self._grace_seconds,
            fallbacks=self._settings.fallbacks,
            doubted=doubted,
            spread_seconds=self._settings.spread_seconds,
            wait=self._stopping.wait,
            say=_log.info,
        )
        if done.copied:
            _log.info("copied %s (%d bytes)", ", ".join(done.copied), done.bytes_fetched)

    def hand_over(self, releases: ReleaseStore, location: ReleaseLocation) -> None:
        """Hands over what is sealed."""
        assert self._handing is not None  # else it has no thread
        self._handing.hand_over(location.landing, releases.tombstones.state())

    def _repeat(self, act: Callable[[ReleaseStore, ReleaseLocation], None]) -> None:
        releases, location = ReleaseStore(self._home.releases), None
        complaint = ""
        while not self._stopping.is_set():
            pause = self._settings.poll_seconds
            try:
                location = location or find_location(self._settings)
                assert location is not None  # no thread is made without one
                act(releases, location)
            except (DaybreakError, OSError) as error:
                self._failed()
                # A connection fails in many words; what was refused is told by name.
                state = "unreachable" if isinstance(error, OSError) else str(error)
                if state != complaint:
                    _log.error("%s: %s; what is here is served on", act.__name__, error)
                complaint = state
                if act == self.copy:  # what was refused is not copied over and over
                    pause = max(pause, self._settings.retry_seconds)
            else:
                if complaint:
                    _log.info("%s: %s is well again", act.__name__, location)
                complaint = ""
            self._stopping.wait(pause)
        if act == self.hand_over and location is not None:
            with contextlib.suppress(DaybreakError, OSError):  # it waits for the next server here
                act(releases, location)
