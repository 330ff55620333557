"""Accepts events while one writing call after the other fails; run under the failing library.

How many flushes come before a segment is sealed is the machine's affair, so that the calls are
failed one after the other until each kind has been met, and at least as many as asked for.
"""

import asyncio
import ctypes
import json
import sys
from pathlib import Path

from core.home import Home
from serving.intake.event_stream import EventStream
from tests.faults.accepting import SETTINGS, line, positions_in

NOTHING = -1
KINDS = {"open64", "write", "fdatasync", "fsync", "rename"}
MOST = 400  # calls before the kinds that are still missing count as never made


async def main(root: Path, what: int, n_calls: int) -> None:
    """Prints which events were acknowledged, and which calls failed."""
    library = ctypes.CDLL(None)
    library.failing_names.restype = ctypes.c_char_p
    acknowledged, refused, failed = [], 0, set()
    cells = positions_in(root.with_name("cells"), 1)
    for at in range(1, MOST + 1):
        if at > n_calls and failed >= KINDS:
            break
        library.failing_arm(str(root).encode(), at, what, NOTHING)
        stream = EventStream(Home(root), 0, SETTINGS, cells)
        stream.start(asyncio.get_running_loop())
        turn = 0
        while library.failing_calls() <= at:
            event_id, turn = f"{at}-{turn}", turn + 1
            done = stream.append([line(event_id, "ann")])
            if done is not None and await done:
                acknowledged.append(event_id)
            else:
                refused += 1
            if turn % 3 == 0:
                stream.seal_soon()
        failed.add(library.failing_names().decode().split(",")[at - 1])
        done = stream.append([line(f"{at}-well", "ann")])
        assert done is not None
        assert await done, "the disk is well, and the intake is not"
        acknowledged.append(f"{at}-well")
        await asyncio.to_thread(stream.stop)
    print(json.dumps({"acknowledged": acknowledged, "refused": refused, "failed": sorted(failed)}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
