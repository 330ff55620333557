"""Closed-loop load by the program wrk: as many requests as a server answers."""

import json
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.targets import Target
from core.errors import MachineFault

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("drawing.lua")


@dataclass(frozen=True)
class Counted:
    """What one run of wrk counted.

    Attributes:
        seconds: how long it asked.
        requests: answers in all, at least one.
        not_2xx: answers with a status of 400 or more.
        failed: connections that failed and requests that timed out.
        wrk_cores: processor time that wrk itself used, over the time that it ran.
    """

    seconds: float
    requests: int
    not_2xx: int
    failed: int
    wrk_cores: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def find_wrk() -> str:
    """Returns the path of the program.

    Raises:
        MachineFault: it is not on the PATH.
    """
    program = shutil.which("wrk")
    if program is None:
        raise MachineFault("there is no wrk on the PATH; install it (apt install wrk)")
    return program


def run_wrk(port: int, target: Target, seconds: int, connections: int = CONNECTIONS) -> Counted:
    """Asks a server on the loopback for what it can answer, from one thread.

    Raises:
        MachineFault: wrk is not on the PATH or failed, or nothing was answered.
    """
    headers = [f"-H{name}: {value}" for name, value in target.headers.items()]
    before = _used()
    done = subprocess.run(
        [
            find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT), *headers,
            f"http://127.0.0.1:{port}/", "--",
            target.path, str(target.n_users), str(target.n_items), str(target.seed),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode or not done.stdout.endswith("}\n"):
        raise MachineFault(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if not told["requests"]:
        raise MachineFault(f"127.0.0.1:{port} answered nothing within {seconds} s")
    ran = told["us"] / 1e6
    return Counted(
        seconds=ran,
        requests=told["requests"],
        not_2xx=told["not_2xx"],
        failed=told["failed"],
        wrk_cores=(_used() - before) / ran,
    )


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
