"""A file's records through the rules into the lake, block by block."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from assets.ingest.blame import reading
from assets.ingest.block import Block, cut_raw, refuse
from assets.ingest.conform import Conformed, Rules, conform
from assets.ingest.entry import UNKNOWN_TABLE
from assets.ingest.event_index import EventIndex
from assets.ingest.fields import (
    TAG_FILE,
    FileKind,
    check_required,
    kind_of_file,
    kind_of_table,
    kind_that_fits,
    resolve,
)
from assets.ingest.lake import LakeWriter
from assets.ingest.opening import opened
from assets.ingest.repeats import (
    DUPLICATE,
    NEW,
    REUSED,
    REUSED_REASON,
    EventRepeats,
    Repeats,
    StatementRepeats,
)
from core.erased_users import ErasedUsers
from core.ingest_settings import IngestSettings, Mapping
from core.raw_records import RecordForm
from core.schemas import EVENTS, QUARANTINE, Table

ERASED_REASON = "erased user"
"""Why a row of an erased user is refused; its text is kept nowhere."""
Derive = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Request:
    """How to take in a file.

    Attributes:
        settings: the limits.
        mapping: how the file spells things.
        table: the lake table that it holds; None where its name or columns are to tell.
        importer: who reads it; part of what makes the same content the same.
        derive: what the importer adds to accepted rows.
    """

    settings: IngestSettings
    mapping: Mapping
    table: Table | None = None
    importer: str = "files"
    derive: Derive | None = None


@dataclass
class Pour:
    """One file on its way into the lake.

    Attributes:
        path: the file.
        name: its name in the lake's rows.
        ingested_us: when it is taken in.
        kind: what it holds, as far as is known before it is opened; None where nothing tells.
        read: records found so far; of a served list that is good, its items.
        accepted: records that became rows.
        duplicate: records that repeat an accepted one.
        quarantined: records refused.
        ignored_columns: columns that nothing reads.
    """

    path: Path
    name: str
    ingested_us: int
    kind: FileKind | None
    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    ignored_columns: list[str] = field(default_factory=list)


def pour(
    file: Pour, request: Request, index: EventIndex, writer: LakeWriter, erased: ErasedUsers
) -> None:
    """Sends every record of a file to the lake or to quarantine, and counts them.

    Records of erased users are refused without a trace of what they said.

    Raises:
        UnreadableFile: the file, or the rest of it, cannot be read.
        MachineFault: the machine failed while it was read.
        OSError: the lake cannot be written.
    """
    repeats: Repeats | None = None
    for block, conformed in conformed_blocks(file, request):
        assert file.kind is not None
        if erased:
            conformed = without_erased(conformed, block.form, erased, request.settings)
        repeats = repeats or _repeats(file.kind, index)
        verdicts = repeats.judge(conformed.rows)
        rows = conformed.rows.filter(verdicts == NEW)
        refused = conformed.refused
        if (verdicts == REUSED).any():
            lines = conformed.rows["line"].filter(verdicts == REUSED).to_numpy()
            raw = block.raw(np.searchsorted(block.lines, lines))
            reused = refuse(lines, raw, [REUSED_REASON] * len(lines))
            refused = pl.concat(
                [refused, without_texts(reused, block.form, erased, request.settings)]
            )
        file.read += conformed.n_read
        file.accepted += len(rows)
        file.duplicate += int((verdicts == DUPLICATE).sum())
        file.quarantined += len(refused)
        table = file.kind.table
        stamped = (request.derive(rows) if request.derive else rows).with_columns(
            source_file=pl.lit(file.name), ingested_us=pl.lit(file.ingested_us, pl.Int64)
        )
        writer.take(table, stamped.select(table.names))
        writer.take(QUARANTINE, quarantine_rows(refused, file, request.settings))


def without_erased(
    conformed: Conformed, form: RecordForm, erased: ErasedUsers, settings: IngestSettings
) -> Conformed:
    """Returns a block whose records of erased users are refused, their text left out."""
    rows = conformed.rows
    redacted = without_texts(conformed.refused, form, erased, settings)
    if "user_id" not in rows.columns:
        return replace(conformed, refused=redacted)
    own = erased.own(rows["user_id"])
    lines = rows["line"].filter(own)
    gone = refuse(lines.to_numpy(), [None] * len(lines), [ERASED_REASON] * len(lines))
    return replace(conformed, rows=rows.filter(~own), refused=pl.concat([redacted, gone]))


def without_texts(
    refused: pl.DataFrame, form: RecordForm, erased: ErasedUsers, settings: IngestSettings
) -> pl.DataFrame:
    """Returns refused records without the texts that name an erased user.

    Nor are those kept that are too long for a reader to have seen their end.
    """
    if not erased:
        return refused
    raw = refused["raw"]
    unsure = (raw.str.len_bytes() > settings.max_record_bytes).fill_null(False)
    named = erased.mentioned(raw, form) | unsure
    return refused.with_columns(
        raw=pl.when(~named).then("raw"),
        reason=pl.when(named).then(pl.lit(ERASED_REASON)).otherwise("reason"),
    )


def quarantine_rows(refused: pl.DataFrame, file: Pour, settings: IngestSettings) -> pl.DataFrame:
    """Returns refused records as rows of `quarantine`, their texts cut at the limit."""
    return refused.select(
        pl.lit(file.name).alias("source_file"), "line",
        cut_raw(refused["raw"], settings.max_raw_bytes), "reason",
        pl.lit(table_name(file)).alias("table"),
    )  # fmt: skip


def table_name(file: Pour) -> str:
    """Returns the table that a file's rows are meant for; `unknown` where nothing tells."""
    return file.kind.table.name if file.kind else UNKNOWN_TABLE


def conformed_blocks(file: Pour, request: Request) -> Iterator[tuple[Block, Conformed]]:
    """Yields a file's blocks before and after their rules."""
    with reading(file.name), opened(file.path, request.settings) as source:
        mapping = request.mapping
        file.kind = kind = (
            kind_that_fits(kind_of_table(request.table), source.columns, mapping)
            if request.table
            else kind_of_file(file.path.name, source.columns, mapping)
        )
        check_required(kind, source.columns, mapping)
        rules = Rules(kind, mapping, request.settings, file.ingested_us)
        for block in source.blocks(kind, mapping):
            yield block, conform(block, rules)
        used = set(resolve(kind, source.columns, mapping).values())
        file.ignored_columns = [name for name in source.columns if name not in used]


def _repeats(kind: FileKind, index: EventIndex) -> Repeats:
    if kind.table is EVENTS:
        return EventRepeats(index)
    if kind is TAG_FILE:
        return StatementRepeats(["item_id", "theme", "user_id", "occurred_us"])
    return StatementRepeats([kind.table.key[0]])
