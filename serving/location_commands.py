"""What `daybreak release push` and `release pull` do, as functions that return plain dicts."""

from collections.abc import Callable
from typing import Any

from core.errors import UsageError
from core.followed_log import check_is_copy
from core.home import Home
from core.place import open_place
from core.release_location import ReleaseLocation, find_location
from core.release_pull import pull
from core.release_push import push_log, push_release
from core.release_settings import ReleaseSettings
from core.release_store import ReleaseStore
from serving.deciding_location import deciding_location, note_origin


def pull_release(
    home: Home,
    settings: ReleaseSettings,
    *,
    grace_seconds: float,
    origin: str | None = None,
    fallbacks: int | None = None,
    spread_seconds: float | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Makes a home serve what a location's log says.

    Args:
        home: the home that serves.
        settings: what stands in for what is not given.
        grace_seconds: how long a retired release stays here.
        origin: the location; decisions made in this home are written there from now on, unless
            another is set.
        fallbacks: releases to copy beside the current one.
        spread_seconds: longest random wait before a copy.
        say: is told in one line what happens.

    Returns:
        current, copied (ids), bytes_fetched, n_entries, waited_seconds.

    Raises:
        UsageError: there is no such location, or none is set.
        IntegrityError, MachineFault, OSError: as `core.release_pull.pull` does.
    """
    releases = ReleaseStore(home.releases)
    if origin:
        location = ReleaseLocation(open_place(origin))
        check_is_copy(releases.log, location.log.entries(), location)
        note_origin(home, location)  # before the first entry: what is decided here goes there
    else:
        location = _checked(deciding_location(home, settings))
    done = pull(
        releases,
        location,
        grace_seconds=grace_seconds,
        fallbacks=settings.fallbacks if fallbacks is None else fallbacks,
        spread_seconds=settings.spread_seconds if spread_seconds is None else spread_seconds,
        say=say,
    )
    return {**vars(done), "waited_seconds": round(done.waited_seconds, 1)}


def push(home: Home, settings: ReleaseSettings, release: str | None) -> list[dict[str, Any]]:
    """Brings releases to the location; returns release, n_sent, bytes_sent and n_kept of each.

    Args:
        home: where they were built.
        settings: name the location.
        release: the one whose files to bring; the log is not touched then. By default everything
            that stands here, with the log's entries that the location lacks.

    Raises:
        UsageError: no location is set.
        NotFound, IntegrityError, OSError: as `core.release_push` does.
    """
    releases, location = ReleaseStore(home.releases), _checked(find_location(settings))
    if release is None:
        pushed = push_log(releases, location)
    else:
        pushed = [push_release(releases, location, release)]
    return [vars(one) for one in pushed]


def _checked(location: ReleaseLocation | None) -> ReleaseLocation:
    if location is None:
        raise UsageError(
            "no location is set: name one by [releases] location in daybreak.toml, or by "
            "DAYBREAK_RELEASES__LOCATION"
        )
    return location
