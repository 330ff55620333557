"""The ranker's features of (user, item) pairs: arrays in, one matrix out."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from assets.models.arrays import History, Numbering
from assets.models.content import content_affinity
from assets.models.sources import Block, fused
from core.schemas import SOURCES

Floats = NDArray[np.float32]

_USER_COUNTS = ("n_events", "n_items", "n_positive", "n_events_7d")
_USER_DAYS = ("recency_days", "tenure_days")
_ITEM_COUNTS = ("n_users_1d", "n_users_7d", "n_users_30d", "n_users", "n_impressions")
_ITEM_RATES = ("trend_micro", "conversion_micro")
NAMES = (
    *(f"{source}_score" for source in SOURCES),
    *(f"{source}_nearness" for source in SOURCES),
    "n_sources",
    "fused",
    "seed_contribution",
    "content_affinity",
    "category_share",
    "matches_preference",
    "matches_dislike",
    *(f"user_{name}" for name in (*_USER_COUNTS, *_USER_DAYS)),
    *(f"item_{name}" for name in (*_ITEM_COUNTS, *_ITEM_RATES)),
    "item_age_days",
)


@dataclass(frozen=True)
class FoldFeatures:
    """What the features of one fold are looked up in.

    Attributes:
        users: (n_users, n_user_features) float32.
        items: (n_items, n_item_features) float32.
        unit_content: (n_items, n_tokens) content as unit vectors, rare tokens weighing more.
        labels: (n_items, n_labels) genres and categories, multi-hot.
        likes: (n_users, n_labels) stated likes.
        dislikes: (n_users, n_labels) stated dislikes.
        category_share: (n_users, n_categories) share of positive weight.
        item_category: (n_items,) int32 category number, −1 for none.
        history: the users' past.
    """

    users: Floats
    items: Floats
    unit_content: sp.csr_matrix
    labels: sp.csr_matrix
    likes: sp.csr_matrix
    dislikes: sp.csr_matrix
    category_share: sp.csr_matrix
    item_category: NDArray[np.int32]
    history: History


def user_table(user_features: pl.DataFrame, numbering: Numbering) -> Floats:
    """Returns the users' features: counts as log(1 + n), days as log(1 + days)."""
    columns = [numbering.user_lookup(user_features, name) for name in (*_USER_COUNTS, *_USER_DAYS)]
    table: Floats = np.log1p(np.column_stack(columns)).astype(np.float32)
    return table


def item_table(item_features: pl.DataFrame, numbering: Numbering) -> Floats:
    """Returns the items' features: counts and age as log(1 + n), rates as shares of one."""
    counts = [numbering.item_lookup(item_features, name) for name in _ITEM_COUNTS]
    rates = [numbering.item_lookup(item_features, name) / 1e6 for name in _ITEM_RATES]
    age = np.maximum(numbering.item_lookup(item_features, "age_days"), 0)
    return np.column_stack([*np.log1p(counts), *rates, np.log1p(age)]).astype(np.float32)


def pair_features(block: Block, seed_contribution: Floats, fold: FoldFeatures) -> Floats:
    """Returns the features of a block's candidates in the order of `NAMES`, (N, n_features).

    Args:
        block: the candidates.
        seed_contribution: (N,) how much the strongest history item counts in `neighbours`.
        fold: the tables to look up.
    """
    users, items = block.user_nums, block.items
    weights = fold.history.weights[block.users]
    category = fold.item_category[items]
    share = _pick(fold.category_share, users, np.maximum(category, 0))
    nearness = np.divide(
        1.0, block.ranks, out=np.zeros(block.ranks.shape, np.float32), where=block.ranks > 0
    )
    columns = [
        block.scores,
        nearness,
        np.count_nonzero(block.ranks, axis=1)[:, None],
        fused(block.ranks)[:, None],
        seed_contribution[:, None],
        content_affinity(weights, fold.unit_content, block.rows, items)[:, None],
        np.where(category >= 0, share, 0.0)[:, None],
        n_shared(fold.likes, users, fold.labels, items)[:, None],
        n_shared(fold.dislikes, users, fold.labels, items)[:, None],
        fold.users[users],
        fold.items[items],
    ]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _pick(matrix: sp.csr_matrix, rows: NDArray[np.int32], cols: NDArray[np.int32]) -> Floats:
    return np.asarray(matrix[rows, cols], dtype=np.float32).ravel()


def n_shared(
    stated: sp.csr_matrix,
    users: NDArray[np.int32],
    labels: sp.csr_matrix,
    items: NDArray[np.int32],
) -> Floats:
    """Returns how many stated labels each pair's item has, (N,)."""
    if stated.nnz == 0:
        return np.zeros(len(users), dtype=np.float32)
    both = stated[users].multiply(labels[items])
    return np.asarray(both.sum(axis=1), dtype=np.float32).ravel()
