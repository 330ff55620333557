"""Servers that take turns at answering, and how their rates compare."""

import itertools
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.programs import Program
from benchmarks.targets import Target
from benchmarks.wrk import Counted, run_wrk
from core.errors import CheckFailed


@dataclass
class Contender:
    """One server, what it is asked, and what came of its turns.

    Attributes:
        program: the server.
        target: what it is asked.
        ratio: under which name its rate over nginx's is told; empty: under none.
        about: what else is to be told of it.
        turns: what wrk counted in each turn.
        cores: the processor time of each turn over the turn's length.
    """

    program: Program
    target: Target
    ratio: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    turns: list[Counted] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)

    def ask(self, seconds: int) -> Counted:
        """Lets wrk ask for so long, other users each time; returns what it counted."""
        before = self.program.cpu_seconds()
        target = replace(self.target, seed=self.target.seed + len(self.turns))
        counted = run_wrk(self.program.port, target, seconds)
        self.cores.append((self.program.cpu_seconds() - before) / counted.seconds)
        return counted

    @property
    def rate(self) -> float:
        """The median of the turns' answers a second."""
        return statistics.median(turn.rate for turn in self.turns)

    def summary(self) -> dict[str, Any]:
        """Returns the figures."""
        rates = [turn.rate for turn in self.turns]
        return {
            "requests_per_second": {
                "min": round(min(rates)), "median": round(self.rate), "max": round(max(rates)),
            },
            "requests": sum(turn.requests for turn in self.turns),
            "not_2xx": sum(turn.not_2xx for turn in self.turns),
            "failed": sum(turn.failed for turn in self.turns),
            "cores": round(statistics.median(self.cores), 2),
            "wrk_cores": round(statistics.median(turn.wrk_cores for turn in self.turns), 2),
            "seconds_to_ready": round(self.program.seconds_to_ready, 2),
            "workers_mb": self.program.memory(),
            **self.about,
        }  # fmt: skip


def take_turns(contenders: Mapping[str, Contender], rounds: int, seconds: int) -> None:
    """Asks all in turn, round by round; a first, short turn each is not counted.

    Raises:
        CheckFailed: a request failed, or was answered otherwise than 2xx.
    """
    for contender in contenders.values():
        contender.ask(max(1, seconds // 5))
        contender.cores.clear()
    for name, contender in itertools.chain.from_iterable([contenders.items()] * rounds):
        counted = contender.ask(seconds)
        if counted.not_2xx or counted.failed:
            raise CheckFailed(
                f"{name} failed {counted.failed:,} and answered {counted.not_2xx:,} of "
                f"{counted.requests:,} requests otherwise than 2xx; a rate of refusals is none"
            )
        contender.turns.append(counted)


def ratios(contenders: Mapping[str, Contender]) -> dict[str, float]:
    """Returns the medians of the rounds' ratios to nginx and to FastAPI with Redis, if they ran."""
    told = {}
    if nginx := contenders.get("nginx"):
        told = {one.ratio: _over(one, nginx) for one in contenders.values() if one.ratio}
    if fastapi := contenders.get("fastapi_redis"):
        told["ratio_fastapi_redis"] = _over(contenders["everything"], fastapi)
    return told


def _over(one: Contender, other: Contender) -> float:
    pairs = zip(one.turns, other.turns, strict=True)
    return round(statistics.median(a.rate / b.rate for a, b in pairs), 4)
