"""Ledger entries and lake files without erased users.

An account still balances afterwards: a row that is taken out is one that ingest refuses now, so it
moves from `accepted` to `quarantined`, with its line and nothing of what it said.
"""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from assets.ingest.entry import Entry, LakeFile
from assets.ingest.lake import write_lake_blocks
from assets.ingest.ledger import Ledger
from assets.ingest.one_file import nameless
from assets.ingest.pouring import ERASED_REASON
from assets.ingest.quarantined import Quarantined
from core.durable import flush_file, flush_folder
from core.erased_users import ErasedUsers
from core.home import Home
from core.ingest_settings import IngestSettings
from core.kill_points import reach
from core.schemas import QUARANTINE, TABLES
from core.tables import read_blocks, read_table


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
    told = _without_names(entry, erased)
    files: list[LakeFile] = []
    gone: list[pl.Series] = []
    texts = Quarantined(home, entry, erased, settings)
    for file in entry.files:
        if file.table == QUARANTINE.name:
            files.append(_rewritten(home, file, texts.redacted(file)) if texts.has(file) else file)
        elif (own := _own_rows(home, file, erased)) is None:
            files.append(file)
        else:
            table = TABLES[file.table]
            gone.append(read_table(home.lake / file.path, table, ["line"])["line"].filter(own))
            if not own.all():
                files.append(_rewritten(home, file, _rows_of_others(home, file, own)))
    if files == entry.files:
        return None if told == entry else told
    n_gone = sum(len(lines) for lines in gone)
    if n_gone:
        files = _with_refused(home, entry, files, pl.concat(gone))
    return replace(
        told, files=files, accepted=entry.accepted - n_gone,
        quarantined=entry.quarantined + n_gone,
    )  # fmt: skip


def _rows_of_others(home: Home, file: LakeFile, own: pl.Series) -> Iterator[pl.DataFrame]:
    done = 0
    for rows in read_blocks(home.lake / file.path, TABLES[file.table]):
        yield rows.filter(~own.slice(done, len(rows)))
        done += len(rows)


def _with_refused(
    home: Home, entry: Entry, files: list[LakeFile], lines: pl.Series
) -> list[LakeFile]:
    """Returns lake files with rows of quarantine for what erasures took out, all in one file."""
    stem = f"{QUARANTINE.name}/{entry.seq:08d}-erased"
    rows = lines.alias("line").to_frame().with_columns(
        source_file=pl.lit(entry.source_file), raw=pl.lit(None, pl.String),
        reason=pl.lit(ERASED_REASON), table=pl.lit(entry.table),
    )  # fmt: skip
    old = next((file for file in files if file.path.startswith(stem)), None)
    before = [] if old is None else [read_table(home.lake / old.path, QUARANTINE)]
    rows = pl.concat([*before, rows.select(QUARANTINE.names)]).sort(QUARANTINE.key)
    name = old or LakeFile(QUARANTINE.name, f"{stem}.parquet", 0, None, None, "")
    return [*(file for file in files if file != old), _rewritten(home, name, iter([rows]))]


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
    texts = Quarantined(home, entry, erased, settings)
    return any(
        texts.leaves_room(file)
        if file.table == QUARANTINE.name
        else _own_rows(home, file, erased) is not None
        for file in entry.files
    )


def _own_rows(home: Home, file: LakeFile, erased: ErasedUsers) -> pl.Series | None:
    """Returns which rows of a lake file are of erased users; None where none is."""
    table = TABLES[file.table]
    if "user_id" not in table.names:
        return None
    own = erased.own(read_table(home.lake / file.path, table, ["user_id"])["user_id"])
    return own if own.any() else None


def _rewritten(home: Home, file: LakeFile, blocks: Iterator[pl.DataFrame]) -> LakeFile:
    """Writes what is to take a lake file's place beside it."""
    stem, _, number = file.path.removesuffix(".parquet").partition("+")
    name = f"{stem}+{int(number or 0) + 1}.parquet"
    written = write_lake_blocks(home.lake, name, blocks, TABLES[file.table])
    flush_file(home.lake / name)
    flush_folder((home.lake / name).parent)
    return written


def remove_strays(ledger: Ledger) -> None:
    """Removes lake files that no entry names: what was rewritten, and what killed runs left."""
    named = {file.path for entry in ledger.entries for file in entry.files}
    for path in ledger.home.lake.rglob("*.parquet"):
        if path.relative_to(ledger.home.lake).as_posix() not in named:
            path.unlink()
    for path in ledger.home.landing.glob(".erasing-*"):
        path.unlink()
