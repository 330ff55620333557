"""Copies from the location what a home must serve, and only then shows it the log.

Readers of the home watch the local log, so the entry that names a release appears when the release
is whole and verified here. A release that was rewritten there to forget someone is copied anew,
whether or not it is served.
"""

import random
import shutil
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import DaybreakError, IntegrityError, MachineFault, NotFound
from core.followed_log import show_entries
from core.followed_tombstones import copy_tombstones
from core.manifest import NAME
from core.redactions import newest, redaction_of, remove_superseded, version_of
from core.release_copy import STAGING, copy_release, copying
from core.release_location import ReleaseLocation
from core.release_store import ReleaseStore
from core.retention import delete_retired


@dataclass
class Pulled:
    """What a pull did.

    Attributes:
        current: the release that the home serves now; None where nothing stands.
        copied: the releases that were copied, in order.
        bytes_fetched: bytes that came from the location.
        n_entries: entries that the local log grew by.
        waited_seconds: how long it waited so that not all machines copy at once.
    """

    current: str | None = None
    copied: list[str] = field(default_factory=list)
    bytes_fetched: int = 0
    n_entries: int = 0
    waited_seconds: float = 0.0


def pull(
    releases: ReleaseStore,
    location: ReleaseLocation,
    *,
    grace_seconds: float,
    fallbacks: int = 1,
    doubted: Set[str] | None = None,
    spread_seconds: float = 0.0,
    wait: Callable[[float], object] = time.sleep,
    say: Callable[[str], None] = lambda text: None,
) -> Pulled:
    """Makes a home serve what the location's log says.

    What needs no copying, a rollback to a release that is here, is followed at once; before files
    are copied it waits for a random part of `spread_seconds`. Processes of one home take turns.

    Args:
        releases: the home's.
        location: where to copy from.
        grace_seconds: how long ago the home must have learned that a release is retired before it
            is deleted here; longer than the slowest reader takes.
        fallbacks: candidates that are copied beside the current one, best first.
        doubted: releases whose bytes here are looked at, so that a damaged one is copied anew; by
            default all that are to be served.
        spread_seconds: longest wait before the first copy.
        wait: waits for so many seconds.
        say: is told in one line what happens.

    Raises:
        IntegrityError: a file there is missing or damaged, or the local log is not a copy of the
            location's. All that could be done without that release is done.
        MachineFault: there is no room for a release beside the one that is served.
        OSError: the location can't be reached, or the disk failed.
    """
    done, refused = Pulled(), dict[str, DaybreakError]()
    damage = dict[str, IntegrityError | None]()  # what a look at a release's bytes found
    done.n_entries += follow(releases, location)
    if spread_seconds and _missing(releases, location, _wanted(location, fallbacks)):
        done.waited_seconds = random.uniform(0, spread_seconds)
        say(f"waits {done.waited_seconds:.1f} of at most {spread_seconds:g} s")
        wait(done.waited_seconds)
    with copying(releases):
        while True:
            unusable = {name for name in refused if damage.get(name) or name not in releases.ids()}
            done.n_entries += follow(releases, location, unusable)
            wanted = _wanted(location, fallbacks)
            missing = _missing(releases, location, wanted)
            refused = {name: why for name, why in refused.items() if name in {*wanted, *missing}}
            for name in set(wanted).difference(missing, damage):
                if doubted is None or name in doubted:
                    damage[name] = _damage(releases, name)
            bad = {name for name in wanted if damage.get(name)} | set(missing)
            due = next((x for x in (*wanted, *missing) if x in bad and x not in refused), None)
            if due is None:
                break
            say(f"copies {due} from {location}")
            try:
                done.bytes_fetched += copy_release(releases, location, due)
                done.copied.append(due)
                damage[due] = None
            except (IntegrityError, MachineFault) as error:
                refused[due] = error
            except NotFound as error:
                refused[due] = damage.get(due) or error
        _tidy(releases, [*wanted, *missing])
        delete_retired(releases, grace_seconds)
    done.current = releases.log.current()
    for name, refusal in refused.items():
        if name in wanted[:1] or damage.get(name) or location.holds(name):
            raise refusal  # else it is kept no longer
    return done


def _wanted(location: ReleaseLocation, fallbacks: int) -> list[str]:
    candidates = location.log.standing().candidates
    return [entry.release for entry in candidates[: 1 + fallbacks]]


def _damage(releases: ReleaseStore, release: str) -> IntegrityError | None:
    try:
        releases.verify(release)
    except IntegrityError as error:
        return error
    return None


def _missing(releases: ReleaseStore, location: ReleaseLocation, wanted: list[str]) -> list[str]:
    """Returns what is to be copied: wanted and not here, or here and rewritten there since."""
    here = {name: redaction_of(releases.path(name).name) for name in releases.ids()}
    replaced = [name for name, n in sorted(location.redactions().items()) if here.get(name, n) < n]
    return [name for name in wanted if name not in here or name in replaced] + [
        name for name in replaced if name not in wanted
    ]


def follow(
    releases: ReleaseStore, location: ReleaseLocation, refused: Set[str] = frozenset()
) -> int:
    """Shows this home's readers what the releases here allow; returns how many entries came.

    Tombstones come first, whatever the releases.

    Args:
        releases: the home's.
        location: whose log is the truth.
        refused: releases that the log is shown without, as they can't be had.

    Raises:
        IntegrityError: the local log is not a copy of the location's, or one is damaged.
        OSError: the location can't be reached, or the disk failed.
    """
    copy_tombstones(location.tombstones.folder, releases.tombstones.folder)
    return show_entries(releases.log, location, set(releases.ids()), refused)


def fetch_release(releases: ReleaseStore, location: ReleaseLocation, release: str) -> bool:
    """Copies one release, whatever the log says of it; returns False where it is here and whole.

    Raises:
        NotFound, IntegrityError, MachineFault, OSError: as `pull` does.
    """
    with copying(releases):
        if release in releases.ids() and not _damage(releases, release):
            return False
        copy_release(releases, location, release)
        return True


def _tidy(releases: ReleaseStore, wanted: list[str]) -> None:
    """Removes what interrupted pulls left: of releases that are no longer wanted or replaced."""
    for staging in releases.versions.glob(f"{STAGING}*"):
        release = version_of(Path(staging.name.removeprefix(STAGING)))
        here = newest(releases.versions / release)
        if release not in wanted or redaction_of(staging.name) < redaction_of(here.name):
            shutil.rmtree(staging, ignore_errors=True)
    for folder in releases.versions.glob(f"[!.]*+*/{NAME}"):
        remove_superseded(folder.parent)
