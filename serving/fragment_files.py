"""Writes the pieces of JSON of a release: heads, the session's reasons, and all others."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from core.errors import CheckFailed
from core.staging import Staging
from serving import layout
from serving.fragments import item_heads, reason_tails, segment_reasons, session_reasons
from serving.item_numbers import Int32s, ItemNumbers
from serving.sorted_blocks import SortedBlocks, side_by_side

_ITEMS_AT_ONCE = 500_000


def write_pieces(
    staging: Staging, items: pl.DataFrame, segments: list[str], path: Path, numbers: ItemNumbers
) -> Int32s:
    """Writes all fragments, and where each item's reasons begin; `layout` has their order.

    Args:
        staging: where to write.
        items: item_id, title, in order of item_num.
        segments: the segments' names, in order of their numbers.
        path: `explanations`.
        numbers: of the items.

    Returns:
        The number of reasons of each item, int32 (n_items,).

    Raises:
        CheckFailed: an explanation is about an unknown item, or an item's reasons are not
            numbered from 0 without gaps.
    """
    n_reasons = np.zeros(items.height, np.int32)
    parts = [items[at : at + _ITEMS_AT_ONCE] for at in range(0, items.height, _ITEMS_AT_ONCE)]

    def blocks() -> Iterator[pl.Series]:
        yield from map(item_heads, parts)
        yield from (reason_tails(session_reasons(part)) for part in parts)
        yield reason_tails(segment_reasons(segments, layout.GENRE_PREFIX))
        columns = [
            "target_item_id", "reason_num", "source_item_id", "reason_type", "text", "origin",
        ]  # fmt: skip
        key = "target_item_id"
        for (rows,) in side_by_side([SortedBlocks(path, columns, key, coded=[key])]):
            nums = numbers.of(rows[key], "explanations")
            about = pl.DataFrame(rows.set_column(0, "item_num", pa.array(nums)))
            if about.height:
                _check_numbered(about)
                counted = np.bincount(about["item_num"].to_numpy(), minlength=items.height)
                n_reasons[:] += counted.astype(np.int32)
                yield reason_tails(about)

    _write(staging.file(layout.FRAGMENTS), staging.file(layout.FRAGMENT_OFFSETS), blocks())
    firsts = np.concatenate([[0], np.cumsum(n_reasons, dtype=np.int64)])
    firsts += layout.n_fixed_pieces(items.height, len(segments))
    staging.file(layout.FRAGMENT_FIRSTS).write_bytes(firsts.astype("<u4").tobytes())
    return n_reasons


def _check_numbered(reasons: pl.DataFrame) -> None:
    items, numbers = reasons["item_num"].to_numpy(), reasons["reason_num"].to_numpy()
    place = np.arange(items.size) - np.searchsorted(items, items, side="left")
    if (np.diff(items) < 0).any() or (numbers != place).any():
        row = int(np.argmax(numbers != place))
        raise CheckFailed(
            f"explanations gives item number {items[row]} the reason number "
            f"{numbers[row]} where {place[row]} belongs; sort the table by its key or write it anew"
        )


def _write(path: Path, offsets_path: Path, blocks: Iterable[pl.Series]) -> None:
    """Writes pieces one after the other, and where each begins."""
    end = 0
    with path.open("wb") as stream, offsets_path.open("wb") as offsets_stream:
        offsets_stream.write(bytes(8))
        for block in blocks:
            pieces = block.to_arrow(compat_level=pl.CompatLevel.oldest())
            _, offsets, data = pieces.buffers()
            places = np.frombuffer(offsets, np.int64)[pieces.offset :][: len(pieces) + 1]
            if len(pieces):
                stream.write(memoryview(data)[places[0] : places[-1]])
                offsets_stream.write((places[1:] - places[0] + end).astype("<u8").tobytes())
                end += int(places[-1] - places[0])
