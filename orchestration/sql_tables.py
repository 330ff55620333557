"""Which tables a home shows to `daybreak sql`, and the files that each is made of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assets.ingest.ledger import read_entries
from core.artefact import Artefact
from core.errors import IntegrityError, UnsafeName
from core.home import Home
from core.manifest import Manifest, hash_file
from core.release_store import ReleaseStore
from core.schemas import EVENTS, ITEM_ROWS, QUARANTINE, TABLES, TAGS, USER_ROWS, Table
from core.store import Store

_LAKE = (EVENTS, ITEM_ROWS, USER_ROWS, TAGS, QUARANTINE)


@dataclass(frozen=True)
class ShownTable:
    """One table under the name that a query gives it.

    Attributes:
        name: that name.
        table: its contract.
        files: SHA-256 of each of its files by path; none for a table without rows.
        by_fold: whether there is a copy for each fold, in a folder of the fold's name.
    """

    name: str
    table: Table
    files: dict[Path, str] = field(default_factory=dict)
    by_fold: bool = False

    def check_files(self) -> None:
        """Checks every byte; raises IntegrityError naming the first file gone or damaged."""
        for path, sha256 in self.files.items():
            if not path.is_file():
                raise IntegrityError(f"{path} is missing; restore or rebuild {path.parent}")
            if hash_file(path) != sha256:
                raise IntegrityError(
                    f"{path} has other bytes than were recorded; restore or rebuild {path.parent}"
                )


def shown_tables(home: Home, as_of: str | None) -> list[ShownTable]:
    """Returns every table that a home shows.

    The lake's are `lake_<table>`, an artefact's of one date by their names, the current release's
    `release_<table>`. A table that is made by fold has a `fold` column; where it is made for the
    whole night too, its copies by fold are `fold_<table>`.

    Args:
        home: the home.
        as_of: the artefacts' date, `YYYY-MM-DD`; each one's latest where it is None.

    Raises:
        IntegrityError: a ledger entry or a manifest is damaged.
    """
    return [*_lake(home), *_of_artefacts(home, as_of), *_of_release(home)]


def _lake(home: Home) -> Iterator[ShownTable]:
    """Yields the lake's tables as the ledger has them: what a killed import left is no part."""
    files = [file for entry in read_entries(home) for file in entry.files]
    for table in _LAKE:
        mine = {home.lake / file.path: file.sha256 for file in files if file.table == table.name}
        yield ShownTable(f"lake_{table.name}", table, mine)


def _of_artefacts(home: Home, as_of: str | None) -> Iterator[ShownTable]:
    whole: dict[str, dict[Path, str]] = {}
    by_fold: dict[str, dict[Path, str]] = {}
    for artefact in _artefacts(home, as_of):
        for path, table, sha256 in _tables(artefact.path, artefact.manifest):
            found = whole if path.parent == artefact.path else by_fold
            found.setdefault(table.name, {})[path] = sha256
    for name, files in whole.items():
        yield ShownTable(name, TABLES[name], files)
    for name, files in by_fold.items():
        shown = f"fold_{name}" if name in whole else name
        yield ShownTable(shown, TABLES[name], files, by_fold=True)


def _artefacts(home: Home, as_of: str | None) -> Iterator[Artefact]:
    store = Store(home.artefacts)
    for folder in sorted(path for path in home.artefacts.glob("*") if path.is_dir()):
        try:
            dates = store.dates(folder.name)
        except UnsafeName:  # not ours: a file manager's or an editor's
            continue
        if wanted := [date for date in dates if as_of in (None, date)]:
            yield store.current(folder.name, wanted[-1])


def _of_release(home: Home) -> Iterator[ShownTable]:
    releases = ReleaseStore(home.releases)
    if current := releases.log.current():
        for path, table, sha256 in _tables(releases.path(current), releases.manifest(current)):
            yield ShownTable(f"release_{table.name}", table, {path: sha256})


def _tables(folder: Path, manifest: Manifest) -> Iterator[tuple[Path, Table, str]]:
    """Yields the files of a version that hold a table; its name alone does not make one.

    Embeddings lie in files named `items` and `users` too, with other columns.
    """
    for name, record in sorted(manifest.files.items()):
        table = TABLES.get(Path(name).stem)
        if table and name.endswith(".parquet") and record.schema_hash == table.schema_hash:
            yield folder / name, table, record.sha256
