"""Writes the pieces of JSON of a release, an item's reasons behind its head."""

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
    """Writes all fragments: each item's head and its reasons, the segments', and the session's.

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

    def blocks() -> Iterator[pl.Series]:
        done = 0
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
                end = int(about["item_num"][-1]) + 1
                yield _item_pieces(items[done:end], done, about)
                done = end
        for start in range(done, items.height, _ITEMS_AT_ONCE):
            yield item_heads(items[start : start + _ITEMS_AT_ONCE])
        yield reason_tails(segment_reasons(segments, layout.GENRE_PREFIX))
        for start in range(0, items.height, _ITEMS_AT_ONCE):
            yield reason_tails(session_reasons(items[start : start + _ITEMS_AT_ONCE]))

    _write(staging.file(layout.FRAGMENTS), staging.file(layout.FRAGMENT_OFFSETS), blocks())
    firsts = np.concatenate([[0], np.cumsum(n_reasons + 1, dtype=np.int64)])
    staging.file(layout.FRAGMENT_FIRSTS).write_bytes(firsts.astype("<u4").tobytes())
    return n_reasons


def _item_pieces(items: pl.DataFrame, first: int, reasons: pl.DataFrame) -> pl.Series:
    """Returns the heads of some items, each followed by the item's reasons."""
    owners = reasons["item_num"].to_numpy() - first
    n_reasons = np.bincount(owners, minlength=items.height)
    heads = np.arange(items.height)
    places = np.concatenate(
        [heads + np.cumsum(n_reasons) - n_reasons, np.arange(owners.size) + owners + 1]
    )
    order = np.empty_like(places)
    order[places] = np.arange(places.size)
    return pl.concat([item_heads(items), reason_tails(reasons)]).gather(order)


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
