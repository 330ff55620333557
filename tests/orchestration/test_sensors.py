"""The landing zone's sensor and the webhook, against a real instance and a real loopback server."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.ingest.assets import lake
from assets.ingest.landing import ingest_landing, waiting_files
from core.home import Home
from core.ingest_settings import IngestSettings
from orchestration.resources import WorkspaceResource
from orchestration.sensors import landing_sensor, webhook_on_failure

_EVENTS = b"user_id,item_id,action,occurred_at\nu1,i1,click,2024-03-01T10:00:00Z\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DAYBREAK_HOME", str(tmp_path))
    found = Home.find()
    found.landing.mkdir()
    return found


def _look(cursor: str | None) -> tuple[Any, str | None]:
    repository = dg.Definitions(
        assets=[lake], sensors=[landing_sensor], resources={"workspace": WorkspaceResource()}
    ).get_repository_def()
    with dg.build_sensor_context(cursor=cursor, repository_def=repository) as context:
        found = landing_sensor.evaluate_tick(context)
    return found, found.cursor


def test_an_empty_landing_zone_asks_for_nothing(home: Home) -> None:
    found, _ = _look(None)
    assert found.run_requests == []
    assert found.skip_message == "no file waits in the landing zone"


def test_a_file_is_taken_in_once_it_rests(home: Home) -> None:
    (home.landing / "events.csv").write_bytes(_EVENTS)
    first, cursor = _look(None)
    assert first.run_requests == []
    second, _ = _look(cursor)
    assert len(second.run_requests) == 1
    (home.landing / "events.csv").write_bytes(_EVENTS * 2)
    third, _ = _look(cursor)
    assert third.run_requests == [], "a file that changed since the last look still grows"


def test_what_the_ledger_knows_does_not_wait(home: Home) -> None:
    (home.landing / "events.csv").write_bytes(_EVENTS)
    assert [name for name, _, _ in waiting_files(home)] == ["events.csv"]
    ingest_landing(home, IngestSettings())
    assert waiting_files(home) == []


def test_a_name_that_is_no_text_does_not_wait_for_ever(home: Home) -> None:
    (home.landing / os.fsdecode(b"events-\xff.csv")).write_bytes(_EVENTS)
    assert _look(None)[0].skip_message == "1 files have just changed; waiting for them to rest"
    ingest_landing(home, IngestSettings())
    assert _look(None)[0].skip_message == "no file waits in the landing zone"


def test_a_file_that_goes_during_the_look_does_not_wait(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.landing / "events.csv").write_bytes(_EVENTS)

    def seen_and_gone(path: Path) -> bool:
        path.unlink()
        return True

    monkeypatch.setattr(Path, "is_file", seen_and_gone)
    assert _look(None)[0].skip_message == "no file waits in the landing zone"


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    received: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return None

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("DAYBREAK_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hook")
        yield received
        server.shutdown()
        thread.join(timeout=5)


def _fail(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    @dg.op
    def torn() -> None:
        raise dg.Failure("the gate refused: ndcg@10 fell short")

    @dg.job
    def daily() -> None:
        torn()

    return daily.execute_in_process(instance=instance, raise_on_error=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_failed_run_is_told_to_the_webhook(webhook: list[dict[str, Any]]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = _fail(instance)
        context = dg.build_run_status_sensor_context(
            sensor_name="webhook_on_failure",
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
        ).for_run_failure()
        webhook_on_failure(context)
    assert len(webhook) == 1
    assert webhook[0]["job"] == "daily"
    assert webhook[0]["run_id"] == result.dagster_run.run_id
    assert "torn" in webhook[0]["error"]
