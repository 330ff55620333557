import doctest
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import training.two_tower
from core.errors import InputError, TrainingDiverged
from core.model_settings import TwoTowerSettings
from tests.block_world import SIZE, WITHHELD, block_content, block_matrix
from training.fitted import load_model, save_model
from training.topk import topk
from training.tower_model import TwoTowerModel
from training.two_tower import fit_two_tower

SMALL = TwoTowerSettings(embedding_size=16, epochs=60, batch_size=12, temperature=0.2)
FULL = SMALL
SAMPLED = SMALL.model_copy(update={"full_softmax_max_items": 0, "n_negatives": 24})
BOTH = pytest.mark.parametrize("settings", [FULL, SAMPLED], ids=["full", "sampled"])


def fit(settings=SMALL, matrix=None, content=None, preferences=None, seed=1, **options):
    matrix = block_matrix() if matrix is None else matrix
    return fit_two_tower(
        matrix, content, preferences, settings, seed=seed, device="cpu", n_threads=1, **options
    )


def test_doctests_hold():
    assert doctest.testmod(training.two_tower).failed == 0


@BOTH
def test_withheld_items_come_back(settings):
    matrix = block_matrix()
    model = fit(settings)
    items, _ = topk(model.user_vectors(matrix), model.item_vectors, 1, seen=matrix)
    assert np.mean(items[:, 0] == WITHHELD) >= 0.9


@BOTH
def test_vectors_have_norm_one_and_the_loss_falls(settings):
    curve = {}
    model = fit(settings, content=block_content(), tracker=curve.__setitem__)
    np.testing.assert_allclose(np.linalg.norm(model.item_vectors, axis=1), 1, rtol=1e-5)
    users = model.user_vectors(block_matrix())
    np.testing.assert_allclose(np.linalg.norm(users, axis=1), 1, rtol=1e-5)
    assert sorted(curve) == list(range(1, 61))
    assert curve[60]["loss"] < curve[1]["loss"] - 0.5
    assert 0 < curve[60]["learning_rate"] < curve[30]["learning_rate"] <= settings.learning_rate


@BOTH
def test_an_item_without_events_lies_with_its_kind(settings):
    matrix = block_matrix().tolil()
    cold = np.array([3, SIZE + 3, 2 * SIZE + 3])
    matrix[:, cold] = 0
    vectors = fit(settings, matrix=matrix.tocsr(), content=block_content()).item_vectors
    likeness = vectors[cold] @ vectors.T
    likeness[:, cold] = 0
    by_group = likeness.reshape(3, 3, SIZE).sum(axis=2) / (SIZE - 1)
    assert by_group.argmax(axis=1).tolist() == [0, 1, 2]
    assert (by_group.diagonal() > 0.5).all()


def test_without_content_an_item_without_events_has_no_vector():
    matrix = block_matrix().tolil()
    matrix[:, 5] = 0
    model = fit(matrix=matrix.tocsr())
    assert not model.item_vectors[5].any()
    assert not model.history_vectors[5].any()


