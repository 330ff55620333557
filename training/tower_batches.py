"""The two-tower's training examples: who is in a step, what their tower sees and what it is asked.

Shapes: B users of a step, I items, T targets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.model_settings import TwoTowerSettings
from training.fitted import Floats
from training.preferences import column_counts


@dataclass(frozen=True)
class Batch:
    """One step's users.

    Attributes:
        users: (B,) user numbers.
        history: (B, I) what the user tower reads, popularity divided out.
        rows: (T,) row of each target's user, ascending.
        targets: (T,) item numbers that were hidden from the user tower.
        weights: (T,) float32 share of each target in the loss; sums to 1.
    """

    users: NDArray[np.int64]
    history: sp.csr_matrix
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: Floats


@dataclass(frozen=True)
class Batches:
    """All users who can be learnt from.

    Attributes:
        matrix: (U, I) preferences, canonical.
        scale: (I,) what a history item's weight is multiplied by.
        users: (n,) users with two items, or with one and a stated preference.
        stating: (U,) who stated a preference.
        settings: how histories are hidden and users weighted.
    """

    matrix: sp.csr_matrix
    scale: Floats
    users: NDArray[np.int64]
    stating: NDArray[np.bool_]
    settings: TwoTowerSettings

    @classmethod
    def of(
        cls, matrix: sp.csr_matrix, preferences: sp.csr_matrix, settings: TwoTowerSettings
    ) -> "Batches":
        """Prepares the examples of a preference matrix."""
        stating = np.diff(preferences.indptr) > 0
        length = np.diff(matrix.indptr)
        users = np.flatnonzero((length >= 2) | ((length == 1) & stating))
        return cls(matrix, history_scale(matrix, settings), users, stating, settings)

    @property
    def n_steps(self) -> int:
        """Steps an epoch."""
        return -(-len(self.users) // self.settings.batch_size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields every user once, in random order, in batches of nearly one size."""
        if not len(self.users):
            return
        for users in np.array_split(rng.permutation(self.users), self.n_steps):
            yield self._batch(users, rng)

    def _batch(self, users: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        whole = self.matrix[users]
        length = np.diff(whole.indptr)
        row = np.repeat(np.arange(len(users)), length)
        draw = rng.random(whole.nnz)
        hidden = self._hidden(draw, whole.indptr, row)
        cold = self.stating[users] & (rng.random(len(users)) < self.settings.cold_user_share)
        hidden |= (cold | (length == 1))[row]
        shown = np.where(hidden, 0, whole.data * self.scale[whole.indices])
        history = sp.csr_matrix((shown, whole.indices, whole.indptr), shape=whole.shape, copy=True)
        history.eliminate_zeros()
        rows = row[hidden]
        n_targets = np.bincount(rows, minlength=len(users))[rows].astype(np.float64)
        weights = n_targets ** (self.settings.user_exponent - 1)
        share = (weights / weights.sum()).astype(np.float32)
        return Batch(users, history, rows, whole.indices[hidden].astype(np.int64), share)

    def _hidden(
        self, draw: NDArray[Any], indptr: NDArray[Any], row: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Returns which entries are hidden: of two or more, at least one and never all."""
        least = np.minimum.reduceat(draw, indptr[:-1])[row]
        most = np.maximum.reduceat(draw, indptr[:-1])[row]
        hidden: NDArray[np.bool_] = ((draw < self.settings.history_dropout) | (draw == least)) & (
            draw != most
        )
        return hidden


def history_scale(matrix: sp.csr_matrix, settings: TwoTowerSettings) -> Floats:
    """Returns what a history item's weight is multiplied by, (I,) float32, 1 for a new item."""
    popularity = np.maximum(column_counts(matrix), 1).astype(np.float64)
    scale: Floats = (popularity**-settings.popularity_exponent).astype(np.float32)
    return scale


def hold_out(
    matrix: sp.csr_matrix, share: float, rng: np.random.Generator
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Returns the matrix without a random share of its entries, and those entries.

    Users with fewer than three items keep all.
    """
    length = np.diff(matrix.indptr)
    held = (rng.random(matrix.nnz) < share) & np.repeat(length >= 3, length)
    first = np.zeros(matrix.nnz, dtype=bool)
    first[matrix.indptr[:-1][length > 0]] = True  # never all of a user
    held &= ~first
    return _only(matrix, ~held), _only(matrix, held)


def _only(matrix: sp.csr_matrix, keep: NDArray[np.bool_]) -> sp.csr_matrix:
    part = sp.csr_matrix(
        (np.where(keep, matrix.data, 0), matrix.indices, matrix.indptr),
        shape=matrix.shape,
        copy=True,
    )
    part.eliminate_zeros()
    return part
