"""FAULTS row 3: a new release replaces the old one without a gap.

Releases are published, rolled back and, once, damaged while an open loop asks at a quarter of what
the server can answer: no request fails, no answer mixes two releases, and what is not served any
more is no longer mapped.
"""

import random
import re
import sys
import time
import urllib.request
from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks.open_loop import Load, OpenLoop, run_open_loop
from benchmarks.programs import Program, free_port
from benchmarks.serving_home import AS_OF
from benchmarks.serving_home import publish as publish_large
from benchmarks.targets import Target
from core.home import Home
from core.release_store import ReleaseStore
from serving import release_commands as commands
from tests.faults.asking import Asker
from tests.faults.test_02_corruption_is_caught import one_bit
from tests.serving.conftest import publish_toy

pytestmark = pytest.mark.faults

PATH = "/v1/recommendations?user_id=ann"
PATHS = [
    PATH,
    "/v1/recommendations?user_id=bob&count=3",
    "/v1/recommendations?user_id=zoe&session=m1,m4",
    "/v1/recommendations?user_id=cat&count=3",
    "/v1/recommendations?user_id=nobody&genres=comedy",
    "/v1/items/m1/similar",
]
EACH_SECONDS = 0.5
"""Pause between the beginnings of two swaps."""
MOST_SECONDS = 0.020
"""The 99th percentile that is promised while releases are swapped."""
_MAPPED = re.compile(r"/releases/versions/([^/\s]+)/")


class World:
    """A home, its server, and the releases that stand, the served one last."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.releases = ReleaseStore(self.home.releases)
        self.seeds: dict[str, str] = {}
        self._waiting: list[tuple[str, str]] = []
        self._n_built = 0
        self.served: list[str] = []
        self.slowest = 0.0
        self.prepare(1)
        self.publish()
        self.program = started(self.home, folder / "log")
        (self.worker,) = self.program.processes()[1:]

    def prepare(self, n: int) -> None:
        """Builds releases that nobody was told of yet."""
        for _ in range(n):
            seed = self._n_built = self._n_built + 1
            day = (date(2000, 1, 1) + timedelta(days=seed)).isoformat()
            name = publish_toy(self.home.releases, day, seed, log=False)
            self.seeds[name] = str(seed)
            self._waiting.append((name, day))

    def publish(self) -> None:
        name, day = self._waiting.pop(0)
        self.releases.log.append("publish", name, day, reason="a swap")
        self.served.append(name)

    def roll_back(self) -> None:
        commands.rollback(self.home, reason="a swap")
        self.served.pop()

    def bar_damaged(self) -> None:
        commands.rollback(self.home, reason="damaged")

    def publish_damaged(self) -> None:
        """Announces a release with one wrong bit: what is served stays."""
        name, day = self._waiting.pop(0)
        shard = self.releases.path(name) / "users" / "default" / "shard-00.records"
        one_bit(shard, random.Random(3))
        self.releases.log.append("publish", name, day, reason="damaged")
        del self.seeds[name]

    def swap(self, act, asker: Asker) -> None:
        """Acts, and waits until the server has followed."""
        start = time.monotonic()
        act()
        if act in (self.publish_damaged, self.bar_damaged):
            while self.refuses() != (act == self.publish_damaged):
                assert time.monotonic() < start + 20
                time.sleep(0.1)
        while asker.last != self.served[-1]:
            assert time.monotonic() < start + 20, (asker.last, self.served[-1])
            time.sleep(0.01)
        self.slowest = max(self.slowest, time.monotonic() - start)

    def acts(self, n: int) -> list:
        """Returns n swaps: two are new releases, the third goes back; one damaged among them."""
        acts = [self.roll_back if number % 3 == 2 else self.publish for number in range(n)]
        acts[n // 2 : n // 2] = [self.publish_damaged, self.bar_damaged]
        self.prepare(acts.count(self.publish) + 1)
        return acts

    def refuses(self) -> bool:
        """Returns whether the server refuses a release that stands."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.program.port}/metrics") as response:
            return b"daybreak_releases_refused 1.0" in response.read()

    def private_mb(self) -> float:
        (memory,) = self.program.memory()
        return memory["beyond_page_cache"]


def mapped(pid: int) -> list[str]:
    """Returns the releases of which a process maps files, ascending."""
    return sorted(set(_MAPPED.findall(Path(f"/proc/{pid}/maps").read_text())))


