"""The log of served lists: noted while answering, written by a thread that nothing waits for.

An answer's line is made by the thread that answers, in a few microseconds, while what it is made of
is in the processor's cache: a second thread that did it would load all of that again, and contend
for the interpreter with every answer.
"""

import logging
import threading
import time
from collections import deque
from functools import lru_cache

import msgspec

from core.home import Home
from core.intake_settings import IntakeSettings
from serving.choice import Choice
from serving.intake.observer import Observer, Unobserved
from serving.intake.segment_writer import SegmentWriter
from serving.intake.segments import IMPRESSIONS
from serving.release import Release

# Seldom and much at once: each time that this thread takes the interpreter's lock, which it does
# behind every system call, whoever answers waits until a processor is free for it.
_PAUSE_SECONDS = 1.0
_AT_ONCE = 50_000
_encode = msgspec.json.encode
_log = logging.getLogger("daybreak.serving")


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
        self._waiting: deque[bytes] = deque()
        self._n_most = settings.max_impressions if settings.impressions else 0
        self._writer: SegmentWriter | None = None
        self._lines = AnswerLines()
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
        self._waiting.append(self._lines.line(user_id, time.time_ns(), release, choice))

    @property
    def dropped(self) -> int:
        """Answers that were not written."""
        return self._overflowed + self._refused

    def write(self) -> None:
        """Writes what waits, and takes a segment that is due to the landing zone."""
        take = self._waiting.popleft
        while n_lines := min(len(self._waiting), _AT_ONCE):
            self._keep(b"".join([take() for _ in range(n_lines)]), n_lines)
        try:
            if self._writer is not None and self._writer.seconds_left() == 0:
                self._writer.seal()
        except OSError as error:
            self._complain(error)

        written, dropped = self.written, self.dropped
        self._observer.logged(written - self._told[0], dropped - self._told[1])
        self._told = written, dropped

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
    """Formats answers as JSON lines."""

    def __init__(self) -> None:
        self._release: Release | None = None
        self._middles: dict[str, bytes] = {}

    def line(self, user_id: str, at_ns: int, release: Release, choice: Choice) -> bytes:
        """Returns an answer's line."""
        if release is not self._release:
            self._release, self._middles = release, {}
        middle = self._middles.get(choice.rung) or self._middle(release, choice.rung)
        items = b",".join(release.id_texts.of(choice.items))
        rungs = _rungs(tuple(choice.rungs))
        return b'{"user_id":%b,"occurred_at":%d%b%b],"rungs":%b}\n' % (
            _encode(user_id), at_ns // 1_000, middle, items, rungs,
        )  # fmt: skip

    def _middle(self, release: Release, rung: str) -> bytes:
        """Returns what stands between the time and the items of all answers of a rung."""
        text = b',"release":%b,"rung":%b,"experiment_id":null,"arm":"default","items":['
        middle = self._middles[rung] = text % (_encode(release.id), _encode(rung))
        return middle


@lru_cache(1_024)  # most lists come from one rung, or from two with a bound between
def _rungs(rungs: tuple[str, ...]) -> bytes:
    return _encode(rungs)
