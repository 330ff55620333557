"""MLflow's database in one folder: `mlflow.db` (SQLite) and `artifacts/`.

No usage data are sent and nothing is written outside the folder.
"""

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UnreadableFile, UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
    with named_errors(path), _made_quickly(path / "mlflow.db"), warnings.catch_warnings():
        # MLflow's own table mappings use a loader that SQLAlchemy is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        client = MlflowClient(tracking_uri=database, registry_uri=database)
        client.search_experiments(max_results=1)  # opens the database, which is otherwise lazy
    return client


@contextmanager
def named_errors(folder: Path) -> Iterator[None]:
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


@contextmanager
def _made_quickly(database: Path) -> Iterator[None]:
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
