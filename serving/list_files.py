"""Writes what does not depend on the user: item numbers, neighbours and segments."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from core.errors import CheckFailed
from core.staging import Staging
from serving import layout
from serving.item_numbers import ItemNumbers
from serving.packed_lists import Int16s, Int32s, write_packed_lists
from serving.record_store import RecordWriter
from serving.scores import quantise
from serving.sorted_blocks import SortedBlocks, side_by_side
from serving.user_runs import find_runs


def write_items(staging: Staging, items: pl.DataFrame) -> ItemNumbers:
    """Writes item numbers by id, availability and categories by number; returns the numbers.

    Args:
        staging: where to write.
        items: item_id, category, available_from_us, available_until_us, in order of item_num.

    Raises:
        CheckFailed: the ids are not in ascending order, or one is empty or too long.
    """
    values = np.arange(items.height, dtype="<i4").tobytes()
    keys = items["item_id"].cast(pl.Binary).to_list()
    with RecordWriter(staging.file(layout.ITEM_NUMS)) as writer:
        writer.append(keys, (values[n : n + 4] for n in range(0, len(values), 4)))
    limits = np.iinfo(np.int64)
    windows = items.select(
        pl.col("available_from_us").fill_null(limits.min),
        pl.col("available_until_us").fill_null(limits.max),
    ).to_numpy()
    staging.file(layout.AVAILABILITY).write_bytes(windows.astype("<i8").tobytes())
    names = pl.Series("category", categories(items), pl.String)
    codes = names.to_frame().with_row_index("code")
    numbered = items.select("category").join(
        codes, on="category", how="left", maintain_order="left"
    )["code"]
    content = numbered.cast(pl.Int32).fill_null(-1).to_numpy().astype("<i4")
    staging.file(layout.CATEGORIES).write_bytes(content.tobytes())
    return ItemNumbers(items["item_id"])


def categories(items: pl.DataFrame) -> list[str]:
    """Returns the items' primary categories, ascending; a category's place is its number."""
    return items["category"].drop_nulls().unique().sort().to_list()


def write_neighbours(staging: Staging, path: Path, numbers: ItemNumbers, decimals: int) -> int:
    """Writes `neighbour_lists`; returns its row count.

    Raises:
        CheckFailed: an item is unknown, a score not finite, or the rows are out of order.
    """

    def blocks() -> Iterator[tuple[Int32s, Int32s, Int16s]]:
        coded = ("item_id", "neighbour_id")
        table = SortedBlocks(path, [*coded, "score"], "item_id", coded=coded)
        for (rows,) in side_by_side([table]):
            codes = quantise(rows["score"].to_numpy(), decimals)
            yield (
                numbers.of(rows["item_id"], "neighbour_lists"),
                numbers.of(rows["neighbour_id"], "neighbour_lists"),
                codes,
            )

    return write_packed_lists(staging.file(layout.NEIGHBOURS), numbers.n_items, blocks())


def write_segments(staging: Staging, path: Path, numbers: ItemNumbers, decimals: int) -> list[str]:
    """Writes `segment_lists`; returns the segments' names, ascending, which gives their numbers.

    Raises:
        CheckFailed: there is no trending list, an item is unknown or a score not finite.
    """
    coded = ("segment", "item_id")
    rows = pq.read_table(path, columns=[*coded, "score"], read_dictionary=list(coded))
    ids, sizes = find_runs(rows["segment"], "segment_lists")
    names: list[str] = ids.to_pylist()
    if layout.TRENDING not in names:
        raise CheckFailed("segment_lists has no segment 'trending', which is the last rung")
    owners = np.repeat(np.arange(len(names), dtype=np.int32), sizes)
    items = numbers.of(rows["item_id"], "segment_lists")
    codes = quantise(rows["score"].to_numpy(), decimals)
    write_packed_lists(staging.file(layout.SEGMENTS), len(names), [(owners, items, codes)])
    return names
