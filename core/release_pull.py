"""Copies from the location what a home must serve, and only then shows it the log.

Readers of the home watch the local log, so the entry that names a release appears when the release
is whole and verified here. A pull that was interrupted anywhere leaves the old release as it was;
the next one goes on with what lies in the staging folder.
"""

import errno
import random
import shutil
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from pathlib import Path

from core.departure import DAMAGED, hide
from core.durable import flush_folder, replace_file
from core.errors import DaybreakError, IntegrityError, MachineFault, NotFound
from core.followed_log import show_entries
from core.followed_tombstones import copy_tombstones
from core.kill_points import reach
from core.manifest import NAME, FileRecord, Manifest, verify
from core.one_at_a_time import one_at_a_time
from core.release_location import ReleaseLocation
from core.release_store import ReleaseStore, own_manifest
from core.retention import delete_retired
from core.verified_copy import copy_verified

_STAGING = ".pull-"


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
    if spread_seconds and _missing(releases, _wanted(location, fallbacks)):
        done.waited_seconds = random.uniform(0, spread_seconds)
        say(f"waits {done.waited_seconds:.1f} of at most {spread_seconds:g} s")
        wait(done.waited_seconds)
    with one_at_a_time(releases.root / ".pull.lock"):
        while True:
            done.n_entries += follow(releases, location, set(refused))
            wanted = _wanted(location, fallbacks)
            refused = {name: why for name, why in refused.items() if name in wanted}
            missing = _missing(releases, wanted)
            for name in set(wanted).difference(missing, damage):
                if doubted is None or name in doubted:
                    damage[name] = _damage(releases, name)
            missing = [x for x in wanted if x not in refused and (x in missing or damage.get(x))]
            if not missing:
                break
            say(f"copies {missing[0]} from {location}")
            try:
                done.bytes_fetched += _copy(releases, location, missing[0])
                done.copied.append(missing[0])
                damage[missing[0]] = None
            except (IntegrityError, MachineFault) as error:
                refused[missing[0]] = error
            except NotFound as error:
                refused[missing[0]] = damage.get(missing[0]) or error
        _tidy(releases, wanted)
        delete_retired(releases, grace_seconds)
    done.current = releases.log.current()
    for name, refusal in refused.items():
        if (
            name == wanted[0] or damage.get(name) or location.holds(name)
        ):  # else it is kept no longer
            raise refusal
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


def _missing(releases: ReleaseStore, wanted: list[str]) -> list[str]:
    here = set(releases.ids())
    return [name for name in wanted if name not in here]


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
    with one_at_a_time(releases.root / ".pull.lock"):
        if release in releases.ids() and not _damage(releases, release):
            return False
        _copy(releases, location, release)
        return True


def _copy(releases: ReleaseStore, location: ReleaseLocation, release: str) -> int:
    manifest, content = location.manifest(release)
    staging = releases.versions / f"{_STAGING}{release}"
    staging.mkdir(parents=True, exist_ok=True)
    _check_room(staging, manifest)
    fetched = 0
    try:
        for name, record in sorted(manifest.files.items()):
            fetched += copy_verified(location.files(release), name, record, staging / name)
            reach("pull_file_copied")
        _drop_unlisted(staging, manifest)
        for folder in {staging, *(staging / name for name in _folders(manifest.files))}:
            flush_folder(folder)
        reach("pull_files_copied")
        replace_file(staging / NAME, content)
        reach("pull_described")
        _rename(staging, releases.versions / release)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        shutil.rmtree(staging, ignore_errors=True)  # kept, it would hold the disk full
        raise MachineFault(
            f"{releases.versions} ran full while release {release} was copied; what was copied is "
            f"removed again, free {_bytes_of(manifest)} bytes and repeat"
        ) from error
    flush_folder(releases.versions)
    reach("pull_committed")
    return fetched


def _rename(staging: Path, final: Path) -> None:
    try:
        staging.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        if not (final / NAME).is_file():
            raise IntegrityError(
                f"{final} has no manifest; remove that folder and repeat"
            ) from None
        try:
            verify(final, own_manifest(final))
        except IntegrityError:
            hide(final, DAMAGED)
            reach("damaged_set_aside")
            staging.rename(final)
        else:
            shutil.rmtree(staging)  # it was built here meanwhile


def _check_room(staging: Path, manifest: Manifest) -> None:
    """Raises MachineFault where the disk has no room for what is still to be copied."""
    kept = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
    needed = max(0, _bytes_of(manifest) - kept)
    free = shutil.disk_usage(staging).free
    if needed > free:
        raise MachineFault(
            f"release {manifest.version} needs {needed} bytes beside the one that is served, and "
            f"{staging.parent} has {free} bytes free; free {needed - free} bytes and repeat"
        )


def _bytes_of(manifest: Manifest) -> int:
    return sum(record.bytes for record in manifest.files.values())


def _folders(files: dict[str, FileRecord]) -> set[str]:
    """Returns every folder that the files' names lead through."""
    return {parent.as_posix() for name in files for parent in Path(name).parents if parent.name}


def _drop_unlisted(staging: Path, manifest: Manifest) -> None:
    for path in [p for p in staging.rglob("*") if p.is_file()]:
        if path.relative_to(staging).as_posix() not in manifest.files:
            path.unlink()


def _tidy(releases: ReleaseStore, wanted: list[str]) -> None:
    """Removes what interrupted pulls left of releases that are no longer wanted."""
    for staging in releases.versions.glob(f"{_STAGING}*"):
        if staging.name.removeprefix(_STAGING) not in wanted:
            shutil.rmtree(staging, ignore_errors=True)
