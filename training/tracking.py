"""The record of fits in MLflow: parameters, metrics, data version.

A run is opened and closed inside one step, through a client of its own and never through MLflow's
global active run, so that steps cannot write into each other's runs. MLflow's one home are this
file, `tracking_database.py` and `tracking_registry.py`.

Importing mlflow takes about two seconds, and the first run in a folder about two more to make the
tables; so it is imported on first use.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from core.errors import InputError, UsageError
from training.tracking_database import named_errors, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_UI_PORT = 5000
_KEY_LIMIT = 250
_BATCH_LIMIT = 100


class Tracker:
    """One MLflow run, open inside a `with` block.

        with Tracker(folder, experiment="models", run_name="als", tags={...}) as tracker:
            tracker.log_params(settings.model_dump())
            tracker.log_metrics({"loss": 0.31}, step=3)
        report(tracker.run_id, tracker.url)

    Leaving the block finishes the run, as FAILED where an exception passes through.
    """

    def __init__(
        self,
        folder: Path,
        *,
        experiment: str,
        run_name: str,
        tags: Mapping[str, str] | None = None,
        ui_port: int = DEFAULT_UI_PORT,
    ) -> None:
        """Prepares a run; nothing is written before the block is entered.

        Args:
            folder: A local folder for the database and the artefacts; made where absent.
            experiment: The group of runs to be compared, such as `models`.
            run_name: What this run fits or measures.
            tags: Provenance: data version, as-of date, code version, seed.
            ui_port: The port on 127.0.0.1 that `url` names.
        """
        self._folder = Path(folder)
        self._experiment = experiment
        self._run_name = run_name
        self._tags = dict(tags or {})
        self._ui_port = ui_port
        self._client: MlflowClient | None = None
        self._run_id = ""
        self._experiment_id = ""

    def __enter__(self) -> Self:
        """Opens the run.

        Raises:
            UsageError: The folder is not one that SQLite can live in.
            UnreadableFile: The database is damaged, or of another MLflow version.
        """
        self._client = open_client(self._folder)
        with named_errors(self._folder):
            self._experiment_id = _experiment_id(self._client, self._folder, self._experiment)
            run = self._client.create_run(
                self._experiment_id,
                run_name=self._run_name,
                tags={_safe_key(key): value for key, value in self._tags.items()},
            )
        self._run_id = str(run.info.run_id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the run."""
        client, self._client = self._open(), None
        with named_errors(self._folder):
            client.set_terminated(self._run_id, "FINISHED" if kind is None else "FAILED")

    @property
    def run_id(self) -> str:
        """MLflow's id of the run; empty before the block is entered."""
        return self._run_id

    @property
    def url(self) -> str:
        """Where the run is shown while `mlflow ui` listens on 127.0.0.1."""
        return (
            f"http://127.0.0.1:{self._ui_port}/#/experiments/{self._experiment_id}"
            f"/runs/{self._run_id}"
        )

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Records parameters; nested mappings become dotted names, lists and None become JSON.

        Raises:
            InputError: Two names become one after characters that MLflow refuses are replaced.
        """
        from mlflow.entities import Param

        entries = [Param(key, value) for key, value in _safe_keys(_flatten(params)).items()]
        with named_errors(self._folder):
            for start in range(0, len(entries), _BATCH_LIMIT):
                self._open().log_batch(self._run_id, params=entries[start : start + _BATCH_LIMIT])

    def log_metrics(self, metrics: Mapping[str, float | None], *, step: int = 0) -> None:
        """Records metrics at a step, such as an epoch; None is left out, `@` becomes `_at_`.

        Raises:
            InputError: Two names become one after characters that MLflow refuses are replaced.
        """
        from mlflow.entities import Metric

        moment_ms = time_ns() // 1_000_000
        measured = {key: value for key, value in metrics.items() if value is not None}
        entries = [
            Metric(key, float(value), moment_ms, step)
            for key, value in _safe_keys(measured).items()
        ]
        with named_errors(self._folder):
            for start in range(0, len(entries), _BATCH_LIMIT):
                self._open().log_batch(self._run_id, metrics=entries[start : start + _BATCH_LIMIT])

    def log_document(self, name: str, document: Mapping[str, Any]) -> None:
        """Stores a JSON document, such as a report, among the run's artefacts.

        Raises:
            ValueError: The document holds NaN or infinity, which JSON cannot say.
        """
        text = json.dumps(document, allow_nan=False, sort_keys=True, indent=1)
        with named_errors(self._folder):
            self._open().log_text(self._run_id, text, name)

    def _open(self) -> "MlflowClient":
        if self._client is None:
            raise UsageError(f"run {self._run_name!r} is not open; log inside its with block")
        return self._client


def _experiment_id(client: "MlflowClient", folder: Path, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    artifacts = (folder.absolute() / "artifacts").as_uri()
    try:
        return str(client.create_experiment(name, artifact_location=artifacts))
    except MlflowException:
        # Another step may have made it between the look and the making.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def _flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{name}."))
        else:
            flat[name] = value if isinstance(value, str) else json.dumps(value, default=str)
    return flat


def _safe_keys(entries: Mapping[str, Any]) -> dict[str, Any]:
    safe = {_safe_key(key): value for key, value in entries.items()}
    if len(safe) != len(entries):
        raise InputError(f"of {len(entries)} names some become equal in MLflow; rename them")
    return safe


def _safe_key(key: str) -> str:
    return re.sub(r"[^\w.\- :/]", "_", key.replace("@", "_at_"))[:_KEY_LIMIT]
