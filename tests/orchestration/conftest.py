"""The command line called in this process, and homes in which the daily path has run."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.cli import main
from tests import small_world

_CHANGED = ("DAYBREAK_HOME", "DAYBREAK_ENGINE", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY")
"""The variables that a command sets for whatever it calls."""


@dataclass(frozen=True)
class Told:
    """What a command answered.

    Attributes:
        code: its exit status.
        out: its standard output.
        err: its standard error.
    """

    code: int
    out: str
    err: str


@dataclass
class Program:
    """The command line over one home.

    Attributes:
        home: the folder that commands work in where they are given no other.
        environment: the variables, put back at the end of the test.
    """

    home: Path
    environment: pytest.MonkeyPatch
    _capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Told:
        """Runs one command."""
        self._capsys.readouterr()
        given = words if "--home" in words or not words else (*words, "--home", str(self.home))
        try:
            code = main(given)
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = self._capsys.readouterr()
        return Told(code, out, err)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Puts back at the end of a test what commands set."""
    for name in _CHANGED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def daybreak(
    tmp_path: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """The command line over an empty home."""
    return Program(tmp_path / "home", environment, capsys)


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two nights have run; to be read only."""
    return small_world.built(tmp_path_factory)


@pytest.fixture
def nights_copy(nights: Path, tmp_path: Path, daybreak: Program) -> Path:
    """A copy of that home, which the test may change and `daybreak` works in."""
    daybreak.home = small_world.copy(nights, tmp_path / "nights")
    for name, value in small_world.SETTINGS.items():
        daybreak.environment.setenv(name, value)
    return daybreak.home
