"""Scores users block by block and keeps the best of each row; what every top-k shares.

Shapes: U users, I items, B users of a block, G groups of items.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import InputError, TrainingDiverged
from training.fitted import Floats, Numbers

_BLOCK_SCORES = 1 << 25  # 128 MiB of float32
_MAX_GROUP = 128
_LOWEST = np.finfo(np.float32).min

TopK = tuple[Numbers, Floats]
"""(U, k) int32 item numbers, padded with −1, and (U, k) float32 scores, padded with −inf."""


def best_by_blocks(
    score: Callable[[int, Floats], None],
    shape: tuple[int, int],
    k: int,
    seen: sp.csr_matrix | None,
    allowed: NDArray[np.bool_] | None,
    block_size: int | None,
) -> TopK:
    """Returns the best k items of every user, scored one block after another.

    Args:
        score: writes the scores of the users from a first row on into a (B, I) buffer; −inf marks
            items not to return.
        shape: U and I.
        k: items a user, 1 or more.
        seen: (U, I) items never to return to a user.
        allowed: (I,) items that may be returned at all.
        block_size: users scored at once; by default as many as fit 128 MiB of scores.

    Raises:
        InputError: shapes do not fit, or k is below 1.
        TrainingDiverged: a score is NaN or +infinite.
    """
    n_users, n_items = shape
    if k < 1:
        raise InputError(f"k is {k}; ask for 1 item or more")
    if seen is not None and seen.shape != shape:
        raise InputError(
            f"seen has shape {seen.shape}, scores {shape}; slice both by the same users"
        )
    if allowed is not None and allowed.shape != (n_items,):
        raise InputError(f"allowed has shape {allowed.shape}, there are {n_items} items")
    items = np.full((n_users, k), -1, dtype=np.int32)
    best = np.full((n_users, k), -np.inf, dtype=np.float32)
    if not n_items:
        return items, best
    banned = None if allowed is None else np.flatnonzero(~allowed)
    for start, buffer in _buffers(n_users, n_items, block_size):
        score(start, buffer)
        if banned is not None:
            buffer[:, banned] = -np.inf
        if seen is not None:
            touched = seen[start : start + len(buffer)]
            row = np.repeat(np.arange(len(buffer)), np.diff(touched.indptr))
            buffer[row, touched.indices] = -np.inf
        part = slice(start, start + len(buffer))
        _select(buffer, k, items[part], best[part])
    return items, best


def _buffers(n_users: int, n_items: int, block_size: int | None) -> Iterator[tuple[int, Floats]]:
    """Yields the first row of each block and one buffer, used again, for its scores."""
    size = block_size or max(1, min(1024, _BLOCK_SCORES // n_items))
    buffer = np.empty((min(size, n_users), n_items), dtype=np.float32)
    for start in range(0, n_users, size):
        yield start, buffer[: min(size, n_users - start)]


def _select(scores: Floats, k: int, items: Numbers, best: Floats) -> None:
    """Writes the best k of each row of `scores` (B, I) to `items` and `best` (B, k)."""
    bound = _lower_bound(scores, k)
    chosen = scores >= bound[:, None]
    crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > 8 * k + _MAX_GROUP)
    for some in np.array_split(crowded, -(-len(crowded) // 64)) if len(crowded) else ():
        tied = scores[some] == bound[some, None]  # k ties at the bound are enough: the lowest
        first = tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= k)
        chosen[some] = (scores[some] > bound[some, None]) | first
    row, item = np.divmod(np.flatnonzero(chosen), scores.shape[1])
    value = scores[row, item]
    order = np.lexsort((item, -value, row))
    row, item, value = row[order], item[order], value[order]
    n_chosen = np.bincount(row, minlength=len(scores))
    place = np.arange(len(row)) - np.repeat(np.cumsum(n_chosen) - n_chosen, n_chosen)
    keep = place < k
    items[row[keep], place[keep]] = item[keep]
    best[row[keep], place[keep]] = value[keep]


def _lower_bound(scores: Floats, k: int) -> NDArray[Any]:
    """Returns a finite number per row that the row's k-th best finite score reaches, (B,)."""
    n_rows, n_items = scores.shape
    size = min(_MAX_GROUP, n_items // (4 * k))
    if size > 1:  # groups are interleaved, so that the maximum runs along contiguous memory
        n_groups = n_items // size
        maxima = scores[:, : n_groups * size].reshape(n_rows, size, n_groups).max(axis=1)  # (B, G)
        tail = scores[:, n_groups * size :]
    else:
        maxima, tail = scores, scores[:, :0]
    for part in (maxima, tail):
        if np.isnan(part).any() or np.isposinf(part).any():
            raise TrainingDiverged("a score is NaN or infinite; look at the model's vectors")
    if maxima.shape[1] <= k:
        return np.full(n_rows, _LOWEST)
    place = maxima.shape[1] - k
    bound: NDArray[Any] = np.maximum(np.partition(maxima, place, axis=1)[:, place], _LOWEST)
    return bound
