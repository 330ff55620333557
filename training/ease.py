"""EASE in closed form, by whichever of users and items are fewer.

B = −P / diag(P) off the diagonal, where P = (XᵀX + λ)⁻¹. With fewer users than items, Woodbury
gives P = (1 − AᵀA) / λ with A = L⁻¹X and LLᵀ = XXᵀ + λ: no square matrix of items is ever held.

Shapes: U users, n items, B rows of a block.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from scipy.linalg import cholesky, lapack, solve_triangular

from core.errors import TrainingDiverged
from training.fitted import Floats

_BLOCK = 512


def ease_rows(histories: sp.csr_matrix, regularization: float) -> Iterator[Floats]:
    """Yields the item-to-item weights by blocks of history items, (B, n) float32 each.

    Args:
        histories: (U, n) preferences of items that have one.
        regularization: the ridge λ, above 0.

    Raises:
        TrainingDiverged: the Gram matrix cannot be inverted, or a weight is not finite.
    """
    n_users, n_items = histories.shape
    if n_items == 0:
        return
    solve = _by_users if n_users < n_items else _by_items
    try:
        for start, block in solve(histories.astype(np.float64), regularization):
            rows = np.arange(len(block))
            block[rows, start + rows] = 0
            if not np.isfinite(block).all():
                raise TrainingDiverged(
                    f"EASE weights of items {start} to {start + len(block)} are not finite "
                    f"(regularization {regularization}); raise the regularization"
                )
            yield block.astype(np.float32)
    except np.linalg.LinAlgError as error:
        raise TrainingDiverged(
            f"EASE's Gram matrix of {n_items} items has no Cholesky factor (regularization "
            f"{regularization}); raise the regularization"
        ) from error


def _by_items(histories: sp.csr_matrix, ridge: float) -> Iterator[tuple[int, Floats]]:
    gram = (histories.T @ histories).toarray(order="F")
    gram[np.diag_indices_from(gram)] += ridge
    lower = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    inverse, info = lapack.dpotri(lower, lower=1, overwrite_c=1)  # fills the lower triangle
    if info:
        raise np.linalg.LinAlgError(f"dpotri returned {info}")
    diagonal = inverse.diagonal().copy()
    for start in range(0, len(inverse), _BLOCK):
        stop = min(start + _BLOCK, len(inverse))
        left = inverse[start:stop, :stop]
        right = inverse[stop:, start:stop].T
        block = np.concatenate([left, right], axis=1)
        corner = block[:, start:stop]
        block[:, start:stop] = np.tril(corner) + np.tril(corner, -1).T
        yield start, block / -diagonal


def _by_users(histories: sp.csr_matrix, ridge: float) -> Iterator[tuple[int, Floats]]:
    gram = (histories @ histories.T).toarray(order="F")
    gram[np.diag_indices_from(gram)] += ridge
    lower = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    half = solve_triangular(
        lower, histories.toarray(order="F"), lower=True, overwrite_b=True, check_finite=False
    )  # (U, n)
    left_over = 1 - np.einsum("un,un->n", half, half)  # λ × diag(P)
    narrow = half.astype(np.float32)
    del half
    for start in range(0, narrow.shape[1], _BLOCK):
        block = narrow[:, start : start + _BLOCK].T @ narrow
        yield start, block / left_over.astype(np.float32)
