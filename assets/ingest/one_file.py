"""One file into the lake: all of it, or, where it can't be read, its name and the reason."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.ingest.access import accessible, file_name
from assets.ingest.block import REFUSED
from assets.ingest.entry import UNKNOWN_TABLE, Entry, LakeFile, Likeness
from assets.ingest.event_index import EventIndex
from assets.ingest.fields import kind_of_name, kind_of_table
from assets.ingest.lake import LakeWriter
from assets.ingest.ledger import Ledger, open_ledger
from assets.ingest.pouring import (
    ERASED_REASON,
    Pour,
    Request,
    pour,
    quarantine_rows,
    table_name,
)
from core.days import now_us
from core.erased_users import ErasedUsers
from core.errors import InputError, UnreadableFile
from core.home import Home
from core.ingest_settings import IngestSettings, limits_digest
from core.manifest import hash_file
from core.schemas import QUARANTINE


@dataclass(frozen=True)
class Intake:
    """A home that is taking files in.

    Attributes:
        ledger: its entries, open for appending.
        index: its events.
        erased: the users whose records are refused.
        now_us: the present moment for every file; the clock's where it is None.
    """

    ledger: Ledger
    index: EventIndex
    erased: ErasedUsers
    now_us: int | None


@contextlib.contextmanager
def open_intake(home: Home, now_us: int | None = None) -> Iterator[Intake]:
    """Opens a home for taking files in; one process at a time, others wait.

    Raises:
        IntegrityError: a ledger entry is missing or altered, or the tombstones are damaged.
    """
    with open_ledger(home) as ledger:
        index = EventIndex(home.lake, ledger.entries)
        yield Intake(ledger, index, ErasedUsers.of(home), now_us)


def take_in(intake: Intake, path: Path, request: Request) -> tuple[Entry, bool]:
    """Takes one file in and commits its ledger entry.

    A file that no reader opens becomes one row of quarantine (line 0) and an entry; its reason is
    left out where it names an erased user, as it does where the first line is a record.

    Returns:
        the entry, and whether it is new; the same content taken in before changes nothing.

    Raises:
        InputError: the file vanished, may not be opened, or changed while it was read.
        MachineFault: the machine failed while it was read; it is as if it had never been tried.
        OSError: the lake cannot be written.
    """
    ledger, settings = intake.ledger, request.settings
    before, sha256 = _stat(path), _hash(path)
    kind = kind_of_table(request.table) if request.table else kind_of_name(path.name)
    mapping = request.mapping.model_dump(mode="json")
    limits = limits_digest(settings)
    likeness = Likeness(
        sha256, request.importer, mapping, limits,
        table=request.table.name if request.table else None,
        expected=kind.table.name if kind else UNKNOWN_TABLE,
    )  # fmt: skip
    if known := ledger.find(likeness):
        return known, False
    moment = ledger.moment(now_us() if intake.now_us is None else intake.now_us)
    file = Pour(path, file_name(path), moment, kind)
    files, reason = _write(intake, file, request)
    if (after := _stat(path)).st_mtime_ns != before.st_mtime_ns or after.st_size != before.st_size:
        _remove(ledger.home, files)
        intake.index.forget()
        raise InputError(f"{file.name} changed while it was read; it waits for the next ingest")
    entry = Entry(
        seq=ledger.next_seq, source_file=file.name, sha256=sha256, size=before.st_size,
        mtime_ns=before.st_mtime_ns, table=table_name(file), importer=request.importer,
        mapping=mapping, settings_digest=limits, ingested_us=moment,
        status="unreadable" if reason else "ingested", reason=reason, read=file.read,
        accepted=file.accepted, duplicate=file.duplicate, quarantined=file.quarantined,
        files=files, ignored_columns=nameless(file.ignored_columns, intake.erased),
        limits=settings.model_dump(mode="json", exclude={"mapping"}),
    )  # fmt: skip
    ledger.append(entry)
    intake.index.commit(entry)
    return entry, True


def _write(intake: Intake, file: Pour, request: Request) -> tuple[list[LakeFile], str | None]:
    """Writes a file's rows; returns the lake's files, and why it could not be read (or None)."""
    try:
        with _writing(intake, request.settings) as writer:
            pour(file, request, intake.index, writer, intake.erased)
            return writer.finish(), None
    except UnreadableFile as error:
        reason = ERASED_REASON if intake.erased.are_named(str(error)) else str(error)
        file.read = file.quarantined = 1
        file.accepted = file.duplicate = 0
        whole = pl.DataFrame({"line": [0], "raw": [None], "reason": [reason]}, schema=REFUSED)
        with _writing(intake, request.settings) as writer:
            writer.take(QUARANTINE, quarantine_rows(whole, file, request.settings))
            return writer.finish(), reason


def nameless(columns: list[str], erased: ErasedUsers) -> list[str]:
    """Returns the column names that name no erased user."""
    texts = pl.Series(columns, dtype=pl.String)
    return texts.filter(~erased.mentioned(texts)).to_list() if erased else columns


@contextlib.contextmanager
def _writing(intake: Intake, settings: IngestSettings) -> Iterator[LakeWriter]:
    """Opens the lake for one file; what it left is removed if anything goes wrong."""
    writer = LakeWriter(
        intake.ledger.home.lake, intake.ledger.next_seq,
        flush_rows=settings.flush_rows, max_days=settings.max_day_partitions,
    )  # fmt: skip
    try:
        yield writer
    except BaseException:
        writer.discard()
        intake.index.forget()
        raise


def _remove(home: Home, files: list[LakeFile]) -> None:
    for file in files:
        (home.lake / file.path).unlink()


def _stat(path: Path) -> os.stat_result:
    with accessible(path):
        return path.stat()


def _hash(path: Path) -> str:
    with accessible(path):
        return hash_file(path)
