"""What the ledger says of one file, and when a file is the same as one taken in before."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from core.ids import canonical_json, digest

UNKNOWN_TABLE = "unknown"


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
        read: records found; 1 for a file that cannot be read. A served list counts as its items
            where it is good, as one where it is refused.
        accepted: records that became rows.
        duplicate: records that repeat an accepted one.
        quarantined: records refused.
        files: the lake files that hold accepted and quarantined rows.
        ignored_columns: columns of the file that nothing reads.
        redacted_sha256: hash of the file without its erased users, as it lies there now; empty
            where nothing was left of it. `sha256` stays what was taken in, for the same content
            must never be taken in twice.
        cleared: digest of who was erased when the file, as it lay there last, was found to hold
            none of them or was rewritten; empty where nobody looked.
        limits: the ingest settings in force but for the mapping, so that an erasure finds the
            records where they were found; empty in entries from before they were noted.
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
    redacted_sha256: str | None = None
    cleared: str = ""
    limits: dict[str, Any] = field(default_factory=dict)

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
        known = self.sha256 in (entry.sha256, entry.redacted_sha256)
        if not known or (entry.importer, entry.mapping) != (self.importer, self.mapping):
            return False
        if entry.status == "ingested":
            return self.table in (None, entry.table)
        same_table = (self.table or self.expected) == entry.table
        return same_table and entry.settings_digest == self.settings_digest
