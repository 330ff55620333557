"""A worker that accepts events as fast as it can, tells which it acknowledged, and may die.

Forked from a process that has imported everything, and has no thread yet.
"""

import asyncio
import itertools
import json
import mmap
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from core import kill_points
from core.home import Home
from core.intake_settings import IntakeSettings
from serving.intake.event_stream import EventStream

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.faults.accepting"])
SETTINGS = IntakeSettings(reserve_bytes=0, segment_bytes=4_096, segment_seconds=0.05)
N_CLIENTS = 2


def positions_in(path: Path, n_rows: int) -> "memoryview[int]":
    """Returns the cells of positions in a file, which stands for the server's shared memory."""
    if not path.exists():
        path.write_bytes(bytes(8 * n_rows))
    with path.open("r+b") as stream:
        return memoryview(mmap.mmap(stream.fileno(), 0)).cast("Q")


def line(event_id: str, user: str) -> bytes:
    """Returns an event of an item that is called like the event."""
    fields = {
        "event_id": event_id, "user_id": user, "item_id": event_id, "action": "view",
        "occurred_at": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    return json.dumps(fields).encode() + b"\n"


def accept(
    root: Path, cells: Path, row: int, trial: int, told: Connection, point: str, nth: int, n: int
) -> None:
    """Accepts `n` events from each client, and dies when a point is reached for the nth time."""
    reached = itertools.count(1)

    def die(name: str) -> None:
        if name == point and next(reached) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    kill_points.listen(die)
    stream = EventStream(Home(root), row, SETTINGS, positions_in(cells, 2))

    async def client(number: int) -> None:
        for turn in range(n):
            event_id = f"{trial}-{number}-{turn}"
            done = stream.append([line(event_id, f"user-{trial}")])
            if done is not None and await done:
                told.send(event_id)

    async def run() -> None:
        stream.start(asyncio.get_running_loop())
        await asyncio.gather(*(client(number) for number in range(N_CLIENTS)))
        await asyncio.to_thread(stream.stop)

    asyncio.run(run())
