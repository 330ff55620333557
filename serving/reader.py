"""Opens a release for serving: every byte held against the manifest, then asked once."""

from pathlib import Path
from typing import Literal

from core.manifest import verify as verify_files
from core.release_store import own_manifest
from serving.golden import check_golden
from serving.layout import TABLES
from serving.release import Release

Verified = Literal["all", "answers", "nothing"]


def open_release(path: Path, verify: Verified = "all") -> Release:
    """Returns a release that is ready to answer.

    Args:
        path: its folder, named by its id.
        verify: which files are hashed (about a second for each GiB): all; those that answers
            are made of, which leaves out the tables, by far the largest and read by no answer;
            or none. Manifest, layout, sizes and golden answers are checked in any case.

    Raises:
        IntegrityError: it is damaged, incomplete, another release's, or of an unknown format.
    """
    manifest = own_manifest(path)
    if verify != "nothing":
        verify_files(path, manifest, unread=TABLES if verify == "answers" else "")
    release = Release.load(path)
    check_golden(release)
    return release
