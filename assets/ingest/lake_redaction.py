"""Ledger entries and lake files without erased users.

An account still balances afterwards: a row that is taken out is one that ingest refuses now, so it
moves from `accepted` to `quarantined`, with its line and nothing of what it said.
"""

from dataclasses import replace

import polars as pl

from assets.ingest.entry import Entry, LakeFile
from assets.ingest.lake import write_lake_file
from assets.ingest.ledger import Ledger
from assets.ingest.one_file import nameless
from assets.ingest.pouring import ERASED_REASON
from core.durable import flush_file, flush_folder
from core.erased_users import ErasedUsers
from core.home import Home
from core.ingest_settings import IngestSettings, Mapping, limits_digest
from core.kill_points import reach
from core.raw_records import RecordForm
from core.schemas import QUARANTINE, TABLES
from core.tables import read_table

CUT_REASON = "cut short, so that it may be of an erased user"
"""Why the text of a refused record is left out that is not there to its end."""


def redact_lake(ledger: Ledger, erased: ErasedUsers, settings: IngestSettings) -> int:
    """Rewrites the lake files, and the entries, that hold an erased user; returns how many files.

    The old files stay until `remove_strays`: older snapshots name them.
    """
    n_rewritten = 0
    for entry in list(ledger.entries):
        if redacted := _redacted_entry(ledger.home, entry, erased, settings):
            n_rewritten += len(set(redacted.files) - set(entry.files))
            ledger.replace(redacted)
            reach("lake_entry_replaced")
    return n_rewritten


def _redacted_entry(
    home: Home, entry: Entry, erased: ErasedUsers, settings: IngestSettings
) -> Entry | None:
    """Returns an entry whose lake files hold no erased user; None where none ever did."""
    files: list[LakeFile] = []
    gone: list[pl.DataFrame] = []
    told = _without_names(entry, erased)
    refused = _quarantined(home, entry, erased, settings)
    for file in entry.files:
        own = _own_rows(home, file, erased)
        if file.table == QUARANTINE.name or own is None:
            files.append(file)
            continue
        rows = read_table(home.lake / file.path, TABLES[file.table])
        gone.append(rows.filter(own).select("line"))
        if not own.all():
            files.append(_rewritten(home, file, rows.filter(~own)))
    if not gone and refused is None:
        return None if told == entry else told
    lines = pl.concat([pl.DataFrame(schema={"line": pl.Int64}), *gone])
    files = [file for file in files if file.table != QUARANTINE.name]
    kept = _quarantine(home, entry) if refused is None else refused
    added = lines.with_columns(
        source_file=pl.lit(entry.source_file), raw=pl.lit(None, pl.String),
        reason=pl.lit(ERASED_REASON), table=pl.lit(entry.table),
    )  # fmt: skip
    rows = pl.concat([kept, added.select(QUARANTINE.names)])
    old = next((file for file in entry.files if file.table == QUARANTINE.name), None)
    name = old or LakeFile(QUARANTINE.name, _first_name(entry), 0, None, None, "")
    files.append(_rewritten(home, name, rows))
    return replace(
        told, files=files, accepted=entry.accepted - len(lines),
        quarantined=entry.quarantined + len(lines),
    )  # fmt: skip


def _without_names(entry: Entry, erased: ErasedUsers) -> Entry:
    """Returns an entry whose own words name no erased user."""
    is_named = entry.reason is not None and erased.are_named(entry.reason)
    return replace(
        entry, reason=ERASED_REASON if is_named else entry.reason,
        ignored_columns=nameless(entry.ignored_columns, erased),
    )  # fmt: skip


