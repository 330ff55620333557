"""A night's dealings with the location that machines share, where one is set.

The location's log decides. The home holds what the gate compares with, and its own log follows.
"""

import contextlib
from collections.abc import Iterator

from core.night import Night
from core.release_location import ReleaseLocation, deciding_store, reaching
from core.release_pull import fetch_release, pull
from core.release_push import push_release
from core.release_store import ReleaseStore
from serving.deciding_location import deciding_location


def catch_up(night: Night) -> None:
    """Brings the home to where the location is: its log, and the champion of this date.

    Raises:
        IntegrityError: a release there is damaged, or the home belongs to another location.
        MachineFault: the location can't be reached, or there is no room.
    """
    location = deciding_location(night.home, night.settings.releases)
    if location is None:
        return
    local = ReleaseStore(night.home.releases)
    with reaching(location):
        _pull(night, local, location)
        champion = location.log.champion_before(night.key)
        if champion is not None:
            fetch_release(local, location, champion)


@contextlib.contextmanager
def announcing(night: Night, release: str) -> Iterator[ReleaseStore]:
    """Brings a release to the location, yields the releases to announce it in, then follows.

    A step that fails leaves what was there standing; the same step again ends the work.

    Raises:
        IntegrityError: what lies there is of other content, or reads back as other bytes.
        ReleaseConflict: another home carries out an erasure that this one has yet to.
        MachineFault: the location can't be reached.
    """
    location = deciding_location(night.home, night.settings.releases)
    if location is None:
        yield ReleaseStore(night.home.releases)
        return
    local = ReleaseStore(night.home.releases)
    with reaching(location):
        push_release(local, location, release)
        yield deciding_store(night.home.releases, location)
        _pull(night, local, location)


def _pull(night: Night, local: ReleaseStore, location: ReleaseLocation) -> None:
    settings = night.settings
    grace = settings.retention.grace_seconds
    pull(local, location, grace_seconds=grace, fallbacks=settings.releases.fallbacks)
