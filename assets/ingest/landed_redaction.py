"""Landed files without the records of erased users."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from assets.ingest.access import file_name
from assets.ingest.entry import Entry
from assets.ingest.fields import kind_of_table
from assets.ingest.lake_redaction import leaves_room
from assets.ingest.landing import IngestReport, landed_files
from assets.ingest.ledger import Ledger, open_ledger
from assets.ingest.pouring import ERASED_REASON, Pour, Request, conformed_blocks, without_erased
from assets.ingest.without_records import END, Gone, write_without
from core.durable import flush_file, flush_folder
from core.erased_users import ErasedUsers
from core.home import Home
from core.ingest_settings import IngestSettings, Mapping
from core.kill_points import reach
from core.manifest import hash_file
from core.raw_records import RecordForm
from core.schemas import QUARANTINE, TABLES
from core.tables import read_table

_LOOKED_INTO_BYTES = 64 * 1024**2


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
        if all(entry.status == "unreadable" for entry in taken):
            if any(_may_name(path, entry, erased) for entry in taken):
                path.unlink()
                n_rewritten += 1
            else:
                _note_clear(ledger, taken, erased)
            continue
        gone = _records(path, taken, erased, settings)
        if len(gone.first):
            cleared = [replace(x, cleared=erased.digest) for x in taken]
            _replace(ledger, path, cleared, gone)
            n_rewritten += 1
        else:
            _note_clear(ledger, taken, erased)
    return n_rewritten


def _is_clear(entry: Entry, sha256: str, erased: ErasedUsers) -> bool:
    """Returns whether this content was looked through for the same users before."""
    now = entry.sha256 if entry.redacted_sha256 is None else entry.redacted_sha256
    return entry.cleared == erased.digest and sha256 == now


def _note_clear(ledger: Ledger, taken: list[Entry], erased: ErasedUsers) -> None:
    """Notes that a landed file holds none of them, so that no later night looks into it again."""
    for entry in taken:
        ledger.replace(replace(entry, cleared=erased.digest))


def _may_hold(home: Home, entry: Entry, erased: ErasedUsers, settings: IngestSettings) -> bool:
    """Returns whether what was taken in of a file leaves room for an erased user in it.

    Repeated records lie in the file alone; of all others the lake or its quarantine knows.
    """
    if entry.status == "unreadable" or entry.duplicate:
        return True
    return leaves_room(home, entry, erased, settings)


def _records(path: Path, taken: list[Entry], erased: ErasedUsers, settings: IngestSettings) -> Gone:
    """Returns the records that go: those that hold an erased user as any of the entries read it."""
    found = [
        _records_of(path, entry, erased, settings)
        for entry in taken
        if entry.status != "unreadable"
    ]
    first, place = np.unique(np.concatenate([one.first for one in found]), return_index=True)
    after = np.concatenate([one.after for one in found])[place]
    return Gone(first, after, any(one.is_all for one in found))


def _records_of(path: Path, entry: Entry, erased: ErasedUsers, settings: IngestSettings) -> Gone:
    """Returns the records that hold an erased user, a file being read as an entry read it."""
    kind = kind_of_table(TABLES[entry.table])
    mapping = Mapping.model_validate(entry.mapping)
    request = Request(settings, mapping, kind.table, entry.importer)
    file = Pour(path, entry.source_file, entry.ingested_us, kind)
    firsts, afters = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    n_records, is_open = 0, False
    for block, conformed in conformed_blocks(file, request):
        starts = np.sort(np.concatenate([block.lines, block.refused["line"].to_numpy()]))
        if not len(starts):
            continue
        if is_open:
            afters[-1][-1] = starts[0]
        refused = without_erased(conformed, block.form, erased, settings).refused
        gone = refused.filter(pl.col("reason") == ERASED_REASON)["line"].sort().to_numpy()
        firsts.append(gone)
        afters.append(np.append(starts[1:], END)[np.searchsorted(starts, gone)])
        is_open = bool(len(gone)) and gone[-1] == starts[-1]
        n_records += len(starts)
    first = np.concatenate(firsts)
    return Gone(first, np.concatenate(afters), len(first) == n_records)


def _replace(ledger: Ledger, path: Path, taken: list[Entry], gone: Gone) -> None:
    """Puts the rewritten file in the place of the landed one; the ledger knows it before.

    Of a file without a record left nothing is kept.
    """
    beside = path.with_name(f".erasing-{path.name}")
    write_without(path, beside, gone)
    flush_file(beside)
    moment = path.stat().st_mtime_ns
    os.utime(beside, ns=(moment, moment))
    sha256, size = ("", 0) if gone.is_all else (hash_file(beside), beside.stat().st_size)
    for entry in taken:
        ledger.replace(replace(entry, redacted_sha256=sha256, size=size))
    reach("landed_file_announced")
    if gone.is_all:
        path.unlink()
        beside.unlink()
    else:
        beside.replace(path)
    flush_folder(path.parent)


def _may_name(path: Path, entry: Entry, erased: ErasedUsers) -> bool:
    """Returns whether a file that no reader opens names an erased user, or is no text to tell by.

    Packed, binary and huge ones are not looked into: some are made to burst.
    """
    if path.stat().st_size > _LOOKED_INTO_BYTES:
        return True
    content = path.read_bytes()
    if b"\0" in content or content.startswith(b"\x1f\x8b"):
        return True
    lines = pl.Series(content.decode("utf-8-sig", "backslashreplace").splitlines(), dtype=pl.String)
    return bool(erased.mentioned(lines, _form(lines, entry)).any())


def _form(lines: pl.Series, entry: Entry) -> RecordForm:
    """Returns how an unreadable file's lines are written: with a header if that names users."""
    json_form = RecordForm.of(Mapping.model_validate(entry.mapping))
    for separator in ",;\t|":
        header = next(csv.reader(lines.head(1).str.slice(0, 65_536), delimiter=separator), [])
        if json_form.user_columns & set(header):
            return replace(json_form, header=tuple(header), separator=separator)
    return json_form
