"""The lake as it stood at a position of the ledger."""

from dataclasses import dataclass
from pathlib import Path

from assets.ingest.entry import Entry, LakeFile
from assets.ingest.ledger import read_entries
from core.errors import NotFound
from core.home import Home
from core.schemas import EVENTS, ITEM_ROWS, QUARANTINE, TAGS, USER_ROWS

_TABLES = (EVENTS, ITEM_ROWS, USER_ROWS, TAGS, QUARANTINE)


@dataclass(frozen=True)
class Totals:
    """What became of the records of several files.

    Attributes:
        read: records found.
        accepted: records that became rows.
        duplicate: records that repeat an accepted one.
        quarantined: records refused.
    """

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0

    def plus(self, entry: Entry) -> "Totals":
        """Returns the totals with one more file."""
        return Totals(
            self.read + entry.read,
            self.accepted + entry.accepted,
            self.duplicate + entry.duplicate,
            self.quarantined + entry.quarantined,
        )


@dataclass(frozen=True)
class Snapshot:
    """The lake up to a ledger position: the same position, the same rows, for ever.

    Attributes:
        lake: the lake's folder.
        position: number of the last entry in it; 0 for an empty lake.
        files: lake files by table name, in ledger order.
        accounts: totals by table name, `unknown` for files that told none.
    """

    lake: Path
    position: int
    files: dict[str, list[LakeFile]]
    accounts: dict[str, Totals]

    def paths(self, table: str, before_us: int | None = None) -> list[Path]:
        """Returns a table's files; with `before_us` only those with a row before that moment."""
        return [
            self.lake / file.path
            for file in self.files[table]
            if before_us is None or file.min_us is None or file.min_us < before_us
        ]


def snapshot(home: Home, position: int | None = None) -> Snapshot:
    """Returns the lake at a ledger position, the latest where it is None.

    Raises:
        NotFound: the ledger does not reach that position.
        IntegrityError: an entry is missing or altered.
    """
    if position is not None and not (home.ledger / f"{position:08d}.json").is_file() and position:
        raise NotFound(f"the ledger has no entry {position}; run `daybreak run` without a position")
    entries = read_entries(home, position)
    files: dict[str, list[LakeFile]] = {table.name: [] for table in _TABLES}
    accounts: dict[str, Totals] = {}
    for entry in entries:
        accounts[entry.table] = accounts.get(entry.table, Totals()).plus(entry)
        for file in entry.files:
            files[file.table].append(file)
    return Snapshot(home.lake, len(entries), files, accounts)
