"""Item neighbours: what each history item says about every other item.

Up to `ease_max_items` items with an interaction, EASE (Steck: "Embarrassingly Shallow Autoencoders
for Sparse Data", 2019) in closed form; above, co-occurrence with the popularity of both items and
the length of the user's history divided out, by blocks of items. Of each history item the strongest
`n_neighbours` weights are kept.

EASE takes O(n³) time for n = min(users, items) and O(n × items) memory, co-occurrence
O(Σ min(history, `max_history`)²) time and one block of dense rows.
Known limit: an item without an interaction has no neighbours.

Shapes: U users, I items, n items with an interaction, B rows of a block, N pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import InputError
from core.model_settings import NeighboursSettings
from training.cooccurrence import cooccurrence_rows
from training.ease import ease_rows
from training.fitted import Arrays, Floats, Numbers, csr_arrays, csr_from_arrays
from training.preferences import heaviest, scaled_preferences, without_empty_rows
from training.topk import topk_scores

_CHUNK = 1 << 21  # expanded (history item, target) entries held at once by `contributions`
_LOOKUP = 1 << 23  # dense (user, item) cells held at once by `contributions`


@dataclass(frozen=True, eq=False)
class NeighboursModel:
    """Item-to-item weights; a user's score is their row of the preference matrix times these.

    Attributes:
        weights: (I, I) float32 CSR: what history item (row) adds to target (column) for each unit
            of preference; the diagonal is empty, weights may be negative.
    """

    kind: ClassVar[str] = "neighbours"

    weights: sp.csr_matrix

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns the weights' parts by name."""
        return csr_arrays("weights", self.weights)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Returns the model of these arrays."""
        return cls(csr_from_arrays("weights", arrays))


def fit_neighbours(matrix: sp.csr_matrix, settings: NeighboursSettings) -> NeighboursModel:
    """Fits item-to-item weights on the users' preferences.

    Args:
        matrix: (U, I) preference weights, 0 or more.
        settings: how.

    Raises:
        InputError: a weight is negative or not finite.
        TrainingDiverged: a weight of the solution is not finite.
    """
    scaled = heaviest(scaled_preferences(matrix), settings.max_history)
    active = without_empty_rows(sp.csr_matrix(scaled.T))  # item numbers, (n,)
    histories = scaled[:, active]
    if len(active) <= settings.ease_max_items:
        blocks = ease_rows(histories, settings.regularization)
    else:
        blocks = cooccurrence_rows(histories, settings)
    kept = [_strongest(block, settings.n_neighbours) for block in blocks]
    compact = sp.vstack(kept, format="csr") if kept else sp.csr_matrix((0, 0), dtype=np.float32)
    return NeighboursModel(_placed(compact, active, matrix.shape[1]))


def similar_items(model: NeighboursModel, k: int) -> tuple[Numbers, Floats]:
    """Returns each item's best neighbours, (I, k) item numbers, padded with −1, and weights (0).

    Only neighbours of positive weight; ties by item number.

    Args:
        model: the fitted weights.
        k: neighbours an item.
    """
    weights = model.weights
    n_items = weights.shape[0]
    source = np.repeat(np.arange(n_items), np.diff(weights.indptr))
    positive = weights.data > 0
    source, target, weight = source[positive], weights.indices[positive], weights.data[positive]
    order = np.lexsort((target, -weight, source))
    size = np.bincount(source, minlength=n_items)
    place = np.arange(len(source)) - np.repeat(np.cumsum(size) - size, size)
    best = order[place < k]
    items = np.full((n_items, k), -1, dtype=np.int32)
    values = np.zeros((n_items, k), dtype=np.float32)
    where = source[best], place[place < k]  # `order` keeps rows together, so places still fit
    items[where], values[where] = target[best], weight[best]
    return items, values


def contributions(
    model: NeighboursModel,
    histories: sp.csr_matrix,
    user_rows: NDArray[np.integer[Any]],
    item_nums: NDArray[np.integer[Any]],
) -> tuple[Numbers, Floats]:
    """Returns which history item says most for each target, and how much it says.

    A contribution is the history item's preference times its weight for the target.

    Args:
        model: the fitted weights.
        histories: (U, I) preferences.
        user_rows: (N,) each pair's row of `histories`.
        item_nums: (N,) each pair's target.

    Returns:
        Item numbers (N,) int32, −1 where nothing contributes above 0, ties going to the lower
        number; and contributions (N,) float32, 0 where nothing contributes.

    Raises:
        InputError: shapes do not fit, or a pair stands twice.
    """
    n_items = model.weights.shape[0]
    if histories.shape[1] != n_items or len(user_rows) != len(item_nums):
        raise InputError(
            f"histories have {histories.shape[1]} items and the model {n_items}; "
            f"{len(user_rows)} rows stand against {len(item_nums)} targets"
        )
    seeds = np.full(len(user_rows), -1, dtype=np.int32)
    values = np.zeros(len(user_rows), dtype=np.float32)
    order = np.argsort(user_rows, kind="stable")
    step = max(1, _LOOKUP // max(1, n_items))
    wanted, first = np.unique(user_rows[order], return_index=True)
    bounds = np.append(first, len(order))
    for start in range(0, len(wanted), step):
        users = wanted[start : start + step]
        pairs = order[bounds[start] : bounds[start + len(users)]]
        pair_at = np.full((len(users), n_items), -1, dtype=np.int64)
        local = np.searchsorted(users, user_rows[pairs])
        pair_at[local, item_nums[pairs]] = pairs
        if np.any(pair_at[local, item_nums[pairs]] != pairs):
            raise InputError("a (user, item) pair stands twice; ask for each once")
        for pair, seed, value in _expanded(model.weights, sp.csr_matrix(histories[users]), pair_at):
            order_ = np.lexsort((seed, -value, pair))
            best = order_[np.unique(pair[order_], return_index=True)[1]]
            better = best[value[best] > values[pair[best]]]  # earlier chunks hold lower numbers
            seeds[pair[better]], values[pair[better]] = seed[better], value[better]
    return seeds, values


def _expanded(
    weights: sp.csr_matrix, histories: sp.csr_matrix, pair_at: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Numbers, Floats]]:
    """Yields (pair, history item, contribution) for every pair that was asked for."""
    histories.sort_indices()
    user = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
    length = np.diff(weights.indptr)[histories.indices]
    chunk = np.cumsum(length) // _CHUNK
    for some in np.split(np.arange(len(user)), np.flatnonzero(np.diff(chunk)) + 1):
        items, n = histories.indices[some], length[some]
        entry = np.repeat(weights.indptr[items] - np.cumsum(n) + n, n) + np.arange(n.sum())
        pair = pair_at[np.repeat(user[some], n), weights.indices[entry]]
        asked = pair >= 0
        value = np.repeat(histories.data[some], n)[asked] * weights.data[entry[asked]]
        yield pair[asked], np.repeat(items, n)[asked], value.astype(np.float32)


def _strongest(block: Floats, n: int) -> sp.csr_matrix:
    """Returns the n entries of greatest magnitude of each row; ties by column."""
    size = np.abs(block)
    size[size == 0] = -np.inf
    columns, _ = topk_scores(size, n)
    row, place = np.nonzero(columns >= 0)
    column = columns[row, place]
    return sp.csr_matrix((block[row, column], (row, column)), shape=block.shape)


def _placed(compact: sp.csr_matrix, active: NDArray[np.int64], n_items: int) -> sp.csr_matrix:
    """Returns weights among `active` items (n, n) as weights among all (I, I)."""
    length = np.zeros(n_items, dtype=np.int64)
    length[active] = np.diff(compact.indptr)
    indptr = np.concatenate([[0], np.cumsum(length)])
    columns = active[compact.indices].astype(np.int32)
    return sp.csr_matrix((compact.data, columns, indptr), shape=(n_items, n_items))
