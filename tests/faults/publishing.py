"""A process that publishes toy releases, forked from one that has imported everything.

`python -m tests.faults.publishing HOME` reads a JSON line for each attempt and answers with how the
process that made it ended.
"""

import ctypes
import json
import os
import signal
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.dataset  # noqa: F401 - imported by the first read otherwise, in every child

from assets.publication.announcement import announce
from assets.publication.garbage import clear_up
from assets.publication.gate import evaluate_gate
from core import kill_points
from core.artefact import Artefact
from core.errors import DaybreakError
from core.gate_settings import GateSettings
from core.home import Home
from core.night import Workspace
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.retention_settings import RetentionSettings
from core.settings import Settings
from serving.builder import ReleaseInputs, build_release
from tests.serving.conftest import toy_tables

N_TABLES = 4
GRACE_SECONDS = 2.0
"""Longer than a reader of a toy release takes; entries tell whole seconds, so really one."""
KEEP = RetentionSettings(keep_releases=3)
_FIRST = date(2000, 1, 1)
_NUMBERS = {
    "popularity_gain_lower": 1.0, "empty_list_share": 0.0, "seen_items": 0, "non_finite_numbers": 0,
    "null_keys": 0, "doubled_keys": 0, "packed_unlike_tables": 0,
    "quality_lower": 0.0, "coverage_ratio": 1.0, "users_covered_ratio": 1.0, "items_ratio": 1.0,
    "list_overlap": 1.0,
}  # fmt: skip


def plan_of(number: int) -> ReleasePlan:
    """Returns the plan of the release of one day; the next number is the next day's."""
    day = (_FIRST + timedelta(days=number)).isoformat()
    return ReleasePlan(as_of=day, inputs={}, config={}, seed=number)


def inputs_of(home: Path, number: int) -> ReleaseInputs:
    """Returns the tables that a release is made of; their sentences end in `#<number % 4>`."""
    folder = home / f"tables-{number % N_TABLES}"
    names = ReleaseInputs.__dataclass_fields__
    return ReleaseInputs(**{name: folder / f"{name}.parquet" for name in names})


def publish(home: Path, number: int) -> None:
    """Makes the artefact and the release of a number, announces it, and clears up."""
    plan = plan_of(number)
    night = Workspace(Home(home), Settings()).night(plan.as_of)
    night.make("lists", lambda staging: staging.write_json("number.json", number))
    releases = ReleaseStore(home / "releases")
    release, _ = ReleaseWriter(releases).make(plan, lambda staging: fill(home, number, staging))
    champion = releases.log.champion_before(plan.as_of)
    announce(releases, release, document(release, champion), {})
    clear_up(Home(home), KEEP, grace_seconds=GRACE_SECONDS)


def fill(home: Path, number: int, staging: Any) -> None:
    """Writes the release of a number into a staging folder."""
    build_release(staging, inputs_of(home, number), date(1970, 1, 11), n_shards=2)


def document(release: Artefact, champion: str | None) -> dict[str, Any]:
    """Returns a gate's yes."""
    verdict = evaluate_gate(
        _NUMBERS, GateSettings(), required_checks={"toy": True}, first_release=champion is None
    )
    return {
        "release": release.version, "champion": champion, "protocol": "toy",
        "verdict": verdict.to_dict(),
    }  # fmt: skip


def prepare(home: Path) -> None:
    """Writes the tables, and the releases of the first three numbers."""
    for number in range(N_TABLES):
        toy_tables(f" #{number}").write(home / f"tables-{number}")
    for number in range(3):
        publish(home, number)


def damage(home: Path, number: int) -> None:
    """Leaves a damaged release, and a damaged artefact, that nobody was told of."""
    plan = plan_of(number)
    night = Workspace(Home(home), Settings()).night(plan.as_of)
    made = night.make("lists", lambda staging: staging.write_json("number.json", number))
    made.artefact.file("number.json").write_text("damaged")
    release, _ = ReleaseWriter(ReleaseStore(home / "releases")).make(
        plan, lambda staging: fill(home, number, staging)
    )
    (release.path / "layout.json").write_text("damaged")


def attempt(home: Path, wish: dict[str, Any], report: Path) -> None:
    """Makes one attempt in this process, with the fault that is wished for.

    Args:
        home: where.
        wish: `act` (prepare, damage or publish), `number`, and for a fault: `point` and `nth`;
            or `call`, and `errno` or -1 to be killed; or `room` in bytes; `main` looks after
            `kill_after` in seconds.
        report: gets the kill points reached, the calls and bytes, and any error.
    """
    handle = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    seen: dict[str, int] = {}

    def listen(name: str) -> None:
        seen[name] = seen.get(name, 0) + 1
        os.write(handle, f"point {name}\n".encode())
        if (name, seen[name]) == (wish.get("point"), wish.get("nth")):
            os.kill(os.getpid(), signal.SIGKILL)

    library = ctypes.CDLL(None) if "LD_PRELOAD" in os.environ else None
    act = {"prepare": lambda: prepare(home), "damage": lambda: damage(home, wish["number"]),
           "publish": lambda: publish(home, wish["number"])}[wish["act"]]  # fmt: skip
    kill_points.listen(listen)
    if library is not None:
        at, how = wish.get("call", 0), wish.get("errno", 0)
        places = b"%s" % str(home / "releases").encode()
        library.failing_arm(places, ctypes.c_long(at), how, ctypes.c_long(wish.get("room", -1)))
    start = time.perf_counter()
    try:
        act()
    except DaybreakError as error:
        os.write(handle, f"error {type(error).__name__}: {error}\n".encode())
        os._exit(3)
    finally:
        if library is not None:
            library.failing_names.restype = ctypes.c_char_p
            os.write(handle, b"calls %s\n" % library.failing_names())
            os.write(handle, f"bytes {library.failing_bytes()}\n".encode())
        os.write(handle, f"seconds {time.perf_counter() - start}\n".encode())


def main() -> None:
    """Forks a process for each line until there are no more."""
    home = Path(sys.argv[1])
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                attempt(home, wish, home / "report")
                os._exit(0)
            except BaseException as error:  # noqa: BLE001 - told to whoever wished for it
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                sys.stderr.flush()
                os._exit(4)
        if "kill_after" in wish:
            time.sleep(wish["kill_after"])
            os.kill(pid, signal.SIGKILL)  # nobody has reaped it yet: the pid is still its own
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
