"""Why-records, read from a release's own table: the only file of the server that needs pyarrow.

They are off the path of every answer, so the server does without the library until somebody asks.
A server does not hash the tables before it serves, for no answer is made of them. So the first
look into a release's table holds its bytes against the manifest, about a second for each GiB; later
looks read the row groups alone whose statistics allow for the user, a few thousand rows at a time.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from core.errors import IntegrityError, NotFound
from core.manifest import verify_file
from core.redactions import version_of
from core.release_store import own_manifest
from serving.layout import WHY_RECORDS
from serving.release import Release
from serving.web.inspector.items import ItemCard, item_card

_ROWS = 8_192


class WhyRecord(msgspec.Struct):
    """How an item came onto a user's list; the fields are those of the table `lists`."""

    rank: int
    score: float
    stage: str
    sources: list[str]
    source_scores: dict[str, float | None]
    seed_item_id: str | None
    seed_contribution: float | None
    ranker_score: float | None
    rules: list[str]
    reason_type: str
    explanation_key: str


class Why(msgspec.Struct):
    """A why-record with its seed item; both None where there is none to show."""

    release: str
    user_id: str
    item_id: str
    record: WhyRecord | None
    seed: ItemCard | None


class CannotRead(Exception):
    """The library that reads tables is not installed; the text says so."""


def why(release: Release, user_id: str, item_id: str, record: WhyRecord | None) -> Why:
    """Returns a why-record as the page shows it."""
    number = release.item_num(record.seed_item_id) if record and record.seed_item_id else None
    seed = None if number is None else item_card(release, number)
    return Why(release.id, user_id, item_id, record, seed)


def why_record(folder: Path, user_id: str, item_id: str) -> WhyRecord | None:
    """Returns one row of a release's table `lists`, None where there is none.

    Args:
        folder: the release's.
        user_id: as `known_as` has it: nobody has the empty id.
        item_id: the item.

    Raises:
        CannotRead: pyarrow is not installed.
        NotFound: the release was made without the table.
        IntegrityError: the table is gone or damaged.
    """
    try:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq
    except ImportError:
        raise CannotRead(
            "why-records are read with pyarrow, which is not installed beside this server; ask "
            "`daybreak why USER ITEM` where it is"
        ) from None
    path = folder / WHY_RECORDS
    _verify(folder)
    columns = list(WhyRecord.__struct_fields__)
    try:
        with pq.ParquetFile(path) as table:
            groups = [
                n for n in range(table.num_row_groups) if _may_hold(table.metadata, n, user_id)
            ]
            batches = table.iter_batches(
                _ROWS, groups, [*columns, "user_id", "item_id"], use_threads=False
            )
            for batch in batches:
                mine = pc.and_(
                    pc.equal(batch["user_id"], user_id), pc.equal(batch["item_id"], item_id)
                )
                for row in batch.filter(mine).select(columns).to_pylist():
                    row["source_scores"] = msgspec.json.decode(row["source_scores"])
                    return msgspec.convert(row, WhyRecord)
    except (pa.ArrowException, OSError, KeyError, ValueError, msgspec.MsgspecError) as error:
        reason = " ".join(str(error).split())[:200]
        raise IntegrityError(f"{WHY_RECORDS} can't be read ({reason}); restore it") from error
    return None


@lru_cache(2)
def _verify(folder: Path) -> None:
    record = own_manifest(folder).files.get(WHY_RECORDS)
    if record is None:
        raise NotFound(f"release {version_of(folder)} came without its why-records, {WHY_RECORDS}")
    try:
        verify_file(folder / WHY_RECORDS, record)
    except IntegrityError:
        raise IntegrityError(
            f"{WHY_RECORDS} can't be read (it is not what its manifest says); restore it"
        ) from None


def _may_hold(metadata: Any, group: int, user_id: str) -> bool:
    """Returns whether a row group's statistics allow for a user."""
    leaves = [metadata.schema.column(n).path for n in range(metadata.num_columns)]
    known = metadata.row_group(group).column(leaves.index("user_id")).statistics
    return known is None or not known.has_min_max or known.min <= user_id <= known.max
