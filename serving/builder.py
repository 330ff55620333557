"""Packs tables into a release's files. Equal tables give equal bytes."""

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from core.days import day_start_us
from core.errors import CheckFailed
from core.list_settings import ListSettings
from core.manifest import FileRecord
from core.schemas import EXPLANATIONS, ITEMS, LISTS, NEIGHBOUR_LISTS, SEGMENT_LISTS, Table
from core.staging import Staging
from serving.fragment_files import write_pieces
from serving.golden import check_golden
from serving.golden_choice import choose_golden
from serving.layout import (
    FORMAT,
    FRAGMENT_FIRSTS,
    FRAGMENTS,
    GOLDEN,
    LAYOUT,
    NARROW,
    WHY_RECORDS,
    WIDE,
    Layout,
    shard_file,
)
from serving.list_files import categories, write_items, write_neighbours, write_segments
from serving.release import Release
from serving.release_inputs import ReleaseInputs, read_columns, score_decimals
from serving.user_blocks import UserSource
from serving.user_files import write_users

_CATEGORY_CAP = ListSettings().category_cap

__all__ = ["ReleaseInputs", "build_release"]


def build_release(
    staging: Staging,
    inputs: ReleaseInputs,
    as_of: date,
    *,
    n_shards: int,
    n_workers: int = 1,
    category_cap: int = _CATEGORY_CAP,
) -> dict[str, Any]:
    """Fills a staged release and reads it back once; returns its facts.

    Args:
        staging: where to write; its `facts` get the returned ones too.
        inputs: the tables, each sorted by its key.
        as_of: the as-of date D; availability is judged at its 00:00 UTC.
        n_shards: files over which the users are spread, 1 to 100.
        n_workers: processes that may build them side by side; the bytes do not depend on it.
        category_cap: most items of one category among the first ten; a session keeps it too.

    Returns:
        Counts: n_users (with a record), n_items, n_rows (of personal lists), n_explanations,
        n_segments, n_neighbours (rows); and bytes: record_bytes (of the users'
        records), user_bytes (of the files that hold them), fragment_bytes, why_bytes.

    Raises:
        CheckFailed: there are more items, or reasons of one item, than can be numbered; a row names
            an item or explanation that is not there, a sentence is about another item than its
            row, a score is not finite, a table is not in key order, an item is twice on a list, or
            there is no trending list.
        IntegrityError: what was written answers otherwise than the tables say.
    """
    items = read_columns(
        inputs.items, ["item_id", "title", "category", "available_from_us", "available_until_us"]
    )
    if items.height > WIDE:
        raise CheckFailed(
            f"{items.height:,} items are more than the {WIDE:,} that three bytes can number; leave "
            "out those that can no longer be had"
        )
    list_decimals = score_decimals(inputs.lists)
    segment_decimals = score_decimals(inputs.segment_lists)
    neighbour_decimals = score_decimals(inputs.neighbour_lists)

    numbers = write_items(staging, items)
    n_neighbours = write_neighbours(staging, inputs.neighbour_lists, numbers, neighbour_decimals)
    segments = write_segments(staging, inputs.segment_lists, numbers, segment_decimals)
    n_reasons = write_pieces(staging, items, segments, inputs.explanations, numbers)
    if (most := int(n_reasons.max(initial=0))) > WIDE:
        item_id = items["item_id"][int(n_reasons.argmax())]
        raise CheckFailed(
            f"item {item_id!r} has {most:,} reasons, more than the {WIDE:,} that three bytes can "
            "number; leave out those that no list gives"
        )
    source = UserSource(
        inputs,
        firsts=staging.file(FRAGMENT_FIRSTS),
        segments=tuple(segments),
        decimals=list_decimals,
        wide_items=items.height > NARROW,
        wide_reasons=most > NARROW,
    )
    users = write_users(staging, source, n_shards=n_shards, n_workers=n_workers)
    layout = Layout(
        format=FORMAT,
        as_of_us=day_start_us(as_of),
        n_shards=n_shards,
        n_users=users.n_users,
        n_items=items.height,
        segments=segments,
        categories=categories(items),
        category_cap=category_cap,
        n_explanations=int(n_reasons.sum()),
        wide_items=source.wide_items,
        wide_reasons=source.wide_reasons,
        list_decimals=list_decimals,
        segment_decimals=segment_decimals,
        neighbour_decimals=neighbour_decimals,
    )
    staging.write_json(LAYOUT, msgspec.to_builtins(layout))
    staging.write_json(GOLDEN, choose_golden(inputs, layout.as_of_us, layout.category_cap))
    _keep_tables(staging, inputs)
    release = Release.load(staging.path)
    check_golden(release)
    release.close()
    facts = {
        "n_users": users.n_users,
        "n_items": items.height,
        "n_rows": pq.read_metadata(inputs.lists).num_rows,
        "n_explanations": layout.n_explanations,
        "n_segments": len(segments),
        "n_neighbours": n_neighbours,
        "record_bytes": users.n_bytes,
        "user_bytes": sum(_size(staging, shard_file(n)) for n in range(n_shards)),
        "fragment_bytes": _size(staging, FRAGMENTS),
        "why_bytes": _size(staging, WHY_RECORDS),
    }
    staging.facts.update(facts)
    return facts


def _size(staging: Staging, name: str) -> int:
    return staging.file(name).stat().st_size


def _keep_tables(staging: Staging, inputs: ReleaseInputs) -> None:
    """Puts the tables themselves beside the packed files: the why-records and all they refer to.

    Stored files never change, so a second name for one costs neither time nor room; where the
    file system has no such names across its borders the bytes are copied.
    """
    tables: dict[Table, Path] = {
        LISTS: inputs.lists,
        SEGMENT_LISTS: inputs.segment_lists,
        NEIGHBOUR_LISTS: inputs.neighbour_lists,
        ITEMS: inputs.items,
        EXPLANATIONS: inputs.explanations,
    }
    for table, path in tables.items():
        name = f"tables/{table.name}.parquet"
        try:
            os.link(path, staging.file(name))
        except OSError:
            shutil.copyfile(path, staging.file(name))
        n_rows = pq.read_metadata(path).num_rows
        staging.records[name] = FileRecord(0, "", n_rows, table.schema_hash)
