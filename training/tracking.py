"""The record of fits in MLflow: parameters, metrics, data version. The one home of mlflow.

Everything lies in one folder: `mlflow.db` (SQLite) and `artifacts/`. A run is opened and closed
inside one step, through a client of its own and never through MLflow's global active run, so that
steps cannot write into each other's runs. Nothing here decides anything: the release log says
what is published, and MLflow's aliases mirror it.

Importing mlflow takes about two seconds, and the first run in a folder about two more to make the
tables; so it is imported on first use. No usage data are sent and nothing is written outside the
folder.
"""

import json
import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from core.errors import InputError, UnreadableFile, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

MODEL_NAME = "daybreak"
ALIASES = ("champion", "challenger", "previous")
DEFAULT_UI_PORT = 5000
_KEY_LIMIT = 250
_BATCH_LIMIT = 100
_RELEASE_TAG = "release"


@dataclass(frozen=True)
class RegisteredRelease:
    """A release as the model registry shows it."""

    release_id: str
    source: str
    """URI or path of the release's folder. Only the reference is stored; nothing is copied."""
    run_id: str | None = None
    """The run that trained it, where known."""


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
        with _named_errors(self._folder):
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
        with _named_errors(self._folder):
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
        with _named_errors(self._folder):
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
        with _named_errors(self._folder):
            for start in range(0, len(entries), _BATCH_LIMIT):
                self._open().log_batch(self._run_id, metrics=entries[start : start + _BATCH_LIMIT])

    def log_document(self, name: str, document: Mapping[str, Any]) -> None:
        """Stores a JSON document, such as a report, among the run's artefacts.

        Raises:
            ValueError: The document holds NaN or infinity, which JSON cannot say.
        """
        text = json.dumps(document, allow_nan=False, sort_keys=True, indent=1)
        with _named_errors(self._folder):
            self._open().log_text(self._run_id, text, name)

    def _open(self) -> "MlflowClient":
        if self._client is None:
            raise UsageError(f"run {self._run_name!r} is not open; log inside its with block")
        return self._client


def open_client(folder: Path) -> "MlflowClient":
    """Returns a client on the folder's database, silent and without telemetry.

    Raises:
        UsageError: The folder is not one that SQLite can live in.
        UnreadableFile: The database is damaged, or of another MLflow version.
    """
    # Read when mlflow is imported, hence set before.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    path = folder.absolute()
    if not set("?#%").isdisjoint(str(path)) or (path.exists() and not path.is_dir()):
        raise UsageError(
            f"tracking folder {str(path)!r} is a file or has ?, # or % in its name; "
            "give another folder with --home"
        )
    path.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{path / 'mlflow.db'}"
    with _named_errors(path), _made_quickly(path / "mlflow.db"), warnings.catch_warnings():
        # MLflow's own table mappings use a loader that SQLAlchemy is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        client = MlflowClient(tracking_uri=database, registry_uri=database)
        client.search_experiments(max_results=1)  # opens the database, which is otherwise lazy
    return client


def set_aliases(folder: Path, aliases: Mapping[str, RegisteredRelease | None]) -> dict[str, str]:
    """Points the registered model's aliases at releases, as the release log has them.

    Each release becomes one version of the model `daybreak`, found again by its tag, so that a
    second call with the same releases changes nothing. An alias that is None or absent is removed.

    Args:
        folder: The tracking folder.
        aliases: By alias (champion, challenger, previous), the release or None.

    Returns:
        By alias, the version that it now names.

    Raises:
        InputError: An alias is not one of `ALIASES`.
        UnreadableFile: The database is damaged, or of another MLflow version.
    """
    unknown = sorted(set(aliases) - set(ALIASES))
    if unknown:
        raise InputError(f"alias {unknown[0]!r} is not one of {', '.join(ALIASES)}")
    client = open_client(folder)
    with _named_errors(folder):
        if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
            client.create_registered_model(MODEL_NAME)
        current = client.get_registered_model(MODEL_NAME).aliases
        wanted = {
            alias: _version_of(client, release)
            for alias, release in aliases.items()
            if release is not None
        }
        for alias in ALIASES:
            if alias not in wanted and alias in current:
                client.delete_registered_model_alias(MODEL_NAME, alias)
            elif alias in wanted and str(current.get(alias)) != wanted[alias]:
                client.set_registered_model_alias(MODEL_NAME, alias, wanted[alias])
    return wanted


def _version_of(client: "MlflowClient", release: RegisteredRelease) -> str:
    # Names that could end a filter's quotation never reach the registry.
    if not re.fullmatch(r"[\w.\-]+", release.release_id):
        raise InputError(
            f"release id {release.release_id!r} holds other than letters, digits, . _ and -"
        )
    found = client.search_model_versions(
        f"name = '{MODEL_NAME}' and tag.{_RELEASE_TAG} = '{release.release_id}'"
    )
    if found:
        return str(found[0].version)
    created = client.create_model_version(
        MODEL_NAME,
        release.source,
        run_id=release.run_id,
        tags={_RELEASE_TAG: release.release_id},
        await_creation_for=0,
    )
    return str(created.version)


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


@contextmanager
def _made_quickly(database: Path) -> "Iterator[None]":
    """Lets SQLite skip fsync while MLflow makes the tables of a database that is not there yet.

    MLflow commits dozens of migrations one by one; on a disk where fsync takes 2 ms, waiting for
    it is two thirds of the first run's time. A crash in between leaves a database to move away.
    """
    from sqlalchemy import Engine, event

    if database.exists():
        yield
        return
    relaxed: list[sqlite3.Connection] = []

    def relax(connection: sqlite3.Connection, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            (main, *_) = connection.execute("PRAGMA database_list").fetchall()
            if main[2] and Path(main[2]) == database.resolve():
                connection.execute("PRAGMA synchronous = OFF")
                relaxed.append(connection)

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
        for connection in relaxed:
            with suppress(sqlite3.ProgrammingError):  # closed by its pool in the meantime
                connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def _named_errors(folder: Path) -> "Iterator[None]":
    """Turns what MLflow and its database raise into one named error of one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        reason = " ".join(str(error).split("[SQL", 1)[0].split())[:200]
        raise UnreadableFile(
            f"MLflow's record in {str(folder)!r} cannot be used: {reason}; "
            "move the folder away, or upgrade it with `mlflow db upgrade`"
        ) from error


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
