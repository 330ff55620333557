"""Alternating least squares for implicit feedback.

Hu, Koren, Volinsky: "Collaborative Filtering for Implicit Feedback Datasets" (2008), solved by
implicit's conjugate gradients. A pair's confidence is 1 + alpha × weight / mean weight, its target
1 where there is a weight. The regularization of a row may grow with its length (Rendle et al.,
"Revisiting the Performance of iALS", 2022): implicit takes one number a call, so rows of like
length are solved together, with the number rounded to a factor of √2.

Time per epoch: O(nnz × D + (U + I) × D²). Memory: the factors and two copies of the matrix.
Known limit: a user or item without a weight has the zero vector.

Shapes: U users, I items, D embedding size, B rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import InputError, TrainingDiverged
from core.model_settings import AlsSettings
from training.fitted import Arrays, Floats, Tracker
from training.preferences import scaled_preferences
from training.threads import available_threads, one_blas_thread

Solver = Callable[[sp.csr_matrix, Floats, Floats, float], None]


@dataclass(frozen=True, eq=False)
class AlsModel:
    """A fitted factorisation; a score is the dot product of two rows.

    Attributes:
        user_factors: (U, D) float32, the exact solution for `item_factors`.
        item_factors: (I, D) float32.
    """

    kind: ClassVar[str] = "als"

    user_factors: Floats
    item_factors: Floats

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns both factor matrices by name."""
        return {"user_factors": self.user_factors, "item_factors": self.item_factors}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Returns the model of these arrays."""
        return cls(arrays["user_factors"], arrays["item_factors"])


@dataclass(frozen=True)
class _Side:
    """The rows of users, or of items, in groups of one regularization each."""

    groups: list[tuple[NDArray[np.int64], sp.csr_matrix, float]]

    @classmethod
    def of(cls, confidence: sp.csr_matrix, settings: AlsSettings) -> "_Side":
        length = np.diff(confidence.indptr)
        filled = length > 0
        growth = np.ones(len(length))
        if settings.regularization_exponent and filled.any():
            growth[filled] = length[filled] ** settings.regularization_exponent
            growth[filled] /= growth[filled].mean()
        step = np.round(2 * np.log2(growth))
        groups = []
        for value in np.unique(step[filled]):
            rows = np.flatnonzero(filled & (step == value))
            penalty = settings.regularization * float(2 ** (value / 2))
            groups.append((rows, confidence[rows], penalty))
        return cls(groups)

    def solve(self, factors: Floats, others: Floats, solver: Solver) -> None:
        """Replaces `factors` by their solution for `others`."""
        for rows, confidence, penalty in self.groups:
            part = np.ascontiguousarray(factors[rows])  # (B, D)
            solver(confidence, part, others, penalty)
            factors[rows] = part

    def penalty(self, factors: Floats) -> float:
        """Returns the regularization term of the loss."""
        return sum(
            penalty * float(np.square(factors[rows], dtype=np.float64).sum())
            for rows, _, penalty in self.groups
        )


def fit_als(
    matrix: sp.csr_matrix,
    settings: AlsSettings,
    *,
    seed: int,
    warm_start: AlsModel | None = None,
    tracker: Tracker | None = None,
    n_threads: int | None = None,
) -> AlsModel:
    """Fits a factorisation of the users' preferences.

    Args:
        matrix: (U, I) preference weights, 0 or more.
        settings: how.
        seed: of the first item factors.
        warm_start: an earlier model of the same shape to start from.
        tracker: receives `loss` after each epoch; computing it takes about as long as an epoch.
        n_threads: threads of the solver; all that are available by default. They change no result.

    Raises:
        InputError: a weight is negative or not finite, or `warm_start` has another shape.
        TrainingDiverged: a factor is no longer finite.
    """
    from implicit.cpu.als import AlternatingLeastSquares  # heavy

    confidence = scaled_preferences(matrix)
    confidence.data = 1 + np.float32(settings.alpha) * confidence.data
    by_item = sp.csr_matrix(confidence.T)
    users, items = _Side.of(confidence, settings), _Side.of(by_item, settings)
    user_factors, item_factors = _start(confidence, settings, seed, warm_start)
    item_factors[np.diff(by_item.indptr) == 0] = 0
    with one_blas_thread():
        rough = _solver(AlternatingLeastSquares(use_cg=True).solver, n_threads)
        exact = _solver(AlternatingLeastSquares(use_cg=False).solver, n_threads)
        for epoch in range(1, settings.epochs + 1):
            users.solve(user_factors, item_factors, rough)
            items.solve(item_factors, user_factors, rough)
            _check_finite(user_factors, item_factors, epoch, settings)
            if tracker is not None:
                loss = _data_loss(confidence, user_factors, item_factors)
                loss += users.penalty(user_factors) + items.penalty(item_factors)
                tracker(epoch, {"loss": loss / max(1, confidence.nnz)})
        users.solve(user_factors, item_factors, exact)
    _check_finite(user_factors, item_factors, settings.epochs, settings)
    return AlsModel(user_factors, item_factors)


def _start(
    confidence: sp.csr_matrix, settings: AlsSettings, seed: int, earlier: AlsModel | None
) -> tuple[Floats, Floats]:
    """Returns the first factors; rows without a weight are zero and stay so."""
    n_users, n_items = confidence.shape
    size = settings.embedding_size
    if earlier is None:
        rng = np.random.default_rng(seed)
        item_factors = rng.standard_normal((n_items, size), dtype=np.float32) * np.float32(0.01)
        return np.zeros((n_users, size), dtype=np.float32), item_factors
    if earlier.user_factors.shape != (n_users, size) or earlier.item_factors.shape[0] != n_items:
        raise InputError(
            f"warm start has {earlier.user_factors.shape[0]} users, "
            f"{earlier.item_factors.shape[0]} items and size {earlier.user_factors.shape[1]}, "
            f"this fit {n_users}, {n_items} and {size}; start cold or from a fit of this numbering"
        )
    user_factors = earlier.user_factors.copy()
    user_factors[np.diff(confidence.indptr) == 0] = 0
    return user_factors, earlier.item_factors.copy()


def _solver(solve: Callable[..., None], n_threads: int | None) -> Solver:
    threads = n_threads or available_threads()

    def bound(rows: sp.csr_matrix, factors: Floats, others: Floats, penalty: float) -> None:
        solve(rows, factors, others, penalty, num_threads=threads)

    return bound


def _data_loss(confidence: sp.csr_matrix, users: Floats, items: Floats) -> float:
    """Returns Σ over all pairs of confidence × (target − score)², without visiting the zeros."""
    total = float(np.sum((users.T @ users).astype(np.float64) * (items.T @ items)))
    for start in range(0, confidence.shape[0], 1024):
        rows = confidence[start : start + 1024]
        row = np.repeat(np.arange(rows.shape[0]) + start, np.diff(rows.indptr))
        score = np.einsum("nd,nd->n", users[row], items[rows.indices]).astype(np.float64)
        total += float(np.sum(rows.data * (1 - score) ** 2 - score**2))
    return total


def _check_finite(users: Floats, items: Floats, epoch: int, settings: AlsSettings) -> None:
    if not (np.isfinite(users).all() and np.isfinite(items).all()):
        raise TrainingDiverged(
            f"ALS factors are not finite after epoch {epoch} (regularization "
            f"{settings.regularization}, alpha {settings.alpha}); raise the regularization"
        )
