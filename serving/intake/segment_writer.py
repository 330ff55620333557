"""The end of one stream, where its worker writes: whole lines, or nothing of them."""

import contextlib
import errno
import os
import time

from core.durable import flush_folder
from core.home import Home
from core.intake_settings import IntakeSettings
from core.kill_points import reach
from serving.intake.sealing import lock_segment, seal
from serving.intake.segments import Segment, first_position


class SegmentWriter:
    """Writes a stream, a segment after the other; for one thread.

    A write that fails leaves nothing behind: what it wrote is cut off, and as long as that can't
    be done either the stream takes no more. Behind a failed flush no segment goes on, for nobody
    knows what the kernel dropped.

    Args:
        home: where segments lie.
        kind: `events` or `impressions`.
        row: the worker's.
        settings: when a segment is full, and what stays free on the disk.
        published: the position that the row's last writer made known; 0 where there was none.

    Attributes:
        position: where the next line goes; all before it was written whole.
    """

    def __init__(
        self, home: Home, kind: str, row: int, settings: IntakeSettings, published: int = 0
    ) -> None:
        self.position = first_position(home, kind, row, published)
        self._home, self._kind, self._row, self._settings = home, kind, row, settings
        self._file: int | None = None
        self._segment = Segment(kind, row, self.position)
        self._opened_at = 0.0
        self._is_torn = False
        self._is_closed = False

    def append(self, lines: bytes, *, flush: bool) -> None:
        """Writes lines, which are on the disk afterwards if `flush`.

        Raises:
            OSError: the disk refused; nothing of the lines is in the stream.
        """
        self._mend()
        file = self._open() if self._file is None else self._file
        self._check_room(file, len(lines))
        try:
            _write_all(file, lines)
            reach("segment_written")
            if flush:
                os.fdatasync(file)
                reach("segment_flushed")
        except OSError:
            self._is_torn = True
            with contextlib.suppress(OSError):
                self._mend()
            raise
        self.position += len(lines)

    def seconds_left(self) -> float | None:
        """Returns how long the segment may stay open; None where none is."""
        if self._file is None:
            return None
        if self._is_closed or self.position - self._segment.start >= self._settings.segment_bytes:
            return 0.0
        return max(0.0, self._opened_at + self._settings.segment_seconds - time.monotonic())

    def seal(self) -> None:
        """Takes the open segment, if there is one, to the landing zone.

        Raises:
            OSError: the disk refused; the segment stays open.
        """
        if self._file is None:
            return
        self._cut()
        path = self._home.intake / self._segment.name
        if path.exists():  # else it is there already, and only the folder's flush failed
            seal(path, self._file, self._home.landing)
        os.close(self._file)
        self._file, self._is_closed = None, False

    def _mend(self) -> None:
        """Makes the stream end with its last whole write, in a segment that may be written."""
        self._cut()
        if self._is_closed:
            self.seal()

    def _cut(self) -> None:
        if self._is_torn and self._file is not None:
            os.ftruncate(self._file, self.position - self._segment.start)
            os.fsync(self._file)
            self._is_torn, self._is_closed = False, True

    def _open(self) -> int:
        self._home.intake.mkdir(parents=True, exist_ok=True)
        self._segment = Segment(self._kind, self._row, self.position)
        path = self._home.intake / self._segment.name
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        for _ in range(100):  # whoever seals leftovers may hold the new file for a moment
            file = lock_segment(path, flags)
            if file is not None:
                break
            time.sleep(0.01)
        else:
            raise OSError(errno.EBUSY, "the new segment is held by another process")
        try:
            flush_folder(self._home.intake)
        except OSError:
            os.close(file)
            raise
        reach("segment_opened")
        self._file, self._opened_at = file, time.monotonic()
        return file

    def _check_room(self, file: int, n_bytes: int) -> None:
        disk = os.fstatvfs(file)
        if disk.f_bavail * disk.f_frsize < self._settings.reserve_bytes + n_bytes:
            raise OSError(errno.ENOSPC, "less is free on the disk than the intake leaves there")


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
