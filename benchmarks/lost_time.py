"""How much of its time a machine takes away from those who run on it.

On a shared host a virtual processor stands still now and then, which neither a program nor its
kernel sees. No request in hand is answered meanwhile: a latency can't be shorter than that.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

_GAP_SECONDS = 0.001
"""A spinning process that sees the clock jump by more was off its core."""


def lost_time(seconds: float = 3.0) -> dict[str, Any]:
    """Spins on every core at once; returns what the core that lost most has lost.

    Args:
        seconds: how long.

    Returns:
        `share` of the time, `pauses` in number, and the `median_ms` and `max_ms` of them.
    """
    command = [sys.executable, "-m", "benchmarks.lost_time", str(seconds)]
    spinning = [
        subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True)
        for core in sorted(os.sched_getaffinity(0))
    ]
    found = [json.loads(process.communicate()[0]) for process in spinning]
    most: dict[str, Any] = max(found, key=lambda one: one["share"])
    return most


def _spin(seconds: float, core: int) -> dict[str, Any]:
    os.sched_setaffinity(0, {core})
    begin = last = time.perf_counter()
    pauses = []
    while last < begin + seconds:
        now = time.perf_counter()
        if now - last > _GAP_SECONDS:
            pauses.append(now - last)
        last = now
    pauses.sort()
    middle = pauses[len(pauses) // 2] if pauses else 0.0
    return {
        "share": round(sum(pauses) / (last - begin), 4),
        "pauses": len(pauses),
        "median_ms": round(middle * 1e3, 1),
        "max_ms": round(max(pauses, default=0.0) * 1e3, 1),
    }


if __name__ == "__main__":
    print(json.dumps(_spin(float(sys.argv[1]), int(sys.argv[2]))))
