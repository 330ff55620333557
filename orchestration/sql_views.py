"""The tables that `daybreak sql` shows, as views over files."""

from pathlib import Path

import duckdb

from core.home import Home
from core.release_store import ReleaseStore
from core.schemas import TABLES
from core.store import Store


def open_views(home: Home, as_of: str | None) -> duckdb.DuckDBPyConnection:
    """Returns a connection that can read a home's Parquet files and nothing else.

    Views: the lake's tables as `lake_<table>`, the artefacts' tables of one date by their names
    (with a `fold` column where they are made by fold), the current release's as `release_<table>`.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    for name in ("events", "item_rows", "user_rows", "tags", "quarantine"):
        _view(connection, f"lake_{name}", sorted((home.lake / name).rglob("*.parquet")))
    for name, paths in _artefact_tables(home, as_of).items():
        _view(connection, name, paths)
    releases = ReleaseStore(home.releases)
    current = releases.log.current()
    if current:
        for path in sorted((releases.path(current) / "tables").glob("*.parquet")):
            _view(connection, f"release_{path.stem}", [path])
    connection.execute(f"SET allowed_directories = ['{_quoted(home.root)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _artefact_tables(home: Home, as_of: str | None) -> dict[str, list[Path]]:
    """Returns the files of every artefact table of a date, by table name."""
    store = Store(home.artefacts)
    found: dict[str, list[Path]] = {}
    for folder in sorted(home.artefacts.glob("*")):
        dates = store.dates(folder.name)
        date = as_of if as_of in dates else (dates[-1] if dates and not as_of else None)
        if date is None:
            continue
        artefact = store.current(folder.name, date)
        for name in artefact.manifest.files:
            stem = Path(name).stem
            if name.endswith(".parquet") and stem in TABLES:
                found.setdefault(stem, []).append(artefact.path / name)
    return found


def _view(connection: duckdb.DuckDBPyConnection, name: str, paths: list[Path]) -> None:
    if not paths:
        return
    files = ", ".join(f"'{_quoted(path)}'" for path in paths)
    folds = len({path.parent for path in paths}) > 1 and not name.startswith("lake_")
    fold = ", parse_path(filename)[-2] AS fold" if folds else ""
    columns = "* EXCLUDE (filename)" if folds else "*"
    source = f"read_parquet([{files}], hive_partitioning = false, filename = {str(folds).lower()})"
    connection.execute(f"CREATE VIEW {name} AS SELECT {columns}{fold} FROM {source}")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
