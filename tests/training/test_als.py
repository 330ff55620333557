import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import InputError
from core.model_settings import AlsSettings
from tests.block_world import WITHHELD, block_matrix
from training.als import AlsModel, fit_als
from training.fitted import load_model, save_model
from training.topk import topk

SMALL = AlsSettings(embedding_size=4, epochs=8, regularization=0.5, alpha=2.0)


def random_matrix(seed=0, shape=(30, 20), density=0.3):
    source = np.random.default_rng(seed)
    filled = source.random(shape) < density
    return sp.csr_matrix(np.where(filled, source.integers(1, 6, shape), 0).astype(np.float32))


def half_step(matrix, items, alpha, penalty):
    """Solves Hu et al.'s equation (4) for every user with plain NumPy, in float64."""
    dense, items = matrix.toarray().astype(np.float64), items.astype(np.float64)
    dense /= dense[dense > 0].mean()
    users = []
    for row in dense:
        confidence = 1 + alpha * row
        left = (items * confidence[:, None]).T @ items + penalty * np.eye(items.shape[1])
        users.append(np.linalg.solve(left, items.T @ (confidence * (row > 0))))
    return np.array(users)


def test_user_factors_are_the_closed_form_of_the_item_factors():
    matrix = random_matrix()
    model = fit_als(matrix, SMALL, seed=1)
    expected = half_step(matrix, model.item_factors, alpha=2.0, penalty=0.5)
    np.testing.assert_allclose(model.user_factors, expected, atol=2e-4)


def test_regularization_grows_with_the_length_of_a_row():
    matrix = sp.csr_matrix(np.tri(16, 16, 0, dtype=np.float32))  # user u has u + 1 items
    settings = SMALL.model_copy(update={"regularization_exponent": 1.0})
    model = fit_als(matrix, settings, seed=1)
    for user in (0, 3, 15):
        steps = np.round(2 * np.log2((user + 1) / 8.5))
        one = half_step(matrix, model.item_factors, 2.0, 0.5 * 2 ** (steps / 2))[user]
        np.testing.assert_allclose(model.user_factors[user], one, atol=5e-4)


def test_withheld_items_come_back():
    matrix = block_matrix()
    model = fit_als(matrix, AlsSettings(embedding_size=8, regularization=0.1), seed=3)
    items, _ = topk(model.user_factors, model.item_factors, 1, seen=matrix)
    assert items[:, 0].tolist() == WITHHELD.tolist()


def test_the_loss_falls_and_is_what_it_says():
    matrix, curve = random_matrix(), {}
    fit_als(matrix, SMALL, seed=1, tracker=curve.__setitem__)
    losses = [curve[epoch]["loss"] for epoch in range(1, 9)]
    assert losses == sorted(losses, reverse=True)
    tiny = SMALL.model_copy(update={"epochs": 1, "regularization": 1e-6, "embedding_size": 20})
    fit_als(matrix, tiny, seed=1, tracker=curve.__setitem__)
    assert 0 < curve[1]["loss"] < losses[-1]


def test_the_scale_of_weights_changes_nothing():
    matrix = random_matrix()
    one, other = fit_als(matrix, SMALL, seed=1), fit_als(matrix * 4, SMALL, seed=1)
    np.testing.assert_allclose(one.user_factors, other.user_factors, atol=1e-5)


def test_rows_without_a_weight_are_zero():
    matrix = random_matrix().tolil()
    matrix[3] = 0
    matrix[:, 5] = 0
    model = fit_als(matrix.tocsr(), SMALL, seed=1)
    assert not model.user_factors[3].any()
    assert not model.item_factors[5].any()
    assert model.user_factors[2].any()


def test_an_empty_matrix_gives_zeros():
    model = fit_als(sp.csr_matrix((3, 2), dtype=np.float32), SMALL, seed=1)
    assert not model.user_factors.any()
    assert not model.item_factors.any()


def test_a_seed_gives_the_same_factors_on_any_number_of_threads():
    matrix = random_matrix()
    one, two = (fit_als(matrix, SMALL, seed=5, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.user_factors, two.user_factors)
    assert not np.array_equal(one.item_factors, fit_als(matrix, SMALL, seed=6).item_factors)


def test_a_warm_start_begins_where_the_earlier_fit_ended():
    matrix, cold, warm = random_matrix(), {}, {}
    earlier = fit_als(matrix, SMALL, seed=1, tracker=cold.__setitem__)
    fit_als(matrix, SMALL, seed=1, warm_start=earlier, tracker=warm.__setitem__)
    assert warm[1]["loss"] <= cold[8]["loss"]


@pytest.mark.parametrize("shape", [(31, 20), (30, 21)])
def test_a_warm_start_of_another_shape_is_refused(shape):
    earlier = fit_als(random_matrix(shape=shape), SMALL, seed=1)
    with pytest.raises(InputError, match="warm start has"):
        fit_als(random_matrix(), SMALL, seed=1, warm_start=earlier)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_bad_weights_are_refused(bad):
    matrix = random_matrix()
    matrix.data[7] = bad
    with pytest.raises(InputError, match="not finite"):
        fit_als(matrix, SMALL, seed=1)


def test_it_comes_back_from_its_file(tmp_path):
    model = fit_als(random_matrix(), SMALL, seed=1)
    save_model(model, tmp_path / "model")
    back = load_model(tmp_path / "model", AlsModel)
    np.testing.assert_array_equal(back.user_factors, model.user_factors)
    np.testing.assert_array_equal(back.item_factors, model.item_factors)
