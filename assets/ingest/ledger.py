"""The ingest ledger: one numbered JSON entry for each file taken in.

Creating an entry is the commit: its Parquet files are written and flushed before, and a reader
finds lake files through entries only, so what a killed run left behind is never read. Entries are
never changed. `ingested_us` rises strictly with the entry's number, so the latest statement about
an item or a user is the one with the greatest (ingested_us, line).

Ingest runs one at a time in a home: `open_ledger` holds a lock that ends with its process.
"""

import contextlib
import fcntl
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import msgspec

from assets.ingest.account import check_account
from core.durable import create_file
from core.errors import IntegrityError, ReleaseConflict
from core.home import Home
from core.ids import canonical_json, digest

UNKNOWN_TABLE = "unknown"
_NAME = re.compile(r"[0-9]{8}\.json")


@dataclass(frozen=True)
class LakeFile:
    """One Parquet file of the lake.

    Attributes:
        table: the table's name.
        path: the path below the lake's folder.
        rows: its rows.
        min_us: first moment in it, null for tables without times.
        max_us: last moment in it.
        sha256: hash of its bytes.
    """

    table: str
    path: str
    rows: int
    min_us: int | None
    max_us: int | None
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One file taken in.

    Attributes:
        seq: the entry's number, from 1 without gaps.
        source_file: the file's name, without its folder.
        sha256: hash of the file's bytes.
        size: bytes.
        mtime_ns: its modification time.
        table: the lake table that its rows became, or `unknown`.
        importer: who read it: `files` or `movielens`.
        mapping: the names and spellings in force.
        settings_digest: hash of the ingest settings in force.
        ingested_us: when it was taken in; rises strictly with `seq`.
        status: whether it could be read.
        reason: why not.
        read: records found; 1 for a file that cannot be read.
        accepted: records that became rows.
        duplicate: records that repeat an accepted one.
        quarantined: records refused.
        files: the lake files that hold accepted and quarantined rows.
        ignored_columns: columns of the file that nothing reads.
    """

    seq: int
    source_file: str
    sha256: str
    size: int
    mtime_ns: int
    table: str
    importer: str
    mapping: dict[str, Any]
    settings_digest: str
    ingested_us: int
    status: Literal["ingested", "unreadable"]
    reason: str | None
    read: int
    accepted: int
    duplicate: int
    quarantined: int
    files: list[LakeFile] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """Returns the entry as JSON with its own checksum."""
        body = asdict(self)
        return canonical_json({**body, "checksum": digest(body)}) + b"\n"


@dataclass(frozen=True)
class Likeness:
    """What makes taking in a file again change nothing.

    Attributes:
        sha256: hash of the content.
        importer: who reads it.
        mapping: the names and spellings.
        settings_digest: hash of the limits; a file found unreadable is tried again under others.
        table: the table asked for; None where the file is to tell.
        expected: the table that its name tells, or `unknown`.
    """

    sha256: str
    importer: str
    mapping: dict[str, Any]
    settings_digest: str
    table: str | None
    expected: str

    def covers(self, entry: Entry) -> bool:
        """Returns whether an entry already holds this."""
        if (entry.sha256, entry.importer, entry.mapping) != (
            self.sha256,
            self.importer,
            self.mapping,
        ):
            return False
        if entry.status == "ingested":
            return self.table in (None, entry.table)
        same_table = (self.table or self.expected) == entry.table
        return same_table and entry.settings_digest == self.settings_digest


@dataclass
class Ledger:
    """The entries of a home, open for appending."""

    home: Home
    entries: list[Entry]

    @property
    def next_seq(self) -> int:
        """The number of the next entry."""
        return len(self.entries) + 1

    def moment(self, now_us: int) -> int:
        """Returns the moment of the next entry: now, but after every earlier entry."""
        return max(now_us, self.entries[-1].ingested_us + 1) if self.entries else now_us

    def find(self, likeness: "Likeness") -> Entry | None:
        """Returns the entry that took in the same content in the same way, under any name."""
        return next((entry for entry in self.entries if likeness.covers(entry)), None)

    def append(self, entry: Entry) -> None:
        """Commits an entry.

        Raises:
            CheckFailed: its account does not balance.
            ReleaseConflict: another process took its number.
        """
        check_account(entry)
        path = self.home.ledger / f"{entry.seq:08d}.json"
        if not create_file(path, entry.to_bytes()):
            raise ReleaseConflict(
                f"ledger entry {entry.seq} was taken by another ingest; run it again"
            )
        self.entries.append(entry)


@contextlib.contextmanager
def open_ledger(home: Home) -> Iterator[Ledger]:
    """Opens a home's ledger for appending, waiting for any ingest under way."""
    home.ledger.mkdir(parents=True, exist_ok=True)
    with (home.ledger / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Ledger(home, read_entries(home))


def read_entries(home: Home, position: int | None = None) -> list[Entry]:
    """Returns the entries up to a position (all where it is None), in order.

    Raises:
        IntegrityError: an entry is missing, altered or no entry.
    """
    names = sorted(p.name for p in home.ledger.glob("*.json") if _NAME.fullmatch(p.name))
    wanted = len(names) if position is None else position
    entries = []
    for seq in range(1, wanted + 1):
        path = home.ledger / f"{seq:08d}.json"
        try:
            body = msgspec.json.decode(path.read_bytes())
            checksum = body.pop("checksum")
            if digest(body) != checksum:
                raise IntegrityError(f"{path} was altered: its checksum differs; restore it")
            entries.append(msgspec.convert(body, Entry))
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read ({error.strerror}); restore it") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IntegrityError(f"{path} is no ledger entry ({error}); restore it") from error
    return entries
