"""What of a landed file holds an erased user: records of one that is read, else all of it."""

import csv
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from assets.ingest.entry import Entry
from assets.ingest.fields import kind_of_table
from assets.ingest.limits_then import limits_then
from assets.ingest.pouring import ERASED_REASON, Pour, Request, conformed_blocks, without_erased
from assets.ingest.without_records import END, Gone
from core.erased_users import ErasedUsers
from core.ingest_settings import IngestSettings, Mapping
from core.raw_records import RecordForm
from core.schemas import TABLES

_LOOKED_INTO_BYTES = 64 * 1024**2
_ANY_SIZE = {"max_file_bytes": sys.maxsize, "max_compression_ratio": sys.maxsize}
_ANY_RECORD = {"max_record_bytes": 64 * 1024**2}  # the highest that the settings allow


def gone_records(
    path: Path, taken: list[Entry], erased: ErasedUsers, settings: IngestSettings
) -> Gone:
    """Returns the records that go: those that hold an erased user as any of the entries read it.

    Raises:
        UnreadableFile: what is left of the file after an earlier erasure can no longer be told.
        MachineFault: the machine failed while it was read.
    """
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
    settings = _settings_of(entry, settings)
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
        gone = refused.filter(pl.col("reason") == ERASED_REASON)["line"].unique().sort().to_numpy()
        firsts.append(gone)
        afters.append(np.append(starts[1:], END)[np.searchsorted(starts, gone)])
        is_open = bool(len(gone)) and gone[-1] == starts[-1]
        n_records += len(starts)
    first = np.concatenate(firsts)
    return Gone(first, np.concatenate(afters), 0 < len(first) == n_records)


def _settings_of(entry: Entry, settings: IngestSettings) -> IngestSettings:
    """Returns the limits that an entry's file was read with, the memory's bound being today's.

    They decide where a record begins and ends, and which one is too long to be judged. Its size is
    none of them: it was no bomb and not too large when it was taken in. Where nobody knows them any
    more, no record is too long.
    """
    then = limits_then(entry, settings) or settings.model_copy(update=_ANY_RECORD)
    return then.model_copy(update={**_ANY_SIZE, "block_bytes": settings.block_bytes})


def may_name(path: Path, entry: Entry, erased: ErasedUsers) -> bool:
    """Returns whether a file that no reader opens names an erased user, or is no text to tell by.

    Packed, binary and huge ones are not looked into: some are made to burst.
    """
    if path.stat().st_size > _LOOKED_INTO_BYTES:
        return True
    content = path.read_bytes()
    if b"\0" in content or content.startswith(b"\x1f\x8b"):
        return True
    text = content.decode("utf-8-sig", "backslashreplace")
    lines = pl.Series(re.split(r"\r\n|\r|\n", text), dtype=pl.String)  # as readers tell lines
    return bool(erased.mentioned(lines, _form(lines, entry)).any())


def _form(lines: pl.Series, entry: Entry) -> RecordForm:
    """Returns how an unreadable file's lines are written: with a header if that names users."""
    json_form = RecordForm.of(Mapping.model_validate(entry.mapping))
    for separator in ",;\t|":
        header = next(csv.reader(lines.head(1).str.slice(0, 65_536), delimiter=separator), [])
        if json_form.user_columns & set(header):
            return replace(json_form, header=tuple(header), separator=separator)
    return json_form
