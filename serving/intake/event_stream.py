"""One worker's stream of accepted events: on the disk before anyone is told so."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from core.home import Home
from core.intake_settings import IntakeSettings
from core.kill_points import reach
from serving.intake.observer import Observer, Unobserved
from serving.intake.sealing import seal_leftovers
from serving.intake.segment_writer import SegmentWriter
from serving.intake.segments import EVENTS

_RETRY_SECONDS = 1.0
_WRITE, _SEAL = "write", "take to the landing zone the"
_LEFTOVERS = "take to the landing zone dead workers'"
_log = logging.getLogger("daybreak.serving")
_Waiting = tuple[bytes, "asyncio.Future[bool]"]


class EventStream:
    """Takes lines from the event loop; a thread writes all that wait with one flush.

    Args:
        home: where segments lie.
        row: the worker's.
        settings: limits.
        positions: the cells in which all processes see how far the workers' streams are.
        observer: is told what the thread does.

    Attributes:
        n_bytes_waiting: bytes that the disk has not got yet.
    """

    def __init__(
        self,
        home: Home,
        row: int,
        settings: IntakeSettings,
        positions: "memoryview[int]",
        observer: Observer | None = None,
    ) -> None:
        self._observer = observer or Unobserved()
        self._unsealed_since = 0.0
        self.n_bytes_waiting = 0
        self._home, self._row, self._settings = home, row, settings
        self._positions = positions
        self._waiting: deque[_Waiting] = deque()
        self._wake = threading.Event()
        self._is_stopping = False
        self._must_seal = False
        self._failures: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: SegmentWriter | None = None
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to write; what dead workers left goes to the landing zone first."""
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, takes the segment to the landing zone and ends the thread."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join(timeout=5)

    def append(self, lines: Sequence[bytes]) -> "asyncio.Future[bool] | None":
        """Hands lines over; returns what becomes true once they are on the disk.

        It becomes false where the disk refused: then nothing of them is in the stream. None where
        so much waits already that they are not taken.
        """
        content = b"".join(lines)
        if (
            self._is_stopping
            or self._loop is None
            or self.n_bytes_waiting + len(content) > self._settings.max_waiting_bytes
        ):
            return None
        self.n_bytes_waiting += len(content)
        done = self._loop.create_future()
        self._waiting.append((content, done))
        self._wake.set()
        return done

    def seal_soon(self) -> None:
        """Takes the open segment to the landing zone now, whatever its age and size."""
        self._must_seal = True
        self._wake.set()

    @property
    def failure(self) -> str | None:
        """What the disk said when events were last to be written; None where it took them."""
        return self._failures.get(_WRITE)

    def _run(self) -> None:
        self._attempt(_LEFTOVERS, self._seal_leftovers)
        while not (self._is_stopping and not self._waiting):
            if group := [self._waiting.popleft() for _ in range(len(self._waiting))]:
                is_durable = self._attempt(_WRITE, lambda: self._write(group))
                if not is_durable:
                    self._observer.failed()
                self._answer(group, is_durable)
            elif self._writer is None:
                self._attempt(_WRITE, self._open)
            self._attempt(_SEAL, self._seal_if_due)
            self._wake.wait(self._pause())
            self._wake.clear()
        if self._writer is not None:
            self._attempt(_SEAL, self._writer.seal)

    def _pause(self) -> float | None:
        if self._failures or self._writer is None:
            return _RETRY_SECONDS
        return self._writer.seconds_left()

    def _seal_leftovers(self) -> None:
        seal_leftovers(self._home)

    def _open(self) -> SegmentWriter:
        if self._writer is None:
            published = self._positions[self._row]
            self._writer = SegmentWriter(self._home, EVENTS, self._row, self._settings, published)
            self._positions[self._row] = self._writer.position
        return self._writer

    def _write(self, group: Sequence[_Waiting]) -> None:
        start = time.perf_counter_ns()
        writer = self._open()
        writer.append(b"".join(content for content, _ in group), flush=True)
        self._positions[self._row] = writer.position
        reach("events_announced")
        self._observer.committed(time.perf_counter_ns() - start)
        if not self._unsealed_since:
            self._unsealed_since = time.time()
            self._observer.unsealed_since(self._unsealed_since)

    def _seal_if_due(self) -> None:
        writer = self._writer
        if writer is not None and (self._must_seal or writer.seconds_left() == 0):
            self._must_seal = False
            writer.seal()
            self._unsealed_since = 0.0
            self._observer.unsealed_since(0.0)

    def _attempt(self, what: str, act: Callable[[], object]) -> bool:
        """Returns whether the disk let something be done; says it when that changes."""
        try:
            act()
        except OSError as error:
            told = error.strerror or str(error)
            if self._failures.get(what) != told:
                _log.error("intake: can't %s events (%s)", what, told)
            self._failures[what] = told
            return False
        if self._failures.pop(what, None):
            _log.info("intake: can %s events again", what)
        return True

    def _answer(self, group: Sequence[_Waiting], is_durable: bool) -> None:
        assert self._loop is not None

        def tell() -> None:
            for content, done in group:
                self.n_bytes_waiting -= len(content)
                if not done.done():
                    done.set_result(is_durable)

        with contextlib.suppress(RuntimeError):  # the loop may have ended before
            self._loop.call_soon_threadsafe(tell)
