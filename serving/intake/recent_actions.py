"""What users did a moment ago, whichever worker took it in."""

import asyncio
import contextlib
import logging
import os
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Sequence, Set

import msgspec

from core.home import Home
from core.intake_settings import IntakeSettings
from core.tombstones import Tombstones
from serving.intake.action_memory import Action, ActionMemory
from serving.intake.event import UNREADABLE
from serving.intake.segments import EVENTS, Segment, open_segment, places, segments_in

_PIECE = 65_536  # of a stream, which take a millisecond or so
_LONGEST_LINE = 32_768  # what `max_event_bytes` may be at most
_IDLE_SECONDS, _BEHIND_SECONDS = 0.05, 0.005
_LISTED_SECONDS = 0.1  # between two searches for a segment that is not where it should be
_RETRY_SECONDS = 1.0
_decode_lines = msgspec.json.Decoder(Action).decode_lines
_log = logging.getLogger("daybreak.serving")


class RecentActions:
    """Reads all workers' streams of events up to where they are, before each answer.

    Args:
        home: where segments lie.
        settings: how much is remembered, and how much is read back at the start.
        positions: the cells in which the workers say how far their streams are.
        tombstones: returns who is hidden now; nothing of them is remembered.
    """

    def __init__(
        self,
        home: Home,
        settings: IntakeSettings,
        positions: "memoryview[int]",
        tombstones: Callable[[], Tombstones] = Tombstones,
    ) -> None:
        self._home, self._settings, self._tombstones = home, settings, tombstones
        self._positions = positions
        self._memory = ActionMemory(settings.remembered_users, settings.remembered_bytes)
        self._done = array("Q", positions.tobytes())
        self._seen = positions.tobytes()
        self._streams = [_Followed(home, row) for row in range(len(positions))]
        self._is_ready = False
        self._retry_at = 0.0
        self._thread = threading.Thread(target=self._read_back, name="read-back", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begins to read back what was accepted before; what is new follows when that is done.

        Args:
            loop: where answers are made; it looks at what is new in between, so that a worker
                that answers nothing for a while is not far behind when it does.
        """
        self._thread.start()
        if loop is not None:
            self._keep_up(loop)

    def wait(self, seconds: float) -> bool:
        """Returns whether all is read back within some time."""
        self._thread.join(seconds)
        return self._is_ready

    def catch_up(self) -> None:
        """Reads what is new, 64 KiB at most; costs a comparison where nothing is.

        What the disk refuses to read is tried again a second later; an answer never waits for it.
        """
        if self._positions.tobytes() != self._seen and self._is_ready:
            now = time.monotonic()
            if now < self._retry_at:
                return
            try:
                self._read()
            except OSError as error:
                self._retry_at = now + _RETRY_SECONDS
                _log.error("what users did can't be read (%s)", error.strerror)

    def recent(self, user_id: str) -> tuple[Sequence[str], Set[str]]:
        """Returns the last items that a user saw, newest first, and the last that the user hid."""
        return self._memory.recent(user_id)

    def forget(self, tombstones: Tombstones) -> None:
        """Forgets the users who are hidden now; for a thread beside the one that answers."""
        if tombstones.hidden:
            for user_id in self._memory.users():
                if tombstones.hides(user_id):
                    self._memory.forget(user_id)

    def _keep_up(self, loop: asyncio.AbstractEventLoop) -> None:
        before = self._seen
        self.catch_up()
        loop.call_later(
            _IDLE_SECONDS if self._seen == before else _BEHIND_SECONDS, self._keep_up, loop
        )

    def _read(self) -> None:
        left = _PIECE
        for row, stream in enumerate(self._streams):
            end = self._positions[row]
            while self._done[row] < end and left >= _LONGEST_LINE:
                lines, position = stream.read(self._done[row], end, left)
                if position == self._done[row]:
                    break
                self._done[row] = position
                left -= len(lines)
                self._note(lines)
        self._seen = self._done.tobytes()

    def _note(self, lines: bytes) -> None:
        try:
            actions: Iterable[Action] = _decode_lines(lines)
        except UNREADABLE:
            actions = list(_readable(lines))
        tombstones = self._tombstones()
        if tombstones.hidden:
            actions = [one for one in actions if not tombstones.hides(one.user_id)]
        self._memory.note(actions)

    def _read_back(self) -> None:
        try:
            for segment, skipped in self._recent_files():
                self._read_file(segment, skipped)
        except OSError as error:
            _log.error("what users did before the start can't be read back (%s)", error.strerror)
        finally:
            self._is_ready = True  # or nothing new would be followed until the next start

    def _recent_files(self) -> list[tuple[Segment, int]]:
        """Returns the newest segments, oldest first, with the bytes to skip in each."""
        oldest = time.time() - self._settings.session_hours * 3_600
        found: dict[Segment, tuple[float, int]] = {}
        for folder in places(self._home):
            for segment in segments_in(folder, EVENTS):
                with contextlib.suppress(FileNotFoundError):
                    state = (folder / segment.name).stat()
                    if state.st_mtime >= oldest:
                        found[segment] = state.st_mtime, state.st_size
        left = self._settings.read_back_bytes
        chosen: list[tuple[Segment, int]] = []
        for segment in sorted(found, key=lambda one: found[one], reverse=True):
            if left <= 0:
                break
            size = found[segment][1]
            chosen.append((segment, max(0, size - left)))
            left -= size
        return chosen[::-1]

    def _read_file(self, segment: Segment, offset: int) -> None:
        file = open_segment(self._home, segment)
        if file is None:
            return
        try:
            if offset:  # into the middle of a line
                offset += os.pread(file, _PIECE, offset).find(b"\n") + 1
            while lines := _whole_lines(os.pread(file, _PIECE, offset)):
                self._note(lines)
                offset += len(lines)
                time.sleep(0.001)  # the interpreter is for those who answer
        finally:
            os.close(file)


class _Followed:
    """One row's stream, followed from segment to segment."""

    def __init__(self, home: Home, row: int) -> None:
        self._home, self._row = home, row
        self._file: int | None = None
        self._start = 0
        self._listed_at = 0.0

    def read(self, position: int, end: int, n_most: int) -> tuple[bytes, int]:
        """Returns whole lines from a position on, and the position behind them.

        Where a segment's rest is no line, for its writer died there, the position goes on with
        the next segment. The same position comes back where nothing can be read yet.
        """
        lines = self._lines(position, min(end, position + n_most))
        if not lines:
            position = self._advance(position, end)
            lines = self._lines(position, min(end, position + n_most))
        return lines, position + len(lines)

    def _lines(self, position: int, end: int) -> bytes:
        if self._file is None:
            return b""
        return _whole_lines(os.pread(self._file, end - position, position - self._start))

    def _advance(self, position: int, end: int) -> int:
        """Opens the segment in which a position lies, else the next one; returns where to go on."""
        if self._opened(Segment(EVENTS, self._row, position), position):
            return position  # as ever: a segment begins where the one before ends
        if time.monotonic() < self._listed_at + _LISTED_SECONDS:
            return position
        self._listed_at = time.monotonic()
        known = {x for place in places(self._home) for x in segments_in(place, EVENTS, self._row)}
        if self._file is None:
            begun = [x for x in known if x.start < position]
            if begun and self._opened(max(begun, key=_start), position):
                return position
        later = sorted((x for x in known if position < x.start < end), key=_start)
        for segment in later:
            if self._opened(segment, segment.start):
                return segment.start
        return position if later else end  # a file that is gone can't be waited for

    def _opened(self, segment: Segment, position: int) -> bool:
        """Opens a segment to be followed, unless it is gone, ends before, or is open already."""
        file = open_segment(self._home, segment)
        if file is None:
            return False
        state = os.fstat(file)
        is_same = self._file is not None and os.path.samestat(state, os.fstat(self._file))
        if is_same or segment.start + state.st_size <= position:
            os.close(file)
            return False
        if self._file is not None:
            os.close(self._file)
        self._file, self._start = file, segment.start
        return True


def _start(segment: Segment) -> int:
    return segment.start


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _readable(lines: bytes) -> Iterable[Action]:
    """Yields the actions of lines of which some are none."""
    for line in lines.split(b"\n"):
        with contextlib.suppress(*UNREADABLE):
            yield msgspec.json.decode(line, type=Action)
