"""Processes that push, pull and export, and that die, or lose their server, at a named moment.

They are forked from a process that has imported everything, and has no thread yet.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars  # noqa: F401 - imported once, before the fork
import upath  # noqa: F401

import core.bucket_place  # noqa: F401
from core import kill_points
from core.errors import CheckFailed, DaybreakError, ReleaseConflict
from core.place import open_place
from core.release_location import ReleaseLocation
from core.release_pull import pull
from core.release_push import push_release
from core.release_store import ReleaseStore
from core.retention import clear_releases
from core.retention_settings import RetentionSettings
from core.verified_copy import has_bytes
from serving.reader import open_release
from serving.redis_connection import connected
from serving.redis_export import export

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.moving", "tests.faults.forgetting"])


@dataclass(frozen=True)
class Fault:
    """What happens when a moment is reached for the n-th time; nothing without a name.

    Attributes:
        point: the kill point.
        nth: which time, from 1.
        victim: the process that gets SIGKILL; 0 for the one that reached the moment.
    """

    point: str = ""
    nth: int = 1
    victim: int = 0


NONE = Fault()


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status (-9 for killed, 3 for a foreseen error), and what it
    reached how often."""

    status: int
    points: Counter[str] = field(default_factory=Counter)
    error: str = ""


def run(act: Any, *arguments: Any, folder: Path, fault: Fault = Fault()) -> Ended:
    """Does something in a process of its own."""
    return finish(start(act, *arguments, folder=folder, fault=fault))


def start(act: Any, *arguments: Any, folder: Path, fault: Fault = Fault()) -> Any:
    """Begins to do something in a process of its own."""
    report = folder / f"report-{time.time_ns()}"
    process = _PROCESSES.Process(
        target=_attempt, args=(report, dict(os.environ), fault, act, arguments)
    )
    process.start()
    return process, report


def finish(started: Any) -> Ended:
    """Waits for what was started."""
    process, report = started
    process.join(900)
    assert process.exitcode is not None, "it hangs"
    lines = report.read_text().splitlines() if report.exists() else []
    points = Counter(line for line in lines if not line.startswith("!"))
    error = next((line[1:] for line in lines if line.startswith("!")), "")
    return Ended(process.exitcode, points, error)


def _attempt(report: Path, environment: dict[str, str], fault: Fault, act: Any, given: Any) -> None:
    os.environ.clear()
    os.environ.update(environment)
    reached: Counter[str] = Counter()
    with report.open("a", buffering=1) as told:

        def listen(point: str) -> None:
            reached[point] += 1
            told.write(f"{point}\n")
            if (point, reached[point]) == (fault.point, fault.nth):
                os.kill(fault.victim or os.getpid(), signal.SIGKILL)
                _wait_until_dead(fault.victim)

        kill_points.listen(listen)
        try:
            act(*given)
        except (DaybreakError, OSError) as error:
            told.write(f"!{type(error).__name__}: {error}\n")
            os._exit(3)


def _wait_until_dead(process: int) -> None:
    for _ in range(500):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(") ")[2][0] == "Z":
            return
        time.sleep(0.01)


def at(location: str) -> ReleaseLocation:
    """Returns the releases at a location."""
    return ReleaseLocation(open_place(location))


def publish(root: Path, location: str, *names: str) -> None:
    """Brings releases to the location and announces each there, once, whoever else does so."""
    there, releases = at(location), ReleaseStore(root)
    for release in names:
        push_release(releases, there, release)
        _announce(there, release)


def _announce(there: ReleaseLocation, release: str) -> None:
    while True:
        standing = there.log.standing()
        if release in standing.published:
            return
        try:
            there.log.append(
                "publish", release, release[:10], reason="a test", expected_seq=standing.seq
            )
        except ReleaseConflict:
            continue


def take(
    root: Path, location: str, n_pulls: int = 1, pause: float = 0.0, grace_seconds: float = 3600
) -> None:
    """Pulls, and after each pull reads in full what the home's own log names then."""
    releases, there = ReleaseStore(root), at(location)
    for _ in range(n_pulls):
        time.sleep(pause)
        pull(releases, there, grace_seconds=grace_seconds)
        current = ReleaseStore(root).log.current()
        if current is not None:
            check_served(releases, there, current)


def check_served(releases: ReleaseStore, there: ReleaseLocation, release: str) -> None:
    """Reads a release in full: its bytes, its golden answers, and that its texts are its own."""
    known = releases.log.entries()
    assert there.log.entries()[: len(known)] == known
    opened = open_release(releases.path(release))
    texts = {bytes(opened.fragment(n)) for n in range(opened.n_fragments)}
    seeds = {text.rpartition(b"#")[2].split(b'"')[0] for text in texts if b" #" in text}
    opened.close()
    assert seeds == {str(releases.manifest(release).seed).encode()}, (release, seeds)


def roll_back(location: str, n_times: int, pause: float) -> None:
    """Bars the current release now and then, where two others stand."""
    there = at(location)
    done = 0
    while done < n_times:
        standing = there.log.standing()
        if len(standing.candidates) > 2:
            entry = standing.candidates[0]
            try:
                there.log.append(
                    "rollback", entry.release, entry.as_of, reason="a test",
                    expected_seq=standing.seq,
                )  # fmt: skip
                done += 1
            except (ReleaseConflict, CheckFailed):
                continue
        time.sleep(pause)


def clear_away(root: Path, location: str, until: Path, kept: int, grace_seconds: float) -> None:
    """Clears up again and again, as `daybreak release gc` does, until a file appears."""
    settings = RetentionSettings(keep_releases=kept)
    while not until.exists():
        with contextlib.suppress(ReleaseConflict):  # others keep writing: again
            clear_releases(
                ReleaseStore(root), settings, grace_seconds=grace_seconds, location=at(location)
            )
        time.sleep(0.05)


def to_redis(root: Path, url: str, release: str) -> None:
    """Exports a release."""
    with connected(url) as client:
        export(client, ReleaseStore(root), release, [], must_be_current=False, grace_seconds=60)


def check_there(there: ReleaseLocation, release: str) -> None:
    """Reads every byte of a release at its location."""
    manifest, _ = there.manifest(release)
    folder = there.files(release)
    for name, record in manifest.files.items():
        assert has_bytes(folder, name, record), f"{release}/{name}"