def started(home: Home, log: Path) -> Program:
    """Returns a home's server of one worker, once it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "serving", "--home", str(home.root),
               "--port", str(port), "--poll-seconds", "0.1"]  # fmt: skip
    settings = {"DAYBREAK_LIMITS__USER_RATE": "0"}
    return Program(command, port, log, ready="/readyz", environment=settings)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.program.stop()


def measured(world, n_swaps):
    """Swaps under load; returns what became of the requests, and how many swaps they saw."""
    full = run_open_loop(Load(world.program.port, Target(PATH), 30_000, 0.3, connections=32))
    acts = world.acts(n_swaps)
    asker = Asker(world.program.port, PATHS)
    asker.start()
    asker.wait_for(len(PATHS))
    private, n_mapped, n_during = world.private_mb(), 0, 0
    seconds = len(acts) * EACH_SECONDS + 0.5
    load = Load(world.program.port, Target(PATH), full.achieved_rate / 4, seconds, connections=32)
    with OpenLoop(load) as running:
        for number, act in enumerate(acts):
            time.sleep(max(0.0, running.begins + number * EACH_SECONDS - time.monotonic()))
            world.swap(act, asker)
            n_mapped = max(n_mapped, len(mapped(world.worker)))
            n_during += time.monotonic() < running.begins + seconds
        found = running.finish()
    asker.end()
    deadline = time.monotonic() + 15
    while mapped(world.worker) != [world.served[-1]]:
        assert time.monotonic() < deadline, mapped(world.worker)
        time.sleep(0.05)
    grown = world.private_mb() - private
    latencies = found.all_latencies
    print(
        f"{n_during} of {len(acts)} swaps under {load.rate:.0f} of {full.achieved_rate:.0f} "
        f"requests/s, the slowest {world.slowest:.2f} s: {found.statuses}, p50 "
        f"{latencies.percentile(50) * 1e3:.2f}, p99 {latencies.percentile(99) * 1e3:.2f}, longest "
        f"{latencies.longest * 1e3:.1f} ms{'' if found.is_valid else ' (generator too slow)'}; "
        f"{asker.statuses.total()} answers read, {len(asker.answers)} pairs of release and text; "
        f"at most {n_mapped} releases mapped at once, memory grew by {grown:.1f} MB"
    )
    assert found.statuses == {200: load.n_requests}
    assert set(asker.statuses) == {200}
    texts_of = {(name, seed) for name, seed in world.seeds.items()}
    assert set(asker.answers) <= texts_of | {(name, "") for name in world.seeds}
    assert len({name for name, ending in asker.answers if ending}) > n_swaps / 2
    assert grown < 10
    return found, n_during == len(acts)


def test_a_hundred_swaps_under_load(world, trials):
    """Where the generator could not keep up, as on a machine with other work, latencies are too
    long and never too short: such a measurement shows nothing if it fails, and is repeated."""
    for _ in range(trials(1, 3)):
        found, all_during = measured(world, trials(5, 100))
        p99 = found.all_latencies.percentile(99)
        if all_during and (found.is_valid or p99 <= MOST_SECONDS):
            break
    if trials(False, True):
        assert all_during
        assert p99 <= MOST_SECONDS


def test_swaps_of_large_releases_under_load(tmp_path, trials):
    """Verifying one takes long, beside the answers, on the same cores: pinned in turn."""
    n_users, n_items, n_swaps = trials((500, 200, 2), (200_000, 20_000, 20))
    home = Home(tmp_path / "home")
    for seed in (1, 2):
        publish_large(home, n_users, n_items, seed)
    releases = ReleaseStore(home.releases)
    names = [entry.release for entry in releases.log.entries()]
    path = "/v1/recommendations?user_id={user}"
    with started(home, tmp_path / "log") as program:
        target = Target(path, n_users, n_items)
        full = run_open_loop(Load(program.port, target, 30_000, 0.3, connections=32))
        asker = Asker(program.port, [path.format(user="u00000001")])
        asker.start()
        for _ in range(trials(1, 3)):
            rate, seconds = full.achieved_rate / 4, 2 * n_swaps
            load = Load(program.port, target, rate, seconds, connections=32)
            with OpenLoop(load) as running:
                for number in range(n_swaps):
                    releases.log.append("pin", names[number % 2], AS_OF.isoformat(), reason="swap")
                    deadline = time.monotonic() + 30
                    while asker.last != names[number % 2]:
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
                    time.sleep(max(0.0, running.begins + 2 * number + 1 - time.monotonic()))
                found = running.finish()
            p99 = found.all_latencies.percentile(99)
            print(
                f"{n_swaps} swaps of {n_users:,} users under {rate:.0f} requests/s: p99 "
                f"{p99 * 1e3:.1f} ms{'' if found.is_valid else ' (generator too slow)'}"
            )
            assert found.statuses == {200: load.n_requests}
            if found.is_valid or p99 <= MOST_SECONDS:
                break
        assert set(asker.end().statuses) == {200}
    assert p99 <= trials(30, MOST_SECONDS)
