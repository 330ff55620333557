"""A home with streams to write to, as one server's workers see it."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from core.home import Home
from core.intake_settings import IntakeSettings
from core.tombstones import Tombstones
from serving.intake.event_stream import EventStream
from serving.intake.recent_actions import RecentActions
from serving.intake.segments import EVENTS, begin_streams
from serving.web.shared_memory import SharedMemory

N_ROWS = 3


def line(event_id, user="ann", item="m1", action="click"):
    text = (
        f'{{"event_id":"{event_id}","user_id":"{user}","item_id":"{item}","action":"{action}"}}\n'
    )
    return text.encode()


@dataclass
class Intake:
    home: Home
    settings: IntakeSettings = field(
        default_factory=lambda: IntakeSettings(reserve_bytes=0, segment_seconds=600)
    )

    def __post_init__(self):
        self.positions = SharedMemory(N_ROWS, {"positions": N_ROWS}).counts("positions")
        begin_streams(self.home, EVENTS, self.positions)

    def stream(self, row=0):
        return EventStream(self.home, row, self.settings, self.positions)

    def post(self, *batches, row=0, stop=True):
        """Returns what became of batches that one worker got, each once the one before was done."""

        async def give():
            stream = self.stream(row)
            stream.start(asyncio.get_running_loop())
            done = [await stream.append(batch) for batch in batches]
            if stop:
                await asyncio.to_thread(stream.stop)
            return done

        return asyncio.run(give())

    def reader(self, tombstones=Tombstones, **settings):
        reader = RecentActions(
            self.home, self.settings.model_copy(update=settings), self.positions, tombstones
        )
        reader.start()
        assert reader.wait(10)
        return reader

    def lines(self, *folders):
        """Returns all lines of the streams of events, by folder and name."""
        return [
            one
            for folder in folders or (self.home.intake, self.home.landing)
            for path in sorted(folder.glob("events-*"))
            for one in path.read_bytes().splitlines(keepends=True)
        ]


@pytest.fixture
def intake(tmp_path):
    return Intake(Home(tmp_path))


@pytest.fixture
def file_limit():
    """Lets no file of this process grow beyond some bytes, as a full disk would."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextlib.contextmanager
    def limited(n_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    yield limited
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
