"""Landed files without the records of erased users."""

import contextlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from assets.ingest.access import file_name
from assets.ingest.entry import Entry
from assets.ingest.erased_records import gone_records, may_name
from assets.ingest.lake_redaction import leaves_room
from assets.ingest.landing import IngestReport, landed_files
from assets.ingest.ledger import Ledger, open_ledger
from assets.ingest.without_records import Gone, write_without
from core.durable import flush_file, flush_folder
from core.erased_users import ErasedUsers
from core.errors import UnreadableFile
from core.home import Home
from core.ingest_settings import IngestSettings
from core.kill_points import reach
from core.manifest import hash_file
from core.schemas import QUARANTINE
from core.tables import read_table


def redact_repeated(home: Home, settings: IngestSettings, report: IngestReport) -> None:
    """Rewrites the landed files of a report that brought erased users again.

    Those whose content was known before are judged as new ones are: it may have come from
    elsewhere, or an ingest before this one was killed in between.

    Args:
        home: the home.
        settings: the limits.
        report: what has just been taken in.
    """
    erased = ErasedUsers.of(home)
    if not erased:
        return
    with open_ledger(home) as ledger:
        seen = [(entry.source_file, entry) for entry in report.entries]
        seen += [(name, ledger.entries[seq - 1]) for name, seq in report.repeated.items()]
        only = {name for name, entry in seen if _may_bring(home, entry, erased)}
        redact_landing(ledger, erased, settings, only)


def _may_bring(home: Home, entry: Entry, erased: ErasedUsers) -> bool:
    """Returns whether the content of an entry, as it landed, may hold an erased user.

    Ingest refused their records, so only refused and repeated ones are left to look at.
    """
    if entry.redacted_sha256 is not None:
        return True  # which of the two it is, its hash tells
    if entry.cleared == erased.digest:
        return False
    refused = [home.lake / file.path for file in entry.files if file.table == QUARANTINE.name]
    is_refused = any(read_table(x, QUARANTINE, ["raw"])["raw"].null_count() for x in refused)
    return entry.status == "unreadable" or entry.duplicate > 0 or is_refused


def redact_landing(
    ledger: Ledger, erased: ErasedUsers, settings: IngestSettings, only: set[str] | None = None
) -> int:
    """Rewrites landed files that were taken in and hold an erased user; returns how many.

    A file that no reader opens is removed if it names one, or if it is no text so that nobody can
    tell. A file that still waits is left: it is rewritten once it is taken in.

    Args:
        ledger: the home's ledger.
        erased: who.
        settings: the limits.
        only: names of the files to look at; all of them where it is None.
    """
    n_rewritten = 0
    for path in landed_files(ledger.home):
        if only is not None and file_name(path) not in only:
            continue
        sha256 = hash_file(path)
        taken = [x for x in ledger.entries if sha256 in (x.sha256, x.redacted_sha256)]
        if not taken or all(_is_clear(entry, sha256, erased) for entry in taken):
            continue
        if not any(_may_hold(ledger.home, entry, erased, settings) for entry in taken):
            continue
        cleared = [replace(entry, cleared=erased.digest) for entry in taken]
        gone = _gone(path, taken, erased, settings)
        if gone.is_all:
            _remove(ledger, path, cleared)
        elif len(gone.first):
            _replace(ledger, path, cleared, gone)
        else:
            _note_clear(ledger, cleared)
            continue
        n_rewritten += 1
    return n_rewritten


def _gone(path: Path, taken: list[Entry], erased: ErasedUsers, settings: IngestSettings) -> Gone:
    """Returns the records that go: of a file that no reader opens all of it or nothing.

    One that was read may be such a file by now: what an erasure left of it may be torn lines alone.
    """
    if any(entry.status != "unreadable" for entry in taken):
        with contextlib.suppress(UnreadableFile):
            return gone_records(path, taken, erased, settings)
    nothing = np.zeros(0, np.int64)
    return Gone(nothing, nothing, any(may_name(path, entry, erased) for entry in taken))


def _is_clear(entry: Entry, sha256: str, erased: ErasedUsers) -> bool:
    """Returns whether this content was looked through for the same users before."""
    now = entry.sha256 if entry.redacted_sha256 is None else entry.redacted_sha256
    return entry.cleared == erased.digest and sha256 == now


def _note_clear(ledger: Ledger, taken: list[Entry]) -> None:
    """Notes that a landed file holds none of them, so that no later night looks into it again."""
    for entry in taken:
        ledger.replace(entry)


def _may_hold(home: Home, entry: Entry, erased: ErasedUsers, settings: IngestSettings) -> bool:
    """Returns whether what was taken in of a file leaves room for an erased user in it.

    Repeated records lie in the file alone; of all others the lake or its quarantine knows.
    """
    if entry.status == "unreadable" or entry.duplicate:
        return True
    return leaves_room(home, entry, erased, settings)


def _remove(ledger: Ledger, path: Path, taken: list[Entry]) -> None:
    """Removes a landed file of which nothing is to be left."""
    _announce(ledger, taken, "", 0)
    path.unlink()
    flush_folder(path.parent)


def _replace(ledger: Ledger, path: Path, taken: list[Entry], gone: Gone) -> None:
    """Puts the rewritten file in the place of the landed one."""
    beside = path.with_name(f".erasing-{path.name}")
    write_without(path, beside, gone)
    flush_file(beside)
    moment = path.stat().st_mtime_ns
    os.utime(beside, ns=(moment, moment))
    _announce(ledger, taken, hash_file(beside), beside.stat().st_size)
    beside.replace(path)
    flush_folder(path.parent)


def _announce(ledger: Ledger, taken: list[Entry], sha256: str, size: int) -> None:
    """Tells the ledger what is about to lie in a landed file's place."""
    for entry in taken:
        ledger.replace(replace(entry, redacted_sha256=sha256, size=size))
    reach("landed_file_announced")
