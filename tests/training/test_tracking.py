"""The record of fits, on a real MLflow with SQLite. One database for the module: its first
opening migrates for about two seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from core.errors import InputError, UnreadableFile, UsageError
from training.tracking import Tracker
from training.tracking_database import open_client
from training.tracking_registry import RegisteredRelease, set_aliases

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "with space" / "mlflow"


def start(folder, name="als", **options):
    return Tracker(folder, experiment="models", run_name=name, **options)


def test_a_run_holds_what_was_logged(folder):
    tags = {"data_version": "3f2a91", "as_of": "2016-10-17", "code_version": "c0de"}
    with start(folder, tags=tags, ui_port=5055) as tracker:
        tracker.log_params({"als": {"embedding_size": 64, "stops": [1, 2]}, "note": "x", "k": None})
        for step, loss in enumerate((0.9, 0.4)):
            tracker.log_metrics({"loss": loss}, step=step)
        tracker.log_metrics({"ndcg@10": 0.25, "coverage@10": None})
        tracker.log_metrics({f"epoch_{number}": 1.0 for number in range(250)})
        tracker.log_document("report.json", {"users": 671})
    client = open_client(folder)
    run = client.get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "als.embedding_size": "64",
        "als.stops": "[1, 2]",
        "note": "x",
        "k": "null",
    }
    metrics = {k: v for k, v in run.data.metrics.items() if not k.startswith("epoch_")}
    assert metrics == {"loss": 0.4, "ndcg_at_10": 0.25}
    assert len(run.data.metrics) == 252
    history = client.get_metric_history(tracker.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 0.9), (1, 0.4)]
    assert run.data.tags == {**tags, "mlflow.runName": "als"}
    experiment = run.info.experiment_id
    assert tracker.url == (
        f"http://127.0.0.1:5055/#/experiments/{experiment}/runs/{tracker.run_id}"
    )
    stored = folder / "artifacts" / tracker.run_id / "artifacts" / "report.json"
    assert json.loads(stored.read_text()) == {"users": 671}
    assert sorted(path.name for path in folder.iterdir()) == ["artifacts", "mlflow.db"]


def test_a_run_that_raises_is_marked_failed(folder):
    tracker = start(folder, "diverges")
    with pytest.raises(RuntimeError, match="loss is nan"), tracker:
        raise RuntimeError("loss is nan")
    assert open_client(folder).get_run(tracker.run_id).info.status == "FAILED"


def test_nothing_is_logged_outside_the_block(folder):
    tracker = start(folder, "closed")
    with pytest.raises(UsageError, match="not open"):
        tracker.log_metrics({"loss": 1.0})
    with tracker:
        pass
    with pytest.raises(UsageError, match="not open"):
        tracker.log_params({"k": 1})


def test_names_that_would_become_one_are_refused(folder):
    with start(folder, "names") as tracker, pytest.raises(InputError, match="become equal"):
        tracker.log_metrics({"ndcg@10": 1.0, "ndcg_at_10": 2.0})


def test_aliases_mirror_the_release_log(folder):
    first = RegisteredRelease("2016-10-17.3f2a91", "/home/releases/2016-10-17.3f2a91")
    second = RegisteredRelease("2016-10-18.77aa01", "/home/releases/2016-10-18.77aa01")
    assert set_aliases(folder, {"champion": first, "previous": None}) == {"champion": "1"}
    published = {"champion": second, "previous": first}
    assert set_aliases(folder, published) == {"champion": "2", "previous": "1"}
    assert set_aliases(folder, published) == {"champion": "2", "previous": "1"}
    client = open_client(folder)
    assert client.get_model_version_by_alias("daybreak", "champion").source == second.source
    assert len(client.search_model_versions("name = 'daybreak'")) == 2
    assert set_aliases(folder, {"champion": first}) == {"champion": "1"}
    aliases = client.get_registered_model("daybreak").aliases
    assert {name: str(version) for name, version in aliases.items()} == {"champion": "1"}


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ({"production": RegisteredRelease("a", "/a")}, "alias 'production'"),
        ({"champion": RegisteredRelease("x' or name = 'y", "/a")}, "release id"),
    ],
)
def test_names_that_cannot_be_meant_are_refused(folder, aliases, message):
    with pytest.raises(InputError, match=message):
        set_aliases(folder, aliases)


def test_a_damaged_database_is_named_in_one_line(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UnreadableFile, match="not a database") as refusal, start(tmp_path):
        pass
    assert "\n" not in str(refusal.value)


def test_a_new_database_is_made_without_fsync_and_then_kept_with_it(tmp_path):
    levels = []

    def look(connection, _record, _proxy):
        levels.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    event.listen(Engine, "checkout", look)
    try:
        with start(tmp_path) as tracker:
            made = set(levels)
            levels.clear()
            tracker.log_metrics({"loss": 1.0})
    finally:
        event.remove(Engine, "checkout", look)
    assert 0 in made
    assert set(levels) == {2}


def test_a_folder_that_cannot_hold_a_database_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path in (file, tmp_path / "100%"):
        with pytest.raises(UsageError, match="tracking folder"), start(path):
            pass


def test_importing_is_cheap_and_a_run_is_silent_and_reports_nothing(folder, tmp_path):
    with start(folder, "exists"):
        pass
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from training.tracking import Tracker\n"
        "assert 'mlflow' not in sys.modules\n"
        "with Tracker(Path(sys.argv[1]), experiment='models', run_name='quiet') as tracker:\n"
        "    tracker.log_metrics({'loss': 1.0})\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "assert get_telemetry_client() is None\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
