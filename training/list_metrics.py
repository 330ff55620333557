"""What the lists look like as a whole: coverage, exposure, novelty, diversity.

None of these needs to know what users went on to choose. A list counts each of its items once.
Where a number is undefined (no lists, nothing recommended) it is None, never NaN and never a
flattering zero. Pass `ranked[:, :k]` to measure the first k places.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from training.metrics import PADDING, first_occurrences

_BLOCK_ROWS = 65_536


def list_metrics(
    ranked: NDArray[np.integer],
    *,
    cutoff: int,
    popularity: NDArray[np.integer],
    n_users: int,
    item_features: Any,
) -> dict[str, float | None]:
    """Returns coverage, Gini, novelty and diversity of the first `cutoff` places, by name.

    Args:
        ranked: (n_lists, K) item nums, padded with -1.
        cutoff: The number of places that count, k; names carry it, such as `coverage@10`.
        popularity: (n_items,) number of users who touched each item before the cut.
        n_users: Number of users behind `popularity`.
        item_features: SciPy sparse (n_items, n_features) multi-hot, such as categories or genres.
    """
    top = ranked[:, :cutoff]
    shown = exposure(top, n_items=popularity.size)
    return {
        f"coverage@{cutoff}": coverage(shown),
        f"gini@{cutoff}": gini(shown),
        f"novelty@{cutoff}": novelty(top, popularity, n_users=n_users),
        f"diversity@{cutoff}": diversity(top, item_features),
    }


def exposure(ranked: NDArray[np.integer], *, n_items: int) -> NDArray[np.int64]:
    """Returns (n_items,) the number of lists that show each item.

    >>> exposure(np.array([[2, 0], [2, -1]]), n_items=4)
    array([1, 0, 2, 0])
    """
    counts = np.zeros(n_items, dtype=np.int64)
    for start in range(0, ranked.shape[0], _BLOCK_ROWS):
        block = ranked[start : start + _BLOCK_ROWS]
        items = block[_counts(block)]
        if items.size and items.max() >= n_items:
            raise InputError(
                f"lists hold item num {items.max()}, the catalogue has {n_items} items; "
                "number both by one index"
            )
        counts += np.bincount(items, minlength=n_items)
    return counts


def coverage(shown: NDArray[np.int64]) -> float | None:
    """Returns the share of the catalogue that stands in at least one list, in [0, 1].

    Args:
        shown: (n_items,) lists by item; pass a selection to measure a part of the catalogue.

    >>> coverage(np.array([1, 0, 2, 0]))
    0.5
    """
    return float(np.count_nonzero(shown) / shown.size) if shown.size else None


def gini(shown: NDArray[np.int64]) -> float | None:
    """Returns how unequally exposure falls: 0 when every item is shown alike, towards 1 for one.

    With exposures x ascending and places i from 1: sum((2i - n - 1) x) / (n · sum(x)).

    Two of four items never shown, the others once and three times:
    (-3·0 - 1·0 + 1·1 + 3·3) / (4 · 4) = 10 / 16.

    >>> gini(np.array([3, 0, 1, 0]))
    0.625
    """
    total = int(shown.sum())
    if total == 0:
        return None
    n = shown.size
    weights = 2 * np.arange(1, n + 1, dtype=np.int64) - n - 1
    return float(int(np.sort(shown) @ weights) / (n * total))


def novelty(
    ranked: NDArray[np.integer], popularity: NDArray[np.integer], *, n_users: int
) -> float | None:
    """Returns the mean self-information of a list's items in bits, averaged over lists.

    An item's probability is (users who touched it + 1) / (n_users + 1), so that an untouched item
    is finite (after Zhou et al., 2010). Empty lists are left out.

    Three users; items touched by 3, 1 and 0 of them have 4/4, 2/4 and 1/4: 0, 1 and 2 bits.

    >>> novelty(np.array([[0, 1], [2, -1]]), np.array([3, 1, 0]), n_users=3)
    1.25
    """
    bits = np.log2(n_users + 1.0) - np.log2(popularity.astype(np.float64) + 1.0)
    total, n_lists = 0.0, 0
    for start in range(0, ranked.shape[0], _BLOCK_ROWS):
        block = ranked[start : start + _BLOCK_ROWS]
        counts = _counts(block)
        length = counts.sum(axis=1)
        filled = length > 0
        summed = (bits[block] * counts).sum(axis=1)
        total += float((summed[filled] / length[filled]).sum())
        n_lists += int(filled.sum())
    return total / n_lists if n_lists else None


def diversity(ranked: NDArray[np.integer], item_features: Any) -> float | None:
    """Returns 1 minus the mean pairwise cosine of a list's items, averaged over lists.

    Items without any feature are left out of the pairs: nothing is known of their likeness.
    Lists with fewer than two items left are left out. Uses |sum v|² = n + 2 · (sum over pairs), so
    the cost is linear in the length of the lists.

    Args:
        ranked: (n_lists, K) item nums, padded with -1.
        item_features: SciPy sparse (n_items, n_features), non-negative.

    Features a, ab and none: the one pair has cosine 1 / sqrt 2.

    >>> from scipy.sparse import csr_matrix
    >>> features = csr_matrix(np.array([[1, 0], [1, 1], [0, 0]]))
    >>> round(diversity(np.array([[0, 1, 2]]), features), 6)
    0.292893
    """
    from scipy import sparse

    features = sparse.csr_matrix(item_features, dtype=np.float64)
    norms = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    known = norms > 0
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=known)
    unit = sparse.diags(scale) @ features  # (n_items, n_features), rows of length 1 or 0
    total, n_lists = 0.0, 0
    for start in range(0, ranked.shape[0], _BLOCK_ROWS):
        block = ranked[start : start + _BLOCK_ROWS]
        counts = _counts(block)
        counts[counts] = known[block[counts]]
        n = counts.sum(axis=1)
        rows, places = np.nonzero(counts)
        chosen = sparse.csr_matrix(
            (np.ones(rows.size), (rows, block[rows, places])),
            shape=(block.shape[0], features.shape[0]),
        )
        summed = chosen @ unit
        squared = np.asarray(summed.multiply(summed).sum(axis=1)).ravel()
        paired = n >= 2
        cosine = (squared[paired] - n[paired]) / (n[paired] * (n[paired] - 1.0))
        total += float((1.0 - cosine).sum())
        n_lists += int(paired.sum())
    return total / n_lists if n_lists else None


def _counts(ranked: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Returns True for the places that count: not padding, and the item's first in its row."""
    counts: NDArray[np.bool_] = first_occurrences(ranked) & (ranked != PADDING)
    return counts
