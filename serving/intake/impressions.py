"""The log of served lists: noted while answering, written by a thread that nothing waits for.

Answers are formatted in small groups by the thread that answers, a few microseconds each: a second
thread that did it would contend for the interpreter with every answer, which costs many times that.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable

import msgspec

from core.home import Home
from core.intake_settings import IntakeSettings
from serving.choice import Choice
from serving.intake.observer import Observer, Unobserved
from serving.intake.segment_writer import SegmentWriter
from serving.intake.segments import IMPRESSIONS
from serving.release import Release

_PAUSE_SECONDS = 0.2
_AT_ONCE = 32  # answers formatted in one go, which takes less than 0.1 ms
_MOST_TEXTS = 50_000
_ID_AT, _AFTER_ID = len(b',{"item_id":'), b',"title":'
_encode = msgspec.json.encode
_log = logging.getLogger("daybreak.serving")
_Note = tuple[str, int, Release, Choice]


class ImpressionLog:
    """Logs answers: who got which items of which release, from which rungs.

    What does not fit into memory or on the disk is dropped and counted. Nothing is flushed before
    a segment is sealed, for an impression that a power cut takes changes no promise.

    Args:
        home: where segments lie.
        row: the worker's.
        settings: limits.
        observer: is told what the thread does.

    Attributes:
        written: answers that were written.
    """

    def __init__(
        self, home: Home, row: int, settings: IntakeSettings, observer: Observer | None = None
    ) -> None:
        self._observer = observer or Unobserved()
        self._told = (0, 0)
        self.written = 0
        # Each of these is counted up by one thread: by the one that answers, or by the writer.
        self._noted = self._overflowed = 0
        self._done = self._refused = 0
        self._home, self._row, self._settings = home, row, settings
        self._waiting: deque[_Note] = deque()
        self._formatted: deque[tuple[bytes, int]] = deque()
        self._n_most = settings.max_impressions if settings.impressions else 0
        self._writer: SegmentWriter | None = None
        self._lines, self._last_lines = AnswerLines(), AnswerLines()
        self._complaint = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="impressions", daemon=True)

    def start(self) -> None:
        """Begins to write; where the log is off, nothing."""
        if self._settings.impressions:
            self._thread.start()

    def stop(self) -> None:
        """Writes what waits and takes the segment to the landing zone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def note(self, user_id: str, release: Release, choice: Choice) -> None:
        """Notes an answer."""
        if self._noted - self._done >= self._n_most:
            self._overflowed += self._n_most > 0
            return
        self._noted += 1
        self._waiting.append((user_id, time.time_ns(), release, choice))
        if len(self._waiting) >= _AT_ONCE:
            notes = self._taken()
            self._formatted.append((self._lines.of(notes), len(notes)))

    @property
    def dropped(self) -> int:
        """Answers that were not written."""
        return self._overflowed + self._refused

    def write(self) -> None:
        """Writes what waits, and takes a segment that is due to the landing zone."""
        if notes := self._taken():
            self._formatted.append((self._last_lines.of(notes), len(notes)))
        while self._formatted:
            self._keep(*self._formatted.popleft())
        try:
            if self._writer is not None and self._writer.seconds_left() == 0:
                self._writer.seal()
        except OSError as error:
            self._complain(error)

        written, dropped = self.written, self.dropped
        self._observer.logged(written - self._told[0], dropped - self._told[1])
        self._told = written, dropped

    def _taken(self) -> list[_Note]:
        notes: list[_Note] = []
        with contextlib.suppress(IndexError):  # the other thread took the rest
            for _ in range(_AT_ONCE):
                notes.append(self._waiting.popleft())
        return notes

    def _keep(self, lines: bytes, n_answers: int) -> None:
        self._done += n_answers
        try:
            if self._writer is None:
                self._writer = SegmentWriter(self._home, IMPRESSIONS, self._row, self._settings)
            self._writer.append(lines, flush=False)
        except OSError as error:
            self._refused += n_answers
            self._complain(error)
            return
        self.written += n_answers
        if self._complaint:
            _log.info("intake: impressions are written again")
            self._complaint = ""

    def _run(self) -> None:
        while not self._stopping.wait(_PAUSE_SECONDS):
            self.write()
        self.write()
        try:
            if self._writer is not None:
                self._writer.seal()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        told = error.strerror or str(error)
        if told != self._complaint:
            _log.error("intake: impressions can't be written and are dropped (%s)", told)
        self._complaint = told


class AnswerLines:
    """Formats answers as JSON lines; keeps the texts of the items that come often."""

    def __init__(self) -> None:
        self._release: Release | None = None
        self._item_ids = _ItemIds(None)
        self._middles: dict[str, bytes] = {}

    def of(self, notes: Iterable[_Note]) -> bytes:
        """Returns a line for each answer."""
        lines = []
        for user_id, at_ns, release, choice in notes:
            if release is not self._release:
                self._release, self._item_ids, self._middles = release, _ItemIds(release), {}
            middle = self._middles.get(choice.rung) or self._middle(release, choice.rung)
            items = b",".join(map(self._item_ids.__getitem__, choice.items))
            rungs = '","'.join(choice.rungs).encode()
            lines.append(
                b'{"user_id":%b,"occurred_at":%d%b%b],"rungs":[%b]}\n'
                % (_encode(user_id), at_ns // 1_000, middle, items, rungs and b'"%b"' % rungs)
            )
        return b"".join(lines)

    def _middle(self, release: Release, rung: str) -> bytes:
        """Returns what stands between the time and the items of all answers of a rung."""
        text = b',"release":%b,"rung":%b,"experiment_id":null,"arm":"default","items":['
        middle = self._middles[rung] = text % (_encode(release.id), _encode(rung))
        return middle


class _ItemIds(dict[int, bytes]):
    """Items' ids as JSON, cut from their heads when they are first asked for."""

    def __init__(self, release: Release | None) -> None:
        super().__init__()
        self._release = release

    def __missing__(self, item: int) -> bytes:
        assert self._release is not None
        if len(self) >= _MOST_TEXTS:
            self.clear()
        head = self._release.head(item)
        found = self[item] = head[_ID_AT : head.index(_AFTER_ID)]
        return found
