import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from assets.models.arrays import History, Numbering
from assets.models.candidates import stored_blocks
from assets.models.fold_data import FoldData
from assets.models.pair_features import (
    NAMES,
    FoldFeatures,
    item_table,
    pair_features,
    user_table,
)
from assets.models.sources import Block, fused
from core.schemas import ITEM_FEATURES, SOURCES, USER_FEATURES
from tests import toy

NUMBERING = Numbering(pl.Series(["ann", "ben", "cai"]), pl.Series(["a", "b", "c", "d"]))


def column(features: np.ndarray, name: str) -> list[float]:
    return features[:, NAMES.index(name)].tolist()


def csr(rows: list[list[float]]) -> sp.csr_matrix:
    return sp.csr_matrix(np.array(rows, dtype=np.float32))


FOLD = FoldFeatures(
    users=np.arange(18, dtype=np.float32).reshape(3, 6),
    items=-np.arange(32, dtype=np.float32).reshape(4, 8),
    labels=csr([[1, 1], [1, 0], [0, 0], [0, 1]]),
    unit_content=csr([[0.6, 0.8], [1, 0], [0, 0], [0, 1]]),
    likes=csr([[0, 0], [1, 1], [0, 0]]),
    dislikes=csr([[0, 1], [0, 0], [0, 0]]),
    category_share=csr([[0, 0], [0.25, 0.75], [0, 0]]),
    item_category=np.array([1, 0, -1, 1], np.int32),
    history=History(
        csr([[0, 2, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]),
        csr([[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]),
    ),
)
BLOCK = Block(
    users=np.array([0, 1], np.int32),
    rows=np.array([0, 0, 1, 1, 1], np.int32),
    items=np.array([0, 2, 0, 1, 2], np.int32),
    ranks=np.array(
        [[1, 0, 4, 0, 0], [0, 0, 0, 2, 0], [1, 2, 3, 4, 5], [0, 0, 0, 0, 1], [8, 0, 0, 0, 0]],
        np.int32,
    ),
    scores=np.arange(25, dtype=np.float32).reshape(5, 5),
)
SEEDS = np.array([0.5, 0, 0.25, 0, 0], np.float32)


def test_every_feature_stands_under_its_name() -> None:
    found = pair_features(BLOCK, SEEDS, FOLD)
    assert found.shape == (5, len(NAMES))
    assert found.dtype == np.float32
    for place, source in enumerate(SOURCES):
        assert column(found, f"{source}_score") == BLOCK.scores[:, place].tolist()
    assert column(found, "popularity_nearness") == [1, 0, 1, 0, 0.125]
    assert column(found, "als_nearness") == pytest.approx([0.25, 0, 1 / 3, 0, 0])
    assert column(found, "n_sources") == [2, 1, 5, 1, 1]
    assert column(found, "fused") == fused(BLOCK.ranks).tolist()
    assert column(found, "seed_contribution") == [0.5, 0, 0.25, 0, 0]
    assert column(found, "content_affinity") == pytest.approx([0.6, 0, 0.8, 0, 0])
    assert column(found, "category_share") == [0, 0, 0.75, 0.25, 0]
    assert column(found, "matches_preference") == [0, 0, 2, 1, 0]
    assert column(found, "matches_dislike") == [1, 0, 0, 0, 0]
    assert column(found, "user_n_events") == [0, 0, 6, 6, 6]
    assert column(found, "user_tenure_days") == [5, 5, 11, 11, 11]
    assert column(found, "item_n_users_1d") == [0, -16, 0, -8, -16]
    assert column(found, "item_age_days") == [-7, -23, -7, -15, -23]


def test_names_are_distinct_and_as_many_as_columns() -> None:
    assert len(set(NAMES)) == len(NAMES) == pair_features(BLOCK, SEEDS, FOLD).shape[1]
    assert [name for name in NAMES if name.startswith("user_")] == [
        "user_n_events", "user_n_items", "user_n_positive", "user_n_events_7d",
        "user_recency_days", "user_tenure_days",
    ]  # fmt: skip


def test_without_stated_tastes_nothing_matches() -> None:
    none = csr([[0, 0]] * 3)
    fold = FoldFeatures(**{**vars(FOLD), "likes": none, "dislikes": none})
    found = pair_features(BLOCK, SEEDS, fold)
    assert column(found, "matches_preference") == [0] * 5
    assert column(found, "matches_dislike") == [0] * 5


def test_a_user_has_the_same_features_alone() -> None:
    whole = pair_features(BLOCK, SEEDS, FOLD)
    mine = BLOCK.rows == 1
    alone = Block(
        BLOCK.users[1:], np.zeros(3, np.int32), BLOCK.items[mine], BLOCK.ranks[mine],
        BLOCK.scores[mine],
    )  # fmt: skip
    assert pair_features(alone, SEEDS[mine], FOLD).tolist() == whole[mine].tolist()


def test_user_features_are_logarithms_in_the_order_of_their_names() -> None:
    rows = [
        {
            "user_id": "ben", "n_events": 9, "n_items": 8, "n_positive": 7, "n_active_days": 99,
            "n_events_7d": 3, "recency_days": 0, "tenure_days": 400, "last_us": 0,
        },
        {"user_id": "who", "n_events": 5},
    ]  # fmt: skip
    found = user_table(toy.rows_of(USER_FEATURES, rows), NUMBERING)
    assert found.shape == (3, 6)
    assert found[1] == pytest.approx(np.log1p([9, 8, 7, 3, 0, 400]), rel=1e-6)
    assert found[[0, 2]].tolist() == [[0] * 6] * 2


def test_item_features_are_logarithms_and_shares() -> None:
    rows = [
        {
            "item_id": "c", "n_users_1d": 1, "n_users_7d": 2, "n_users_30d": 3, "n_users": 4,
            "n_impressions": 5, "trend_micro": 250_000, "conversion_micro": 1_500_000,
            "age_days": 30,
        },
        {"item_id": "a", "age_days": -3},
    ]  # fmt: skip
    found = item_table(toy.rows_of(ITEM_FEATURES, rows), NUMBERING)
    assert found.shape == (4, 8)
    assert found[2] == pytest.approx([*np.log1p([1, 2, 3, 4, 5]), 0.25, 1.5, np.log1p(30)])
    assert found[0].tolist() == [0] * 8  # an age below 0 is none
    assert np.isfinite(found).all()


def test_a_stored_nights_features_are_finite_and_the_same_each_time(tiny: FoldData) -> None:
    for block, seeds in stored_blocks(tiny, 6):
        found = pair_features(block, seeds[1], tiny.features)
        assert np.isfinite(found).all()
        assert found.tobytes() == pair_features(block, seeds[1], tiny.features).tobytes()
        disliked = np.isin(block.user_nums, [3]) & (block.items % 5 == 0)
        assert (found[:, NAMES.index("matches_dislike")] > 0).tolist() == disliked.tolist()
        assert pl.Series(block.user_nums).is_sorted()
