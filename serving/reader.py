"""Opens a release for serving: every byte held against the manifest, then asked once."""

from pathlib import Path

from core.manifest import verify as verify_files
from core.release_store import own_manifest
from serving.golden import check_golden
from serving.release import Release


def open_release(path: Path, verify: bool = True) -> Release:
    """Returns a release that is ready to answer.

    Args:
        path: its folder, named by its id.
        verify: whether to hash every file (about a second for each GiB); the manifest, the
            layout and the golden answers are checked in any case.

    Raises:
        IntegrityError: it is damaged, incomplete, another release's, or of an unknown format.
    """
    manifest = own_manifest(path)
    if verify:
        verify_files(path, manifest)
    release = Release.load(path)
    check_golden(release)
    return release
