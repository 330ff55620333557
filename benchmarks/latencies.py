"""Latencies in a fixed amount of memory, however many there are."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_STEPS = 1 << 10
"""Steps in every doubling: a recorded value is at most 0.1 % from the true one."""
_LONGEST_US = (1 << 36) - 1
_N = (36 - 11) * _STEPS + 2 * _STEPS
_AT_ONCE = 4_096


class Latencies:
    """A histogram whose steps grow with the value, as HdrHistogram's do: 1 µs to 19 hours."""

    def __init__(self) -> None:
        self._counts = np.zeros(_N, np.int64)
        self._waiting: list[float] = []
        self._longest = 0.0

    def add(self, seconds: float) -> None:
        """Records one."""
        self._waiting.append(seconds)
        if len(self._waiting) == _AT_ONCE:
            self._sort_in()

    def merge(self, other: "Latencies") -> None:
        """Records all that another one holds."""
        self._longest = max(self.longest, other.longest)
        self._counts += other._sorted_in()

    def __len__(self) -> int:
        """Returns how many were recorded."""
        return int(self._sorted_in().sum())

    @property
    def longest(self) -> float:
        """The longest, exactly, in seconds; 0 where there is none."""
        self._sort_in()
        return self._longest

    def percentile(self, percent: float) -> float:
        """Returns the least latency in seconds that so many per cent do not exceed.

        It is rounded up to its step; NaN where nothing was recorded.
        """
        reached = np.cumsum(self._sorted_in())
        if not reached[-1]:
            return math.nan
        rank = max(1, math.ceil(percent / 100 * int(reached[-1])))
        return min(_highest_us(int(np.searchsorted(reached, rank))) / 1e6, self._longest)

    def summary(self) -> dict[str, float]:
        """Returns p50, p90, p99, p99.9 and the longest in milliseconds."""
        named = {"p50": 50, "p90": 90, "p99": 99, "p99_9": 99.9}
        found = {f"{name}_ms": self.percentile(percent) for name, percent in named.items()}
        found["max_ms"] = self.longest
        return {name: round(seconds * 1e3, 3) for name, seconds in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Returns what `from_json` makes the same latencies of."""
        counts = self._sorted_in()
        steps = np.flatnonzero(counts)
        return {
            "longest": self.longest, "steps": steps.tolist(), "counts": counts[steps].tolist(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Latencies":
        """Returns the latencies that `to_json` described."""
        made = cls()
        made._longest = document["longest"]
        made._counts[document["steps"]] = document["counts"]
        return made

    def _sorted_in(self) -> Any:
        self._sort_in()
        return self._counts

    def _sort_in(self) -> None:
        if self._waiting:
            seconds = np.asarray(self._waiting)
            self._waiting.clear()
            self._longest = max(self._longest, float(seconds.max()))
            us = np.clip(np.ceil(seconds * 1e6), 0, _LONGEST_US)
            n_bits = np.frexp(us)[1]
            shifts = np.maximum(n_bits - 11, 0)
            steps = shifts * _STEPS + (us.astype(np.int64) >> shifts)
            self._counts += np.bincount(steps, minlength=_N)


def _highest_us(step: int) -> int:
    """Returns the highest value that falls into a step."""
    shift = max(step // _STEPS - 1, 0)
    return ((step - shift * _STEPS + 1) << shift) - 1
