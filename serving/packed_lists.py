"""Many ranked lists in three flat files: where each begins, its items, their scores."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import CheckFailed, IntegrityError
from serving.mapped_file import Words, map_words

Int32s = npt.NDArray[np.int32]
Int16s = npt.NDArray[np.int16]


def write_packed_lists(
    stem: Path, n_lists: int, blocks: Iterable[tuple[Int32s, Int32s, Int16s]]
) -> int:
    """Writes lists from blocks of rows; returns the number of rows.

    Args:
        stem: path without suffix.
        n_lists: number of lists; those without rows are empty.
        blocks: list number, item number and score code of each row, ordered by list and rank.

    Raises:
        CheckFailed: list numbers descend.
    """
    sizes = np.zeros(n_lists, np.int64)
    last = 0
    stem.parent.mkdir(parents=True, exist_ok=True)
    with (
        stem.with_suffix(".items").open("wb") as items_file,
        stem.with_suffix(".scores").open("wb") as scores_file,
    ):
        for owners, items, scores in blocks:
            if owners.size and (owners[0] < last or (np.diff(owners) < 0).any()):
                raise CheckFailed(f"{stem.name} rows are not in key order; sort the table")
            last = int(owners[-1]) if owners.size else last
            sizes += np.bincount(owners, minlength=n_lists)
            items_file.write(items.astype("<i4").tobytes())
            scores_file.write(scores.astype("<i2").tobytes())
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype("<u8")
    stem.with_suffix(".offsets").write_bytes(offsets.tobytes())
    return int(offsets[-1])


class PackedLists:
    """Reads what `write_packed_lists` wrote."""

    __slots__ = ("_items", "_offsets", "_scores")

    def __init__(self, stem: Path, n_lists: int) -> None:
        self._offsets: Words = map_words(stem.with_suffix(".offsets"), "Q", n_lists + 1)
        n_rows = self._offsets[n_lists]
        if self._offsets[0] != 0:
            raise IntegrityError(f"{stem}.offsets does not begin at 0; rebuild the release")
        self._items: Words = map_words(stem.with_suffix(".items"), "i", n_rows)
        self._scores: Words = map_words(stem.with_suffix(".scores"), "h", n_rows)

    def rows(self, number: int, limit: int | None = None) -> tuple[list[int], list[int]]:
        """Returns the item numbers and score codes of one list, best first."""
        start, end = self._offsets[number], self._offsets[number + 1]
        if limit is not None:
            end = min(end, start + limit)
        return self._items[start:end].tolist(), self._scores[start:end].tolist()
