"""Takes segments to the landing zone, whole.

A living writer holds a lock on its segment, which ends with its process; whoever gets the lock may
seal the file. What stands behind the last line end was never acknowledged, and is cut off.
"""

import fcntl
import os
from pathlib import Path

from core.durable import flush_folder
from core.home import Home
from core.kill_points import reach
from serving.intake.segments import Segment, segments_in

_CHUNK = 65_536


def lock_segment(path: Path, flags: int) -> int | None:
    """Returns a segment's file, opened and locked; None where another process has it.

    Raises:
        OSError: it can't be opened.
    """
    file = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        # A lock of the open file, for one of the process would end with any other look at it.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def seal(path: Path, file: int, landing: Path) -> Path | None:
    """Moves a segment to the landing zone; returns its place there, None if nothing is in it.

    Args:
        path: the segment, all lines whole.
        file: its open file, locked; left open.
        landing: the landing zone.

    Raises:
        OSError: the disk refused; the segment lies where it lay, or there.
    """
    if not os.fstat(file).st_size:
        path.unlink()
        return None
    os.fsync(file)
    reach("segment_checked")
    landing.mkdir(parents=True, exist_ok=True)
    place = landing / path.name
    path.rename(place)
    reach("segment_sealed")
    flush_folder(landing)
    flush_folder(path.parent)
    return place


def seal_leftovers(home: Home) -> list[Path]:
    """Seals the segments whose writers are dead; returns their places in the landing zone.

    Segments of living writers stay. Called by several processes at once, each segment is sealed
    by one of them.

    Raises:
        OSError: the disk refused; what is sealed is sealed, the rest waits for the next call.
    """
    done = []
    for segment in segments_in(home.intake):
        if place := _seal_leftover(home, segment):
            done.append(place)
    return done


def _seal_leftover(home: Home, segment: Segment) -> Path | None:
    path = home.intake / segment.name
    try:
        file = lock_segment(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    if file is None:
        return None
    try:
        whole = _end_of_lines(file)
        if whole < os.fstat(file).st_size:
            os.ftruncate(file, whole)
        return seal(path, file, home.landing)
    finally:
        os.close(file)


def _end_of_lines(file: int) -> int:
    """Returns where the last whole line ends."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - _CHUNK)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
