"""How well ranked lists find what users went on to choose: recall, precision, NDCG, MRR.

Gain is binary and ranking is over the whole catalogue. Everything here is one value per user, so
that it can be paired, sliced and bootstrapped by user. A user with nothing held out has no value
in any of these metrics and is left out, never counted as zero: results carry the rows they are
about, and hold no NaN.

Definitions, for a list of which the first k places count and a set T of held-out items:

    recall@k     hits / |T|
    precision@k  hits / k, also where the list is shorter than k
    ndcg@k       sum of 1 / log2(place + 1) over hits, divided by the same sum over an ideal list
                 of min(k, |T|) hits (Järvelin and Kekäläinen, 2002)
    mrr@k        1 / place of the first hit, 0 where there is none

An item that a list repeats counts at its first place only. Cost is O(n_users · K · log) time and
one block of rows in memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from training.held_out import HeldOut

METRICS = ("recall", "precision", "ndcg", "mrr")
CUTOFFS = (10, 20)
PADDING = -1
_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class UserMetrics:
    """One value per metric and evaluated user. All arrays are aligned."""

    user_rows: NDArray[np.int64]
    """(n_evaluated,) rows of the ranked lists that have something held out, ascending."""
    values: Mapping[str, NDArray[np.float64]]
    """By name, such as `ndcg@10`: (n_evaluated,) values in [0, 1]."""

    def means(self) -> dict[str, float | None]:
        """Returns each metric's mean over the evaluated users, None where there are none."""
        return {name: mean_or_none(values) for name, values in self.values.items()}


def user_metrics(
    ranked: NDArray[np.integer], truth: HeldOut, *, cutoffs: Sequence[int] = CUTOFFS
) -> UserMetrics:
    """Returns recall, precision, NDCG and MRR at each cutoff for each user with held-out items.

    Args:
        ranked: (n_users, K) item nums, best first, padded with -1. K may be below a cutoff.
        truth: The held-out items of the same users.
        cutoffs: The places that count, such as (10, 20).

    Raises:
        InputError: The rows differ in number, an item num lies outside the catalogue, or a cutoff
            is below 1.

    One user, list (5, 3, 9), of which 3 and 8 were held out. One hit in the second place:
    recall 1/2, precision 1/3, MRR 1/2, NDCG (1 / log2 3) / (1 + 1 / log2 3) = 0.63093 / 1.63093.

    >>> truth = HeldOut.from_pairs([0, 0], [3, 8], n_users=1, n_items=10)
    >>> found = user_metrics(np.array([[5, 3, 9]]), truth, cutoffs=(3,))
    >>> {name: round(float(value[0]), 4) for name, value in found.values.items()}
    {'recall@3': 0.5, 'precision@3': 0.3333, 'ndcg@3': 0.3869, 'mrr@3': 0.5}
    """
    if not cutoffs or min(cutoffs) < 1:
        raise InputError(f"cutoffs {tuple(cutoffs)} hold a value below 1; pass places such as 10")
    rows = np.flatnonzero(truth.n_per_user > 0)
    values = {
        f"{metric}@{k}": np.zeros(rows.size, dtype=np.float64)
        for k in cutoffs
        for metric in METRICS
    }
    found = hits(ranked, truth)[rows]  # (n_evaluated, K)
    n_truth = truth.n_per_user[rows]
    discount = 1.0 / np.log2(np.arange(max(*cutoffs, ranked.shape[1])) + 2.0)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    for start in range(0, rows.size, _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        # A running sum adds in the order of `ideal`, so a perfect list scores exactly 1.
        gains = np.cumsum(found[block] * discount[: found.shape[1]], axis=1)
        for k in cutoffs:
            top = found[block, :k]
            if not top.shape[1]:
                continue
            n_hits = top.sum(axis=1)
            ideal_gain = ideal[np.minimum(k, n_truth[block])]
            values[f"recall@{k}"][block] = n_hits / n_truth[block]
            values[f"precision@{k}"][block] = n_hits / k
            values[f"ndcg@{k}"][block] = gains[:, top.shape[1] - 1] / ideal_gain
            values[f"mrr@{k}"][block] = np.where(n_hits > 0, 1.0 / (top.argmax(axis=1) + 1), 0.0)
    return UserMetrics(rows, values)


def hits(ranked: NDArray[np.integer], truth: HeldOut) -> NDArray[np.bool_]:
    """Returns (n_users, K) True where the list's item is among the user's items in `truth`.

    A repeated item is a hit at its first place only. With the seen items as `truth`, the sum is
    the number of seen items in lists.

    Raises:
        InputError: The rows differ in number, or an item num lies outside the catalogue.

    >>> truth = HeldOut.from_pairs([0, 1], [4, 2], n_users=2, n_items=5)
    >>> hits(np.array([[4, 2, 4], [4, 2, -1]]), truth)
    array([[ True, False, False],
           [False,  True, False]])
    """
    if ranked.ndim != 2 or ranked.shape[0] != truth.n_users:
        raise InputError(
            f"lists of shape {ranked.shape} came with {truth.n_users} users' held-out items; "
            "pass one row per user"
        )
    if ranked.size and not (ranked.min() >= PADDING and ranked.max() < truth.n_items):
        raise InputError(
            f"lists hold item nums from {ranked.min()} to {ranked.max()}, the catalogue has "
            f"{truth.n_items} items; number both by one index and pad with {PADDING}"
        )
    found = np.zeros(ranked.shape, dtype=np.bool_)
    for start in range(0, truth.n_users, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, truth.n_users)
        items = ranked[start:stop].astype(np.int64)
        held = truth.indices[truth.indptr[start] : truth.indptr[stop]]
        if not held.size:
            continue
        held_rows = np.repeat(np.arange(stop - start), truth.n_per_user[start:stop])
        held_keys = held_rows * truth.n_items + held  # ascending, as rows are sorted
        keys = np.arange(stop - start)[:, None] * truth.n_items + items
        place = np.minimum(np.searchsorted(held_keys, keys), held_keys.size - 1)
        is_held = (held_keys[place] == keys) & (items != PADDING)
        found[start:stop] = is_held & first_occurrences(items)
    return found


def first_occurrences(ranked: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Returns (n_users, K) True where an item stands in its row for the first time.

    >>> first_occurrences(np.array([[3, 1, 3, 3]]))
    array([[ True,  True, False, False]])
    """
    order = np.argsort(ranked, axis=1, kind="stable")
    in_order = np.take_along_axis(ranked, order, axis=1)
    is_first = np.ones(ranked.shape, dtype=np.bool_)
    is_first[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    result = np.empty_like(is_first)
    np.put_along_axis(result, order, is_first, axis=1)
    return result


def mean_or_none(values: NDArray[np.float64]) -> float | None:
    """Returns the mean, or None where there is nothing to average."""
    return float(values.mean()) if values.size else None