def leaves_room(home: Home, entry: Entry, erased: ErasedUsers, settings: IngestSettings) -> bool:
    """Returns whether the lake says that a file may hold, or did hold, an erased user.

    It does where a row is theirs, and where the text of a refused record names them, is left out or
    is cut short.
    """
    quarantine = _quarantine(home, entry)
    raw = quarantine["raw"]
    if (
        raw.null_count()
        or _cut(raw, entry, settings).any()
        or erased.mentioned(raw, _form(entry)).any()
    ):
        return True
    return any(_own_rows(home, file, erased) is not None for file in entry.files)


def _form(entry: Entry) -> RecordForm:
    return RecordForm.of(Mapping.model_validate(entry.mapping))


def _cut(raw: pl.Series, entry: Entry, settings: IngestSettings) -> pl.Series:
    """Returns which texts of an entry's refused records may be cut short.

    Under limits that nobody knows any more, those that are as long as the longest: a text that was
    cut is as long as the limit but for a letter of up to four bytes.
    """
    n_bytes = raw.str.len_bytes().fill_null(0)
    if entry.settings_digest == limits_digest(settings):
        return n_bytes.gt(min(settings.max_raw_bytes - 4, settings.max_record_bytes))
    return n_bytes.gt(max(60, int(n_bytes.to_numpy().max(initial=0)) - 4))


def _own_rows(home: Home, file: LakeFile, erased: ErasedUsers) -> pl.Series | None:
    """Returns which rows of a lake file are of erased users; None where none is."""
    table = TABLES[file.table]
    if "user_id" not in table.names:
        return None
    own = erased.own(read_table(home.lake / file.path, table, ["user_id"])["user_id"])
    return own if own.any() else None


def _quarantine(home: Home, entry: Entry) -> pl.DataFrame:
    found = [
        read_table(home.lake / x.path, QUARANTINE)
        for x in entry.files
        if x.table == QUARANTINE.name
    ]
    return pl.concat([pl.DataFrame(schema=QUARANTINE.polars), *found])


def _quarantined(
    home: Home, entry: Entry, erased: ErasedUsers, settings: IngestSettings
) -> pl.DataFrame | None:
    """Returns an entry's quarantine without the texts of erased users; None if there are none."""
    rows = _quarantine(home, entry)
    named = erased.mentioned(rows["raw"], _form(entry)) | _named_by_reason(rows, erased)
    cut = _cut(rows["raw"], entry, settings)
    if not (named | cut).any():
        return None
    return rows.with_columns(
        raw=pl.when(~(named | cut)).then("raw"),
        reason=pl.when(named)
        .then(pl.lit(ERASED_REASON))
        .when(cut)
        .then(pl.lit(CUT_REASON))
        .otherwise("reason"),
    )


def _named_by_reason(rows: pl.DataFrame, erased: ErasedUsers) -> pl.Series:
    """Returns which reasons without a record name an erased user: those of unreadable files.

    What the reason of a record quotes stands in the record too.
    """
    bare = rows["raw"].is_null() & ~rows["reason"].is_in([ERASED_REASON, CUT_REASON])
    return bare & erased.mentioned(rows["reason"].set(~bare, None))


def _rewritten(home: Home, file: LakeFile, rows: pl.DataFrame) -> LakeFile:
    stem, _, number = file.path.removesuffix(".parquet").partition("+")
    name = f"{stem}+{int(number or 0) + 1}.parquet"
    written = write_lake_file(home.lake, name, rows, TABLES[file.table])
    flush_file(home.lake / name)
    flush_folder((home.lake / name).parent)
    return written


def _first_name(entry: Entry) -> str:
    return f"{QUARANTINE.name}/{entry.seq:08d}-erased.parquet"


def remove_strays(ledger: Ledger) -> None:
    """Removes lake files that no entry names: what was rewritten, and what killed runs left."""
    named = {file.path for entry in ledger.entries for file in entry.files}
    for path in ledger.home.lake.rglob("*.parquet"):
        if path.relative_to(ledger.home.lake).as_posix() not in named:
            path.unlink()
    for path in ledger.home.landing.glob(".erasing-*"):
        path.unlink()
