"""Writes what does not depend on the user: item numbers, neighbours, segments, explanations."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from core.errors import CheckFailed
from core.staging import Staging
from serving import layout
from serving.fragments import item_heads, reason_tails, segment_reasons, write_fragments
from serving.packed_lists import Int32s, write_packed_lists
from serving.record_store import RecordWriter
from serving.release_inputs import read_columns, with_item_num
from serving.scores import quantise
from serving.sorted_blocks import SortedBlocks, side_by_side

_HEADS_AT_ONCE = 500_000


def write_items(staging: Staging, items: pl.DataFrame) -> pl.DataFrame:
    """Writes item numbers by id and availability by number; returns item_id, item_num.

    Args:
        staging: where to write.
        items: item_id, available_from_us, available_until_us, in order of item_num.

    Raises:
        CheckFailed: the ids are not in ascending order, or one is empty or too long.
    """
    values = np.arange(items.height, dtype="<i4").tobytes()
    keys = items["item_id"].cast(pl.Binary).to_list()
    writer = RecordWriter(staging.file(layout.ITEM_NUMS))
    writer.append([(key, values[4 * n : 4 * n + 4]) for n, key in enumerate(keys)])
    writer.close()
    limits = np.iinfo(np.int64)
    windows = items.select(
        pl.col("available_from_us").fill_null(limits.min),
        pl.col("available_until_us").fill_null(limits.max),
    ).to_numpy()
    staging.file(layout.AVAILABILITY).write_bytes(windows.astype("<i8").tobytes())
    return items.select("item_id", item_num=pl.Series(np.arange(items.height, dtype=np.int32)))


def write_neighbours(staging: Staging, path: Path, nums: pl.DataFrame, decimals: int) -> int:
    """Writes `neighbour_lists`; returns its row count.

    Raises:
        CheckFailed: an item is unknown, a score not finite, or the rows are out of order.
    """

    def blocks() -> Iterator[tuple[Int32s, Int32s, Int32s]]:
        table = SortedBlocks(path, ["item_id", "neighbour_id", "score"], "item_id")
        for (rows,) in side_by_side([table]):
            owners = with_item_num(rows, "item_id", nums, "neighbour_lists")
            items = with_item_num(rows, "neighbour_id", nums, "neighbour_lists")
            codes = quantise(rows["score"].to_numpy(), decimals)
            yield owners["item_num"].to_numpy(), items["item_num"].to_numpy(), codes

    return write_packed_lists(staging.file(layout.NEIGHBOURS), nums.height, blocks())


def write_segments(staging: Staging, path: Path, nums: pl.DataFrame, decimals: int) -> list[str]:
    """Writes `segment_lists`; returns the segments' names, ascending, which gives their numbers.

    Raises:
        CheckFailed: there is no trending list, an item is unknown or a score not finite.
    """
    rows = read_columns(path, ["segment", "item_id", "score"])
    names: list[str] = rows["segment"].unique().sort().to_list()
    if layout.TRENDING not in names:
        raise CheckFailed("segment_lists has no segment 'trending', which is the last rung")
    numbered = with_item_num(rows, "item_id", nums, "segment_lists")
    numbers = pl.DataFrame({"segment": names, "number": np.arange(len(names), dtype=np.int32)})
    owners = rows.join(numbers, on="segment", how="left", maintain_order="left")["number"]
    codes = quantise(rows["score"].to_numpy(), decimals)
    block = (owners.to_numpy(), numbered["item_num"].to_numpy(), codes)
    write_packed_lists(staging.file(layout.SEGMENTS), len(names), [block])
    return names


def write_pieces(
    staging: Staging, items: pl.DataFrame, segments: list[str], path: Path, nums: pl.DataFrame
) -> pl.DataFrame:
    """Writes all fragments: item heads, segments' reasons, explanations' reasons.

    Args:
        staging: where to write.
        items: item_id, title, in order of item_num.
        segments: the segments' names, in order of their numbers.
        path: `explanations`.
        nums: item_id, item_num.

    Returns:
        explanation_key, fragment (its number), target_num (the item that the sentence is about).

    Raises:
        CheckFailed: an explanation is about an unknown item.
    """
    first = items.height + len(segments)
    nothing = {"explanation_key": pl.String, "target_num": pl.Int32}
    keys = [pl.DataFrame(schema=nothing)]

    def blocks() -> Iterator[pl.Series]:
        for start in range(0, items.height, _HEADS_AT_ONCE):
            yield item_heads(items[start : start + _HEADS_AT_ONCE])
        yield reason_tails(segment_reasons(segments, layout.GENRE_PREFIX))
        columns = [
            "explanation_key", "source_item_id", "target_item_id", "reason_type", "text", "origin",
        ]  # fmt: skip
        for (rows,) in side_by_side([SortedBlocks(path, columns, "explanation_key")]):
            about = with_item_num(rows, "target_item_id", nums, "explanations")
            keys.append(about.select("explanation_key", target_num="item_num"))
            yield reason_tails(rows)

    write_fragments(staging.file(layout.FRAGMENTS), staging.file(layout.FRAGMENT_OFFSETS), blocks())
    known = pl.concat(keys)
    places = np.arange(first, first + known.height, dtype=np.int32)
    return known.with_columns(fragment=pl.Series(places))
