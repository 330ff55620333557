import numpy as np
import pytest
import scipy.sparse as sp

from core.model_settings import TwoTowerSettings
from training.tower_batches import Batches, history_scale, hold_out


def random_matrix(seed=0, shape=(200, 30)):
    source = np.random.default_rng(seed)
    return sp.csr_matrix(np.where(source.random(shape) < 0.15, 2.0, 0).astype(np.float32))


def no_preferences(n_users):
    return sp.csr_matrix((n_users, 0), dtype=np.float32)


def test_a_target_is_never_read_from_its_own_history():
    matrix = random_matrix()
    batches = Batches.of(matrix, no_preferences(200), TwoTowerSettings(batch_size=32))
    visited = []
    for batch in batches.epoch(np.random.default_rng(1)):
        shown = batch.history.toarray() > 0
        asked = np.zeros_like(shown)
        asked[batch.rows, batch.targets] = True
        assert not (shown & asked).any()
        np.testing.assert_array_equal(shown | asked, matrix[batch.users].toarray() > 0)
        assert shown.any(axis=1).all()
        assert asked.any(axis=1).all()
        assert batch.weights.sum() == pytest.approx(1)
        visited.extend(batch.users.tolist())
    assert sorted(visited) == np.flatnonzero(np.diff(matrix.indptr) >= 2).tolist()


def test_about_the_wanted_share_is_hidden():
    matrix = sp.csr_matrix(np.ones((50, 100), dtype=np.float32))
    settings = TwoTowerSettings(history_dropout=0.3)
    batches = Batches.of(matrix, no_preferences(50), settings)
    (batch,) = batches.epoch(np.random.default_rng(1))
    assert len(batch.targets) / matrix.nnz == pytest.approx(0.3, abs=0.03)


def test_one_item_is_asked_for_where_a_preference_was_stated():
    matrix = sp.csr_matrix(np.eye(4, 5, dtype=np.float32))
    preferences = sp.csr_matrix(np.array([[1], [0], [1], [0]], dtype=np.float32))
    batches = Batches.of(matrix, preferences, TwoTowerSettings())
    (batch,) = batches.epoch(np.random.default_rng(1))
    assert sorted(zip(batch.users[batch.rows].tolist(), batch.targets.tolist(), strict=True)) == [
        (0, 0),
        (2, 2),
    ]
    assert batch.history.nnz == 0


def test_some_users_with_preferences_are_shown_no_history():
    matrix = sp.csr_matrix(np.ones((400, 6), dtype=np.float32))
    preferences = sp.csr_matrix(np.tile([[1], [0]], (200, 1)).astype(np.float32))
    settings = TwoTowerSettings(cold_user_share=0.25, batch_size=400)
    (batch,) = Batches.of(matrix, preferences, settings).epoch(np.random.default_rng(1))
    cold = np.diff(batch.history.indptr) == 0
    stating = batch.users % 2 == 0
    assert cold[stating].mean() == pytest.approx(0.25, abs=0.07)
    assert not cold[~stating].any()


@pytest.mark.parametrize(
    ("exponent", "expected"), [(0.0, [0.5, 0.5]), (1.0, [0.2, 0.8]), (0.5, [1 / 3, 2 / 3])]
)
def test_a_user_s_share_of_the_loss_grows_as_told(exponent, expected):
    matrix = sp.csr_matrix(np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=np.float32))
    settings = TwoTowerSettings(history_dropout=0.999, user_exponent=exponent)
    (batch,) = Batches.of(matrix, no_preferences(2), settings).epoch(np.random.default_rng(1))
    share = np.bincount(batch.users[batch.rows], weights=batch.weights)
    np.testing.assert_allclose(share, expected, rtol=1e-6)  # one target against four


def test_popularity_is_divided_out():
    matrix = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=np.float32))
    assert history_scale(matrix, TwoTowerSettings(popularity_exponent=0.5)).tolist() == [0.5, 1, 1]


def test_no_usable_user_gives_no_batch():
    matrix = sp.csr_matrix(np.eye(3, dtype=np.float32))
    batches = Batches.of(matrix, no_preferences(3), TwoTowerSettings())
    assert list(batches.epoch(np.random.default_rng(1))) == []


def test_holding_out_splits_and_never_takes_all():
    matrix = random_matrix(seed=4)
    kept, held = hold_out(matrix, 0.4, np.random.default_rng(2))
    np.testing.assert_array_equal((kept + held).toarray(), matrix.toarray())
    assert kept.multiply(held).nnz == 0
    assert held.nnz / matrix.nnz == pytest.approx(0.3, abs=0.08)
    filled = np.diff(matrix.indptr) > 0
    assert (np.diff(kept.indptr)[filled] >= 1).all()
