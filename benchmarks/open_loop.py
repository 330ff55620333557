"""Open-loop load: requests at a constant rate, whatever becomes of the answers.

The moment of every request is fixed in advance, and its latency counts from that moment. A request
that finds every connection taken waits and is sent as soon as one is free; none is left out. So a
server that stands still for a second is charged for all that should have been asked in that second,
where a generator that waits for each answer would have noticed one slow request.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.latencies import Latencies
from benchmarks.targets import Target
from core.errors import MachineFault

_ROOT = Path(__file__).resolve().parent.parent
FAILED = 0
"""The status of a request whose connection failed, or that was not answered in time."""


@dataclass(frozen=True)
class Load:
    """What to ask of a server on the loopback, and how often.

    Attributes:
        port: where it listens.
        target: what is asked; answers must give their content-length.
        rate: requests a second.
        seconds: how long; `rate × seconds` requests are made.
        connections: how many requests can be under way at once.
        processes: over how many processes the requests are dealt; one manages about 20,000
            requests a second on a core of its own.
        drain_seconds: how long after the last scheduled moment answers are waited for.
        most_lag_seconds: the 99th percentile of the generator's own lag up to which it is valid.
        most_busy: the share of the time up to which a process may run or want to run to be valid;
            above it, answers lie unread and pass for slow ones.
    """

    port: int
    target: Target
    rate: float
    seconds: float
    connections: int = 64
    processes: int = 1
    drain_seconds: float = 10.0
    most_lag_seconds: float = 0.001
    most_busy: float = 0.9

    @property
    def n_requests(self) -> int:
        """How many requests are made."""
        return max(1, round(self.rate * self.seconds))

    def to_json(self) -> str:
        """Returns what `from_json` makes the same load of."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Load":
        """Returns the load that `to_json` described."""
        given = json.loads(text)
        return cls(**{**given, "target": Target(**given["target"])})


@dataclass(frozen=True)
class Outcome:
    """What became of a load.

    Attributes:
        load: the load.
        seconds: from the first scheduled moment to the last answer.
        latencies: by status, from the scheduled moment on; under FAILED, until it was given up.
        lag: how late the generator itself was, where a connection was free for it to send.
        busy: the share of the time in which the generator's busiest process ran, or wanted to
            while another one had its core.
    """

    load: Load
    seconds: float
    latencies: Mapping[int, Latencies]
    lag: Latencies
    busy: float

    @property
    def statuses(self) -> dict[int, int]:
        """How many requests ended with each status; together all that were scheduled."""
        return {status: len(found) for status, found in sorted(self.latencies.items())}

    @property
    def all_latencies(self) -> Latencies:
        """The latencies of every request, whatever its status."""
        return _together(self.latencies.values())

    @property
    def achieved_rate(self) -> float:
        """Answers a second."""
        return sum(n for status, n in self.statuses.items() if status != FAILED) / self.seconds

    @property
    def is_valid(self) -> bool:
        """Whether the generator kept up; where it did not, latencies are too long, never short."""
        kept_up = self.busy <= self.load.most_busy
        return kept_up and self.lag.percentile(99) <= self.load.most_lag_seconds

    def summary(self) -> dict[str, Any]:
        """Returns the figures, latencies in milliseconds."""
        return {
            "offered_per_second": round(self.load.rate, 1),
            "achieved_per_second": round(self.achieved_rate, 1),
            "requests": self.load.n_requests,
            "statuses": {str(status): n for status, n in self.statuses.items()},
            **self.all_latencies.summary(),
            "generator_lag": self.lag.summary(),
            "generator_busy": round(self.busy, 3),
            "valid": self.is_valid,
        }


class OpenLoop:
    """A load under way, in processes of its own; `finish` waits for its end.

    Leaving it as a context ends the processes, finished or not.
    """

    def __init__(self, load: Load) -> None:
        self.load = load
        command = [sys.executable, "-m", "benchmarks.open_loop_process", load.to_json()]
        self._processes = [
            subprocess.Popen(
                [*command, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                cwd=_ROOT,
            )
            for part in range(load.processes)
        ]  # fmt: skip
        try:
            for process in self._processes:
                self._line(process)
            self.begins = time.monotonic() + 0.05
            for process in self._processes:
                assert process.stdin
                process.stdin.write(f"{self.begins!r}\n")
                process.stdin.flush()
        except BaseException:
            self.close()
            raise

    def finish(self) -> Outcome:
        """Waits until every request has ended; returns what became of them.

        Raises:
            MachineFault: a process of the generator failed.
        """
        parts = [json.loads(self._line(process)) for process in self._processes]
        self.close()
        histograms: dict[int, list[Latencies]] = {}
        for part in parts:
            for status, found in part["latencies"].items():
                histograms.setdefault(int(status), []).append(Latencies.from_json(found))
        return Outcome(
            self.load,
            max(part["ended"] for part in parts) - self.begins,
            {status: _together(found) for status, found in histograms.items()},
            _together(Latencies.from_json(part["lag"]) for part in parts),
            max(part["busy"] for part in parts),
        )

    def close(self) -> None:
        """Ends the processes."""
        for process in self._processes:
            process.kill()
            process.communicate()

    def __enter__(self) -> "OpenLoop":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _line(process: "subprocess.Popen[str]") -> str:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise MachineFault(f"the load generator ended with status {process.wait()}")
        return line


def run_open_loop(load: Load) -> Outcome:
    """Runs a load to its end; returns what became of it."""
    with OpenLoop(load) as running:
        return running.finish()


def _together(parts: Iterable[Latencies]) -> Latencies:
    whole = Latencies()
    for part in parts:
        whole.merge(part)
    return whole
