"""Servers as programs of their own: started, awaited, looked at and ended."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import MachineFault

_ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120.0


class Program:
    """A server on the loopback, in a process group of its own.

    Args:
        command: what to run.
        port: where it will listen.
        ready: the path that answers 200 once it may be used; empty: that it listens is enough.
        environment: variables beside those of this process.
        log: what it prints goes there.

    Raises:
        MachineFault: it ended, or was not ready within two minutes; with the end of its log.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: Path,
        *,
        ready: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self._log = log
        started = time.monotonic()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=_ROOT, start_new_session=True, env={**os.environ, **(environment or {})},
            )  # fmt: skip
        try:
            while not _is_ready(port, ready):
                if self._process.poll() is not None or _since(started) > START_SECONDS:
                    raise MachineFault(f"{command[0]} is not ready: {self._last_words()}")
                time.sleep(0.01)
        except BaseException:
            self.stop()
            raise
        self.seconds_to_ready = _since(started)

    def processes(self) -> list[int]:
        """Returns the program's process and its descendants, parents first."""
        found = [self._process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def cpu_seconds(self) -> float:
        """Returns the processor time that it has used with all its processes."""
        return sum(_cpu_seconds(pid) for pid in self.processes())

    def memory(self) -> list[dict[str, float]]:
        """Returns each worker's megabytes; the first process counts where it is the only one.

        `pss` shares the pages of several processes out among them; `beyond_page_cache` is all that
        no file backs, pages that a parent has too in full; `private_dirty` is what the process
        alone has written.
        """
        pids = self.processes()
        return [_memory(pid) for pid in pids[1:] or pids]

    def pause(self) -> None:
        """Stops every process of it where it stands."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Ends it: with SIGTERM, and what is left of it after at most ten seconds with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self.resume()
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(lines[-3:]) or "it printed nothing"


def free_port() -> int:
    """Returns a port of the loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _since(moment: float) -> float:
    return time.monotonic() - moment


def _is_ready(port: int, path: str) -> bool:
    try:
        if not path:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return True
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kb = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    found = {
        "pss": kb["Pss"],
        "beyond_page_cache": kb["Anonymous"] + kb["Pss_Shmem"],
        "private_dirty": kb["Private_Dirty"],
    }
    return {name: round(size / 1024, 1) for name, size in found.items()}