def test_a_user_known_by_preferences_alone_gets_their_kind():
    matrix = sp.vstack([block_matrix(), sp.csr_matrix((3, 36))], format="csr", dtype=np.float32)
    groups = np.concatenate([np.kron(np.eye(3), np.ones((SIZE, 1))), np.eye(3)])
    preferences = sp.csr_matrix(groups.astype(np.float32))
    model = fit(
        matrix=matrix,
        preferences=preferences,
        settings=SMALL.model_copy(update={"cold_user_share": 0.3}),
    )
    newcomers = model.user_vectors(matrix[36:], preferences[36:])
    items, _ = topk(newcomers, model.item_vectors, 5)
    assert (items // SIZE).tolist() == [[0] * 5, [1] * 5, [2] * 5]


def test_a_user_of_whom_nothing_is_known_has_the_zero_vector():
    assert not fit().user_vectors(sp.csr_matrix((2, 36), dtype=np.float32)).any()


def test_a_new_event_moves_its_user_alone():
    model, matrix = fit(), block_matrix()
    before = model.user_vectors(matrix)
    later = matrix.tolil()
    later[0, 2 * SIZE] = 5
    after = model.user_vectors(later.tocsr())
    assert not np.allclose(before[0], after[0], atol=1e-3)
    np.testing.assert_array_equal(before[1:], after[1:])


def test_blocks_of_users_change_nothing(monkeypatch):
    model, matrix = fit(), block_matrix()
    whole = model.user_vectors(matrix)
    monkeypatch.setattr("training.tower_model._BLOCK", 7)
    np.testing.assert_array_equal(model.user_vectors(matrix), whole)


@BOTH
def test_a_seed_gives_the_same_arrays(settings):
    settings = settings.model_copy(update={"epochs": 3})
    one, same, other = (fit(settings, content=block_content(), seed=s).arrays() for s in (1, 1, 2))
    for name, array in one.items():
        np.testing.assert_array_equal(array, same[name])
    assert not np.array_equal(one["item_vectors"], other["item_vectors"])


@BOTH
def test_two_threads_give_the_same_arrays_each_time(settings):
    source = np.random.default_rng(0)
    matrix = sp.csr_matrix((source.random((600, 300)) < 0.1).astype(np.float32))
    settings = settings.model_copy(update={"epochs": 2, "batch_size": 300, "n_negatives": 200})
    one, *others = (
        fit_two_tower(matrix, None, None, settings, seed=1, device="cpu", n_threads=2).item_vectors
        for _ in range(4)
    )
    for other in others:
        np.testing.assert_array_equal(one, other)


@BOTH
def test_a_warm_start_begins_where_the_earlier_fit_ended(settings):
    cold, warm = {}, {}
    earlier = fit(settings, content=block_content(), tracker=cold.__setitem__)
    short = settings.model_copy(update={"epochs": 2, "learning_rate": 1e-4})
    fit(short, content=block_content(), warm_start=earlier, tracker=warm.__setitem__)
    assert warm[1]["loss"] < (cold[1]["loss"] + cold[60]["loss"]) / 2


def test_a_warm_start_gives_newly_touched_items_an_id():
    matrix = block_matrix().tolil()
    matrix[:, 5] = 0
    earlier = fit(SMALL.model_copy(update={"epochs": 2}), matrix=matrix.tocsr())
    assert fit(SMALL.model_copy(update={"epochs": 1}), warm_start=earlier).item_vectors[5].any()


def test_a_warm_start_of_another_shape_is_refused():
    earlier = fit(SMALL.model_copy(update={"epochs": 1}))
    with pytest.raises(InputError, match="warm start has"):
        fit(SMALL.model_copy(update={"embedding_size": 8}), warm_start=earlier)


def test_no_epoch_begins_after_the_last_step():
    curve = {}
    fit(SMALL.model_copy(update={"max_steps": 7}), tracker=curve.__setitem__)  # 3 steps an epoch
    assert sorted(curve) == [1, 2, 3]
    assert curve[3]["learning_rate"] < curve[2]["learning_rate"]


def test_early_stopping_returns_the_best_epoch():
    curve = {}
    settings = SMALL.model_copy(update={"validation_share": 0.2, "patience": 3, "k": 5})
    model = fit(settings, tracker=curve.__setitem__)
    found = [curve[epoch]["ndcg"] for epoch in sorted(curve)]
    assert len(found) < 60
    assert len(found) - 1 - int(np.argmax(found)) == 3
    assert np.isfinite(model.item_vectors).all()


def test_a_loss_that_is_nan_stops_at_once():
    settings = SMALL.model_copy(update={"temperature": 1e-42})
    with pytest.raises(TrainingDiverged, match=r"step 1 of 180 \(learning_rate .*12 users"):
        fit(settings)


def test_weights_that_grow_too_large_are_refused():
    settings = SMALL.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingDiverged, match="too large"):
        fit(settings)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_bad_weights_are_refused(bad):
    matrix = block_matrix()
    matrix.data[4] = bad
    with pytest.raises(InputError, match="not finite"):
        fit(matrix=matrix)


def test_bad_features_are_refused():
    content = block_content()
    content.data[0] = np.nan
    with pytest.raises(InputError, match="item_content holds a number that is not finite"):
        fit(content=content)
    with pytest.raises(InputError, match="user_preferences has 2 rows, expected 36"):
        fit(preferences=sp.csr_matrix((2, 3)))


def test_user_vectors_refuse_other_shapes():
    model = fit(SMALL.model_copy(update={"epochs": 1}))
    with pytest.raises(InputError, match="histories have 7 items, the model 36"):
        model.user_vectors(sp.csr_matrix((1, 7)))
    with pytest.raises(InputError, match="preferences have shape"):
        model.user_vectors(block_matrix(), sp.csr_matrix((36, 2)))


def test_nobody_to_learn_from_gives_finite_vectors():
    model = fit(matrix=sp.csr_matrix((4, 6), dtype=np.float32))
    assert not model.item_vectors.any()


SCORE_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pathlib import Path
import scipy.sparse as sp
from training.fitted import load_model
from training.tower_model import TwoTowerModel
model = load_model(Path(sys.argv[1]), TwoTowerModel)
print(model.user_vectors(sp.csr_matrix(([1.0], ([0], [3])), shape=(1, 36), dtype="float32"))[0, 0])
"""


def test_it_comes_back_and_scores_where_torch_cannot_be_imported(tmp_path):
    model = fit(content=block_content())
    path = tmp_path / "model"
    save_model(model, path)
    back = load_model(path, TwoTowerModel)
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
    history = sp.csr_matrix(([1.0], ([0], [3])), shape=(1, 36), dtype=np.float32)
    run = [sys.executable, "-c", SCORE_WITHOUT_TORCH, str(path)]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert float(printed) == pytest.approx(model.user_vectors(history)[0, 0], rel=1e-6)
