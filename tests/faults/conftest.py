"""A publisher that can be killed or made to fail, and a reader that never stops reading."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.programs import Program, free_port
from core.home import Home
from tests import small_world
from tests.needed import missing
from tests.serving.conftest import publish_toy

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Attempt:
    """How one attempt ended.

    Attributes:
        status: the exit status; -9 for killed, 3 for an error of Daybreak's own tree.
        points: how often each kill point was reached.
        error: the error's line.
        told: bytes written, seconds and the names of the calls, where the process lived to tell.
    """

    status: int
    points: dict[str, int] = field(default_factory=dict)
    error: str = ""
    told: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        """The names of the writing calls that it made, in order."""
        return self.told.get("calls", "").rstrip(",").split(",")


class Publisher:
    """The process of `publishing.py`, and what it left behind each time."""

    def __init__(self, home: Path, library: Path | None = None) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        more = {"LD_PRELOAD": str(library)} if library else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.publishing", str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "2", **more},
        )  # fmt: skip
        prepared = self("prepare")
        assert prepared.status == 0, prepared

    def __call__(self, act: str, number: int = 0, **wish: Any) -> Attempt:
        """Makes an attempt, with the fault that is wished for; see `publishing.attempt`."""
        process = self._process
        assert process.stdin
        assert process.stdout
        (self.home / "report").unlink(missing_ok=True)
        process.stdin.write(json.dumps({"act": act, "number": number, **wish}) + "\n")
        process.stdin.flush()
        return self._report(int(process.stdout.readline()))

    def _report(self, status: int) -> Attempt:
        points: dict[str, int] = {}
        told, error = {}, ""
        report = self.home / "report"
        for line in report.read_text().splitlines() if report.exists() else []:
            word, _, rest = line.partition(" ")
            if word == "point":
                points[rest] = points.get(rest, 0) + 1
            elif word == "error":
                error = rest
            else:
                told[word] = rest
        return Attempt(status, points, error, told)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


class Reader:
    """The process of `reading.py`."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.reading", str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def close(self) -> dict[str, Any]:
        """Ends the process; returns what it saw."""
        told, _ = self._process.communicate(timeout=60)
        found: dict[str, Any] = json.loads(told)
        return found


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    """A publisher whose home holds three releases."""
    made = Publisher(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture(scope="session")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes system calls fail, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        missing("failing system calls needs Linux and a C compiler, and there is none here")
    library = tmp_path_factory.mktemp("failing") / "failing.so"
    source = ROOT / "tests" / "faults" / "failing.c"
    command = [compiler, "-O1", "-shared", "-fPIC", "-Wall", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture
def failing_publisher(tmp_path: Path, failing: Path) -> Iterator[Publisher]:
    """A publisher whose system calls can be made to fail."""
    made = Publisher(tmp_path / "home", failing)
    yield made
    made.close()


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two nights have run; to be read only."""
    return small_world.built(tmp_path_factory)


@pytest.fixture
def nights_copy(nights: Path, tmp_path: Path) -> Path:
    """A copy of that home, which the test may change."""
    return small_world.copy(nights, tmp_path / "nights")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Program]:
    """Yields a server of the toy release that limits nobody."""
    home = Home(tmp_path / "home")
    publish_toy(home.releases, "1970-01-11", 1)
    port = free_port()
    command = [sys.executable, "-m", "serving", "--home", str(home.root), "--port", str(port)]
    settings = {"DAYBREAK_LIMITS__USER_RATE": "0"}
    with Program(command, port, tmp_path / "log", ready="/readyz", environment=settings) as program:
        yield program
