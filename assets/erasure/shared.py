"""An erasure's dealings with the location that machines share: what stands there is rewritten too.

What is there and not here is copied first, then rewritten here like all else, then brought there
under the next redaction, and what it replaces is removed at once. The location decides which
redaction is a release: one that another home was faster with is taken as it is.
"""

import contextlib
import shutil
from collections.abc import Callable

from core.errors import MachineFault, NotFound, ReleaseConflict
from core.manifest import Manifest
from core.redactions import redaction_of
from core.release_copy import bytes_of, copy_release
from core.release_location import ReleaseLocation, reaching
from core.release_push import push_release
from core.release_store import ReleaseStore


def bring(releases: ReleaseStore, location: ReleaseLocation, *, all_of_them: bool) -> int:
    """Copies what the location has and the home has not, or not as rewritten; returns how many.

    What is removed there meanwhile is left out. The caller holds `core.release_copy.copying`.

    Args:
        releases: the home's.
        location: where to copy from.
        all_of_them: releases that the home has nothing of too.

    Raises:
        MachineFault: there is no room for them and for what is written anew of the largest, and
            nothing was copied; or the location can't be reached.
        IntegrityError: a release is damaged there.
    """
    here = _redactions(releases)
    with reaching(location):
        there = {name: location.redaction(name) for name in location.ids()}
        missing = [
            name
            for name, number in there.items()
            if number is not None and (number > here[name] if name in here else all_of_them)
        ]
        _check_room(releases, location, missing)
        n_copied = 0
        for name in missing:
            with contextlib.suppress(NotFound):
                copy_release(releases, location, name)
                n_copied += 1
    return n_copied


def send(releases: ReleaseStore, location: ReleaseLocation, through: int) -> None:
    """Brings what is rewritten here to where it is not yet, and removes what it replaces.

    Args:
        releases: the home's.
        location: where to bring it.
        through: the tombstone up to which it is rewritten.

    Raises:
        ReleaseConflict: another home has begun later erasures; look at the tombstones again.
        IntegrityError: a release is damaged here, or what was sent reads back as other bytes.
        MachineFault: the location can't be reached.
    """
    here = _redactions(releases)
    with reaching(location):
        for name in location.ids():
            if here.get(name, 0) > (location.redaction(name) or 0):
                push_release(releases, location, name, through=through)
            location.remove_superseded(name)


def claiming(location: ReleaseLocation) -> Callable[[Manifest], Manifest]:
    """Returns what claims a folder at the location for a release that is about to be rewritten.

    It raises ReleaseConflict where another home has rewritten the release meanwhile: that one is
    to be looked at instead.
    """

    def claim(manifest: Manifest) -> Manifest:
        with reaching(location):
            if (location.redaction(manifest.version) or 0) >= manifest.redaction:
                raise ReleaseConflict(
                    f"release {manifest.version} was rewritten by another home; repeat"
                )
            return location.claim_redaction(manifest)

    return claim


def _redactions(releases: ReleaseStore) -> dict[str, int]:
    """Returns the stored releases and how often each was rewritten."""
    return {name: redaction_of(releases.path(name).name) for name in releases.ids()}


def _check_room(releases: ReleaseStore, location: ReleaseLocation, missing: list[str]) -> None:
    if not missing:
        return
    sizes = []
    for name in missing:
        with contextlib.suppress(NotFound):
            sizes.append(bytes_of(location.manifest(name)[0]))
    here = [bytes_of(releases.manifest(name)) for name in releases.ids()]
    anew = max([*sizes, *here], default=0)
    needed = sum(sizes) + anew
    releases.versions.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(releases.versions).free
    if needed > free:
        raise MachineFault(
            f"to rewrite the {len(missing)} releases that lie at {location} alone, "
            f"{releases.versions} needs {needed} bytes and has {free} free; nothing was changed, "
            f"free {needed - free} bytes and repeat"
        )
