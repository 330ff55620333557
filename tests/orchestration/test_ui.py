"""The Dagster UI itself: its server, its daemon and its runs, in processes of their own."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.home import Home
from core.release_store import ReleaseStore
from tests import small_world
from tests.small_world import FIRST_NIGHT, SECOND_NIGHT

_START_SECONDS, _PATIENCE_SECONDS = 120, 540
_BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
_STATUS = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
_RUNS = """
query($backfill: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $backfill}]}) {
    ... on Runs { results { status startTime endTime tags { key value } } }
  }
}"""


class Ui:
    """What a browser asks of the UI."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._address, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.loads(answer.read())
        assert "errors" not in told, told["errors"]
        data: dict[str, Any] = told["data"]
        return data

    def assets(self) -> list[str]:
        nodes = self.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
        return sorted(node["assetKey"]["path"][0] for node in nodes)

    def backfill(self, assets: list[str], dates: list[str]) -> list[dict[str, Any]]:
        """Launches a backfill, waits for its end and returns its runs, the first started first."""
        params = {"assetSelection": [{"path": [name]} for name in assets], "partitionNames": dates}
        launched = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            status = self.ask(_STATUS, id=launched["backfillId"])["partitionBackfillOrError"]
            if status["status"].startswith(("COMPLETED", "FAILED", "CANCELED")):
                runs = self.ask(_RUNS, backfill=launched["backfillId"])["runsOrError"]["results"]
                return sorted(runs, key=lambda run: run["startTime"])
            time.sleep(1)
        raise AssertionError(f"the backfill of {dates} is not done after {_PATIENCE_SECONDS} s")


@contextmanager
def opened(home: Path) -> Iterator[Ui]:
    """Runs `daybreak ui` over a home, as a person does, and stops it as Ctrl-C does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("daybreak")),
        *("ui", "--home", str(home), "--port", str(port)),
    ]
    log = home.parent / "ui.log"
    with small_world.settings(), log.open("wb") as told:
        server = subprocess.Popen(
            command, stdout=told, stderr=told, env=dict(os.environ), start_new_session=True
        )
    try:
        yield _answering(Ui(port), server, log)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(timeout=60)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)


def _answering(ui: Ui, server: subprocess.Popen[bytes], log: Path) -> Ui:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            if ui.assets():
                return ui
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"the UI did not start: {log.read_text(errors='replace')[-2000:]}")


def dates_of(runs: list[dict[str, Any]]) -> list[str]:
    found = [
        tag["value"] for run in runs for tag in run["tags"] if tag["key"] == "dagster/partition"
    ]
    return sorted(found)


def test_the_ui_materialises_what_the_command_line_made(nights: Path, tmp_path: Path) -> None:
    """The same plan in another process finds the same tables: nothing is computed again."""
    home = small_world.copy(nights, tmp_path / "home")
    before = small_world.hashes(home)
    with opened(home) as ui:
        assert "publication" in ui.assets()
        (run,) = ui.backfill(["lake", "bot_scores", "clean_events"], [SECOND_NIGHT])
    assert run["status"] == "SUCCESS"
    assert small_world.hashes(home) == before


@pytest.mark.slow
def test_a_backfill_of_three_dates(nights: Path, tmp_path: Path) -> None:
    home = small_world.copy(nights, tmp_path / "home")
    releases = ReleaseStore(Home(home).releases)
    current, before = releases.log.current(), small_world.hashes(home / "releases")
    dates = ["2025-03-28", "2025-03-29", "2025-03-30"]
    assert max(dates) < FIRST_NIGHT
    with opened(home) as ui:
        runs = ui.backfill(ui.assets(), dates)
    assert [run["status"] for run in runs] == ["SUCCESS"] * 3
    assert dates_of(runs) == dates
    for one, two in itertools.pairwise(runs):
        assert one["endTime"] <= two["startTime"], "one date at a time"
    assert releases.log.current() == current, "an older date is never announced"
    made = small_world.hashes(home / "releases")
    assert before.items() <= made.items(), "what was there stays as it was"
    small_world.run(home, dates[0])
    assert small_world.hashes(home / "releases") == made, "the command line finds it all made"
