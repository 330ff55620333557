"""How a version leaves the disk: out of sight in one step, then piece by piece.

A reader sees a version whole or not at all, whatever moment a crash chooses: what is half deleted
lies under a name that begins with a dot, which nobody reads.
"""

import contextlib
import os
import shutil
import time
import uuid
from pathlib import Path

from core.durable import flush_folder
from core.kill_points import reach

STAGING, DELETED, DAMAGED = ".staging-", ".deleted-", ".damaged-"
_LEAVING = ".leaving-"
ASIDE = (DELETED, DAMAGED, _LEAVING)
"""Hidden names of what was a version; behind them stands the name of its folder."""


def hide(folder: Path, prefix: str) -> Path:
    """Renames a folder to a hidden name beside it, dated now; returns where it lies."""
    hidden = folder.with_name(f"{prefix}{folder.name}-{uuid.uuid4().hex}")
    folder.rename(hidden)
    os.utime(hidden)
    flush_folder(folder.parent)
    return hidden


def delete(folder: Path) -> None:
    """Deletes a version; one whose deletion was interrupted is ended by `sweep`."""
    hidden = hide(folder, DELETED)
    reach("version_out_of_sight")
    shutil.rmtree(hidden, ignore_errors=True)
    reach("version_deleted")


def delete_unless_young(folder: Path, grace_seconds: float) -> bool:
    """Deletes a version unless somebody has just touched it; returns whether it went.

    Its age is looked at once more when it is out of sight, and a young one gets its name back: who
    took it up a moment before finds it again.
    """
    if not folder.is_dir() or age_seconds(folder) < grace_seconds:
        return False
    hidden = folder.with_name(f"{_LEAVING}{folder.name}-{uuid.uuid4().hex}")
    folder.rename(hidden)
    if age_seconds(hidden) < grace_seconds:
        with contextlib.suppress(OSError):  # its user has made it anew meanwhile
            hidden.rename(folder)
            return False
    delete(hidden)
    return True


def sweep(folder: Path, grace_seconds: float, *, is_trial: bool = False) -> list[Path]:
    """Ends interrupted deletions, and clears what dead writers and damage left, in one folder.

    Args:
        folder: a folder of versions or log entries; it may be absent.
        grace_seconds: what is younger is left alone, as somebody may be writing it; a deletion
            is ended at once.
        is_trial: only look.

    Returns:
        What went, or would go, sorted.
    """
    if not folder.is_dir():
        return []
    gone = []
    for path in sorted(folder.iterdir()):
        is_litter = path.name.startswith(".") and age_seconds(path) >= grace_seconds
        if not (is_litter or path.name.startswith(DELETED)):
            continue
        gone.append(path)
        if is_trial:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return gone


def age_seconds(path: Path) -> float:
    """Returns how long ago a file, or anything in a folder, was last written; 0 if it is gone."""
    try:
        moments = [path.stat().st_mtime, *(one.stat().st_mtime for one in path.rglob("*"))]
    except FileNotFoundError:
        return 0.0
    return max(0.0, time.time() - max(moments))
