import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import InputError
from core.model_settings import NeighboursSettings
from tests.block_world import WITHHELD, block_matrix
from training.fitted import load_model, save_model
from training.neighbours import NeighboursModel, contributions, fit_neighbours, similar_items
from training.topk import topk_sparse

EASE = NeighboursSettings(regularization=1.0)
COUNTS = NeighboursSettings(ease_max_items=0, shrinkage=0.0)
BOTH = pytest.mark.parametrize("settings", [EASE, COUNTS], ids=["ease", "cooccurrence"])

MODEL = NeighboursModel(
    sp.csr_matrix(
        np.array(
            [[0, 0.5, 0.2, -1], [0.5, 0, 0.4, 0], [0.2, 0.1, 0, 0.1], [0, 0, 0, 0]],
            dtype=np.float32,
        )
    )
)


def random_matrix(seed=0, shape=(40, 25)):
    source = np.random.default_rng(seed)
    filled = source.random(shape) < 0.25
    return sp.csr_matrix(np.where(filled, source.integers(1, 4, shape), 0).astype(np.float32))


@BOTH
def test_withheld_items_come_back(settings):
    matrix = block_matrix()
    model = fit_neighbours(matrix, settings)
    items, _ = topk_sparse(matrix, model.weights, 1, seen=matrix)
    assert items[:, 0].tolist() == WITHHELD.tolist()


@BOTH
def test_the_diagonal_is_empty_and_unknown_items_have_no_weight(settings):
    matrix = sp.hstack([random_matrix(), sp.csr_matrix((40, 2))], format="csr")
    model = fit_neighbours(matrix, settings)
    dense = model.weights.toarray()
    assert dense.shape == (27, 27)
    assert not dense.diagonal().any()
    assert not dense[25:].any()
    assert not dense[:, 25:].any()
    assert dense[:25].any(axis=1).all()


def test_the_strongest_weights_are_kept():
    whole = fit_neighbours(random_matrix(), EASE).weights.toarray()
    few = fit_neighbours(random_matrix(), EASE.model_copy(update={"n_neighbours": 5})).weights
    assert np.diff(few.indptr).tolist() == [5] * 25
    for row, kept in zip(whole, few.toarray(), strict=True):
        strongest = np.argsort(-np.abs(row), kind="stable")[:5]
        assert np.flatnonzero(kept).tolist() == sorted(strongest.tolist())
        np.testing.assert_array_equal(kept[strongest], row[strongest])


@BOTH
def test_a_user_without_overlap_leaves_other_weights_alone(settings):
    matrix = block_matrix()
    alone = fit_neighbours(matrix[:24], settings).weights.toarray()
    joined = fit_neighbours(matrix, settings).weights.toarray()
    np.testing.assert_allclose(alone[:24, :24], joined[:24, :24], atol=1e-6)


def test_one_long_history_is_cut():
    settings = COUNTS.model_copy(update={"max_history": 3})
    matrix = sp.csr_matrix(np.array([[5, 1, 4, 1, 3]], dtype=np.float32))
    touched = np.flatnonzero(np.diff(fit_neighbours(matrix, settings).weights.indptr))
    assert touched.tolist() == [0, 2, 4]


@BOTH
def test_an_empty_matrix_has_no_neighbours(settings):
    assert fit_neighbours(sp.csr_matrix((3, 4), dtype=np.float32), settings).weights.nnz == 0


def test_bad_weights_are_refused():
    with pytest.raises(InputError, match="not finite"):
        fit_neighbours(sp.csr_matrix(np.array([[np.nan, 1.0]])), EASE)


def test_similar_items_are_positive_and_ordered():
    items, weights = similar_items(MODEL, 2)
    assert items.tolist() == [[1, 2], [0, 2], [0, 1], [-1, -1]]
    np.testing.assert_allclose(weights, [[0.5, 0.2], [0.5, 0.4], [0.2, 0.1], [0, 0]])


def test_the_greatest_contribution_names_its_item():
    histories = sp.csr_matrix(np.array([[1, 0, 3, 0], [0, 1, 0, 2]], dtype=np.float32))
    rows, targets = np.array([1, 0, 0, 0, 1]), np.array([2, 1, 3, 0, 3])
    seeds, values = contributions(MODEL, histories, rows, targets)
    # user 0, target 1: item 0 gives 0.5, item 2 gives 3 × 0.1; target 3: item 2 gives 0.3
    assert seeds.tolist() == [1, 0, 2, 2, -1]
    np.testing.assert_allclose(values, [0.4, 0.5, 0.3, 0.6, 0.0], rtol=1e-6)


def test_tied_contributions_go_to_the_lower_number():
    weights = sp.csr_matrix(np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=np.float32))
    history = sp.csr_matrix(np.array([[2, 2, 0]], dtype=np.float32))
    seeds, _ = contributions(NeighboursModel(weights), history, np.array([0]), np.array([2]))
    assert seeds.tolist() == [0]


@pytest.mark.parametrize(("chunk", "lookup"), [(1 << 21, 1 << 23), (40, 60)])
def test_contributions_agree_with_a_dense_search(monkeypatch, chunk, lookup):
    monkeypatch.setattr("training.neighbours._CHUNK", chunk)
    monkeypatch.setattr("training.neighbours._LOOKUP", lookup)
    histories = random_matrix(seed=1)
    model = fit_neighbours(random_matrix(), EASE)
    pairs = np.random.default_rng(2).permutation(40 * 25)[:600]
    rows, targets = pairs // 25, pairs % 25
    seeds, values = contributions(model, histories, rows, targets)
    dense = histories.toarray()[rows] * model.weights.toarray().T[targets]
    best = dense.max(axis=1)
    np.testing.assert_allclose(values, np.maximum(best, 0), rtol=1e-6)
    np.testing.assert_array_equal(seeds, np.where(best > 0, dense.argmax(axis=1), -1))
    assert (seeds < 0).any()


def test_contributions_refuse_repeated_pairs_and_other_shapes():
    histories = sp.csr_matrix((2, 4), dtype=np.float32)
    with pytest.raises(InputError, match="stands twice"):
        contributions(MODEL, histories, np.array([0, 0]), np.array([1, 1]))
    with pytest.raises(InputError, match="histories have 5 items"):
        contributions(MODEL, sp.csr_matrix((2, 5)), np.array([0]), np.array([1]))


@BOTH
def test_two_fits_agree_and_come_back_from_their_file(settings, tmp_path):
    model, again = (fit_neighbours(random_matrix(), settings) for _ in range(2))
    save_model(model, tmp_path / "one")
    save_model(again, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    back = load_model(tmp_path / "one", NeighboursModel).weights
    np.testing.assert_array_equal(back.toarray(), model.weights.toarray())
