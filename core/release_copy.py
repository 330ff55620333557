"""Copies one release from the location into a home, verified while it streams.

A copy that was interrupted anywhere leaves what was here as it was; the next one goes on with what
lies in the staging folder.
"""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.departure import DAMAGED, hide
from core.durable import flush_folder, replace_file
from core.errors import IntegrityError, MachineFault, NotFound
from core.kill_points import reach
from core.manifest import NAME, FileRecord, Manifest, verify
from core.one_at_a_time import one_at_a_time
from core.redactions import folder_name, newest, redaction_of, remove_superseded
from core.release_location import ReleaseLocation
from core.release_store import ReleaseStore, own_manifest
from core.verified_copy import copy_verified

STAGING = ".pull-"
"""Before the name of the folder that is being copied."""


@contextlib.contextmanager
def copying(releases: ReleaseStore) -> Iterator[None]:
    """Waits until no other process of this home copies releases, and lets none begin."""
    with one_at_a_time(releases.root / ".pull.lock"):
        yield


def copy_release(releases: ReleaseStore, location: ReleaseLocation, release: str) -> int:
    """Copies a release as it is there last; returns how many bytes had to be fetched.

    What it was rewritten from is removed here: whoever has its files open keeps them. The caller
    holds `copying`.

    Raises:
        NotFound: there is no such release, or only as it was before this home rewrote it.
        IntegrityError: a file there is missing or damaged.
        MachineFault: there is no room for it.
        OSError: the location can't be reached, or the disk failed.
    """
    while True:
        manifest, content = location.manifest(release)
        if manifest.redaction < redaction_of(newest(releases.versions / release).name):
            raise NotFound(f"{location} has release {release} as it was before it was rewritten")
        staging = releases.versions / f"{STAGING}{folder_name(release, manifest.redaction)}"
        try:
            fetched = _copy(releases, location, manifest, content, staging)
            break
        except IntegrityError:
            if location.redaction(release) == manifest.redaction:
                raise
            shutil.rmtree(staging, ignore_errors=True)  # rewritten there: take that one; or gone
    remove_superseded(releases.versions / folder_name(release, manifest.redaction))
    reach("pull_superseded_removed")
    return fetched


def bytes_of(manifest: Manifest) -> int:
    """Returns how many bytes the files of a manifest have."""
    return sum(record.bytes for record in manifest.files.values())


def _copy(
    releases: ReleaseStore,
    location: ReleaseLocation,
    manifest: Manifest,
    content: bytes,
    staging: Path,
) -> int:
    source = location.folder(manifest.version, manifest.redaction)
    staging.mkdir(parents=True, exist_ok=True)
    _check_room(staging, manifest)
    fetched = 0
    try:
        for name, record in sorted(manifest.files.items()):
            fetched += copy_verified(source, name, record, staging / name)
            reach("pull_file_copied")
        _drop_unlisted(staging, manifest)
        for folder in {staging, *(staging / name for name in _folders(manifest.files))}:
            flush_folder(folder)
        reach("pull_files_copied")
        replace_file(staging / NAME, content)
        reach("pull_described")
        _rename(staging, releases.versions / staging.name.removeprefix(STAGING))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        shutil.rmtree(staging, ignore_errors=True)  # kept, it would hold the disk full
        raise MachineFault(
            f"{releases.versions} ran full while release {manifest.version} was copied; what was "
            f"copied is removed again, free {bytes_of(manifest)} bytes and repeat"
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
    needed = max(0, bytes_of(manifest) - kept)
    free = shutil.disk_usage(staging).free
    if needed > free:
        raise MachineFault(
            f"release {manifest.version} needs {needed} bytes beside the one that is served, and "
            f"{staging.parent} has {free} bytes free; free {needed - free} bytes and repeat"
        )


def _folders(files: dict[str, FileRecord]) -> set[str]:
    """Returns every folder that the files' names lead through."""
    return {parent.as_posix() for name in files for parent in Path(name).parents if parent.name}


def _drop_unlisted(staging: Path, manifest: Manifest) -> None:
    for path in [p for p in staging.rglob("*") if p.is_file()]:
        if path.relative_to(staging).as_posix() not in manifest.files:
            path.unlink()
