"""Packs tables into a release's files. Equal tables give equal bytes."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from core.days import day_start_us
from core.manifest import FileRecord
from core.schemas import EXPLANATIONS, ITEMS, LISTS, NEIGHBOUR_LISTS, SEGMENT_LISTS, Table
from core.staging import Staging
from serving.golden import check_golden
from serving.golden_choice import choose_golden
from serving.layout import FORMAT, GOLDEN, LAYOUT, Layout
from serving.list_files import write_items, write_neighbours, write_pieces, write_segments
from serving.release import Release
from serving.release_inputs import ReleaseInputs, read_columns, score_decimals
from serving.user_files import write_users

__all__ = ["ReleaseInputs", "build_release"]


def build_release(
    staging: Staging, inputs: ReleaseInputs, as_of: date, *, n_shards: int
) -> dict[str, Any]:
    """Fills a staged release and reads it back once; returns its facts.

    Args:
        staging: where to write; its `facts` get the returned ones too.
        inputs: the tables, each sorted by its key.
        as_of: the as-of date D; availability is judged at its 00:00 UTC.
        n_shards: files over which the users are spread, 1 to 100.

    Returns:
        Counts: n_users (with a record), n_items, n_rows (of personal lists), n_explanations,
        n_segments, n_neighbours (rows), user_bytes (of the records).

    Raises:
        CheckFailed: a row names an item or explanation that is not there, a sentence is about
            another item than its row, a score is not finite, a table is not in key order, an item
            is twice on a list, or there is no trending list.
        IntegrityError: what was written answers otherwise than the tables say.
    """
    items = read_columns(
        inputs.items, ["item_id", "title", "available_from_us", "available_until_us"]
    )
    list_decimals = score_decimals(inputs.lists)
    segment_decimals = score_decimals(inputs.segment_lists)
    neighbour_decimals = score_decimals(inputs.neighbour_lists)

    nums = write_items(staging, items)
    n_neighbours = write_neighbours(staging, inputs.neighbour_lists, nums, neighbour_decimals)
    segments = write_segments(staging, inputs.segment_lists, nums, segment_decimals)
    explained = write_pieces(staging, items, segments, inputs.explanations, nums)
    users = write_users(
        staging, inputs, nums, explained, segments, decimals=list_decimals, n_shards=n_shards
    )
    layout = Layout(
        format=FORMAT,
        as_of_us=day_start_us(as_of),
        n_shards=n_shards,
        n_users=users.n_users,
        n_items=items.height,
        segments=segments,
        n_explanations=explained.height,
        list_decimals=list_decimals,
        segment_decimals=segment_decimals,
        neighbour_decimals=neighbour_decimals,
    )
    staging.write_json(LAYOUT, msgspec.to_builtins(layout))
    staging.write_json(GOLDEN, choose_golden(inputs, layout.as_of_us))
    _copy_tables(staging, inputs)
    release = Release.load(staging.path)
    check_golden(release)
    release.close()
    facts = {
        "n_users": users.n_users,
        "n_items": items.height,
        "n_rows": users.n_rows,
        "n_explanations": explained.height,
        "n_segments": len(segments),
        "n_neighbours": n_neighbours,
        "user_bytes": users.n_bytes,
    }
    staging.facts.update(facts)
    return facts


def _copy_tables(staging: Staging, inputs: ReleaseInputs) -> None:
    """Puts the tables themselves beside the packed files: the why-records and all they refer to."""
    tables: dict[Table, Path] = {
        LISTS: inputs.lists,
        SEGMENT_LISTS: inputs.segment_lists,
        NEIGHBOUR_LISTS: inputs.neighbour_lists,
        ITEMS: inputs.items,
        EXPLANATIONS: inputs.explanations,
    }
    for table, path in tables.items():
        name = f"tables/{table.name}.parquet"
        shutil.copyfile(path, staging.file(name))
        n_rows = pq.read_metadata(path).num_rows
        staging.records[name] = FileRecord(0, "", n_rows, table.schema_hash)
