"""A two-tower network: items from id and content, users from what they did and say they like.

The user tower is the L2-normalised sum of the history's input embeddings, weighted by preference
and by a negative power of the item's popularity, plus a bag of stated preferences; no parameter
belongs to a user, so that a new event moves the vector without training. The item tower is an id
embedding plus a bag of content features; ids are dropped at random while training, so that an item
without an event has a vector from content alone. Scores are cosines.

Loss: softmax over the catalogue (over drawn items with the sampling correction where it is large)
of the part of each history that was hidden from the user tower, cosine divided by a temperature.

Time per epoch: O(users × items × D) for the full softmax. Memory: one batch of scores, and
four arrays an embedding table (weights, gradient, Adam's two moments).
Known limit: a user with neither history nor preference has the zero vector.

Shapes: U users, I items, F content features, P preference tokens, D embedding size.
"""

import numpy as np
import scipy.sparse as sp

from core.errors import InputError
from core.model_settings import TwoTowerSettings
from training.fitted import Tracker
from training.tower_model import TwoTowerModel


def fit_two_tower(
    matrix: sp.csr_matrix,
    item_content: sp.csr_matrix | None,
    user_preferences: sp.csr_matrix | None,
    settings: TwoTowerSettings,
    *,
    seed: int,
    warm_start: TwoTowerModel | None = None,
    tracker: Tracker | None = None,
    device: str = "auto",
    n_threads: int | None = None,
) -> TwoTowerModel:
    """Fits the network; the same seed, thread count and device give the same arrays.

    Args:
        matrix: (U, I) preference weights, 0 or more.
        item_content: (I, F) multi-hot content features; None or F = 0 for none.
        user_preferences: (U, P) multi-hot stated preferences; None or P = 0 for none.
        settings: how.
        seed: of first weights, order of users, hidden parts and drawn items.
        warm_start: an earlier model of the same shapes to start from.
        tracker: receives `loss`, `learning_rate` and, with a validation part, `ndcg` after each
            epoch.
        device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
        n_threads: threads of the products; all that are available by default.

    Raises:
        InputError: a weight is negative or not finite, or shapes do not fit.
        TrainingDiverged: a loss or vector is not finite.
    """
    from training.tower_fit import fit  # torch is heavy

    return fit(
        matrix,
        _features(item_content, matrix.shape[1], "item_content"),
        _features(user_preferences, matrix.shape[0], "user_preferences"),
        settings,
        seed=seed,
        warm_start=warm_start,
        tracker=tracker,
        device=device,
        n_threads=n_threads,
    )


def _features(matrix: sp.csr_matrix | None, n_rows: int, name: str) -> sp.csr_matrix:
    if matrix is None:
        return sp.csr_matrix((n_rows, 0), dtype=np.float32)
    if matrix.shape[0] != n_rows:
        raise InputError(f"{name} has {matrix.shape[0]} rows, expected {n_rows}")
    features = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
    if not np.isfinite(features.data).all():
        raise InputError(f"{name} holds a number that is not finite; look at its features")
    features.sum_duplicates()
    features.sort_indices()
    return features
