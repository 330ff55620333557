"""The best k items of every user, exact, with seen items excluded inside the block.

A block of users is scored by one matrix product. The k-th largest of the maxima over disjoint
groups of items is a lower bound on the k-th best score; one comparison with it leaves little more
than k items a user to sort. Measured on two cores (50,000 items, D = 64, k = 100) this takes 2.3
times the matrix product's own time; faiss's exact search, which cannot exclude a user's seen items,
takes 5 times.

Order: score descending, then item number ascending; the first 10 of k = 50 are those of k = 10.
Time: O(U × I × D). Memory: one block of scores, `block_size` × I × 4 bytes, whatever U.
Scores may differ in the last bit between block sizes, as the matrix product itself does.

Shapes: U users, I items, D embedding size, B users of a block.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import InputError
from training.fitted import Floats
from training.topk_blocks import TopK, best_by_blocks


def topk(
    user_vectors: Floats,
    item_vectors: Floats,
    k: int,
    *,
    seen: sp.csr_matrix | None = None,
    allowed: NDArray[np.bool_] | None = None,
    block_size: int | None = None,
) -> TopK:
    """Returns each user's best items by dot product.

    Args:
        user_vectors: (U, D) float32.
        item_vectors: (I, D) float32.
        k: items a user, 1 or more.
        seen: (U, I) items never to return to a user, of any dtype.
        allowed: (I,) items that may be returned at all.
        block_size: users scored at once; by default as many as fit 128 MiB of scores.

    Raises:
        InputError: shapes do not fit, or k is below 1.
        TrainingDiverged: a score is NaN or infinite.
    """
    shape = (len(user_vectors), len(item_vectors))
    users = np.ascontiguousarray(user_vectors, dtype=np.float32)
    by_dimension = np.ascontiguousarray(item_vectors, dtype=np.float32).T
    if users.shape[1] != by_dimension.shape[0]:
        raise InputError(
            f"user vectors have {users.shape[1]} dimensions, item vectors {by_dimension.shape[0]}; "
            "take both from one model"
        )

    def score(start: int, scores: Floats) -> None:
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused
            np.matmul(users[start : start + len(scores)], by_dimension, out=scores)

    return best_by_blocks(score, shape, k, seen, allowed, block_size)


def topk_sparse(
    histories: sp.csr_matrix,
    weights: sp.csr_matrix,
    k: int,
    *,
    seen: sp.csr_matrix | None = None,
    allowed: NDArray[np.bool_] | None = None,
    block_size: int | None = None,
) -> TopK:
    """Returns each user's best items by history × item-to-item weights.

    An item that no history item speaks for (score 0 or below) is not returned, so that lists may be
    short.

    Args:
        histories: (U, I) preference weights.
        weights: (I, I) what a history item (row) adds to a target (column).
        k: items a user, 1 or more.
        seen: (U, I) items never to return to a user.
        allowed: (I,) items that may be returned at all.
        block_size: users scored at once; by default as many as fit 128 MiB of scores.

    Raises:
        InputError: shapes do not fit, or k is below 1.
        TrainingDiverged: a score is NaN or infinite.
    """
    if histories.shape[1] != weights.shape[0]:
        raise InputError(
            f"histories have {histories.shape[1]} items, weights {weights.shape[0]} rows; "
            "take both from one numbering"
        )

    def score(start: int, scores: Floats) -> None:
        product = sp.csr_matrix(histories[start : start + len(scores)] @ weights)
        scores.fill(-np.inf)
        row = np.repeat(np.arange(len(scores)), np.diff(product.indptr))
        positive = ~(product.data <= 0)  # keeps NaN, which is refused later
        scores[row[positive], product.indices[positive]] = product.data[positive]

    return best_by_blocks(
        score, (histories.shape[0], weights.shape[1]), k, seen, allowed, block_size
    )


def topk_scores(
    scores: Floats,
    k: int,
    *,
    seen: sp.csr_matrix | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> TopK:
    """Returns the best items of a block of scores.

    Args:
        scores: (B, I) float32; −inf marks items not to return; left as it is.
        k: items a row, 1 or more.
        seen: (B, I) items never to return to a row's user.
        allowed: (I,) items that may be returned at all.

    Raises:
        InputError: shapes do not fit, or k is below 1.
        TrainingDiverged: a score is NaN or +infinite.
    """

    def copied(start: int, block: Floats) -> None:
        block[:] = scores[start : start + len(block)]

    return best_by_blocks(copied, (scores.shape[0], scores.shape[1]), k, seen, allowed, None)
