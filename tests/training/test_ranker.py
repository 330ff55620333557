import numpy as np
import pytest

from core.errors import InputError, IntegrityError
from core.model_settings import RankerSettings
from training.ranker import RankerModel, fit_ranker

NAMES = ("useful", "noise", "rarely_known")
SETTINGS = RankerSettings(epochs=40, patience=10, min_child_weight=1.0, max_depth=3)


def toy(n_groups=60, n_rows=20, seed=0):
    """One useful feature, one of noise, one that is mostly missing; grades follow the first."""
    source = np.random.default_rng(seed)
    features = source.standard_normal((n_groups * n_rows, 3)).astype(np.float32)
    features[source.random(len(features)) < 0.8, 2] = np.nan
    grades = np.digitize(features[:, 0], [1.0, 1.8])
    return features, grades, np.repeat(source.permutation(n_groups), n_rows)


def fit(features, grades, groups, **changes):
    options = {"feature_names": NAMES, "seed": 3, "n_threads": 1, **changes}
    return fit_ranker(features, grades, groups, SETTINGS, **options)


def ndcg(scores, grades, n_rows=20, k=10):
    discount = 1 / np.log2(np.arange(k) + 2)
    found = []
    for start in range(0, len(scores), n_rows):
        gain = 2.0 ** grades[start : start + n_rows] - 1
        if gain.any():
            order = np.argsort(-scores[start : start + n_rows], kind="stable")
            best = np.sort(gain)[::-1][:k] @ discount
            found.append(gain[order][:k] @ discount / best)
    return np.mean(found)


@pytest.fixture(scope="module")
def model():
    return fit(*toy())


def test_a_separable_toy_is_learnt_and_beats_chance(model):
    features, grades, _ = toy(seed=1)
    chance = ndcg(np.random.default_rng(2).random(len(grades)), grades)
    assert ndcg(model.predict(features), grades) > 0.95 > chance


def test_shuffled_grades_teach_nothing():
    features, grades, groups = toy()
    shuffled = np.random.default_rng(4).permutation(grades)
    other_features, other_grades, _ = toy(seed=1)
    scores = fit(features, shuffled, groups).predict(other_features)
    chance = ndcg(np.random.default_rng(2).random(len(grades)), other_grades)
    assert abs(ndcg(scores, other_grades) - chance) < 0.15


def test_importance_is_a_share_with_the_useful_feature_first(model):
    importance = model.importance()
    assert next(iter(importance)) == "useful"
    assert set(importance) == set(NAMES)
    assert sum(importance.values()) == pytest.approx(1)


def test_growing_stops_early_and_reports_each_tree():
    curve = {}
    model = fit(*toy(), tracker=curve.__setitem__)
    best = max(curve, key=lambda tree: curve[tree]["ndcg"])
    assert model.n_trees == best
    assert sorted(curve) == list(range(1, len(curve) + 1))


def test_without_held_out_groups_all_trees_grow():
    features, grades, groups = toy(n_groups=5)
    settings = SETTINGS.model_copy(update={"validation_share": 0.0})
    model = fit_ranker(features, grades, groups, settings, feature_names=NAMES, seed=3)
    assert model.n_trees == 40


def test_scattered_groups_are_refused():
    features, grades, groups = toy()
    groups[5], groups[-5] = groups[-5], groups[5]
    with pytest.raises(InputError, match="60 groups lie in 64 pieces; sort rows by group"):
        fit(features, grades, groups)


def test_bad_inputs_are_refused():
    features, grades, groups = toy(n_groups=3)
    with pytest.raises(InputError, match="60 rows of features, 59 grades"):
        fit(features, grades[:-1], groups)
    with pytest.raises(InputError, match="at least one row"):
        fit(features[:0], grades[:0], groups[:0])
    with pytest.raises(InputError, match="have 2 names"):
        fit(features, grades, groups, feature_names=("a", "b"))
    with pytest.raises(InputError, match="names repeat"):
        fit(features, grades, groups, feature_names=("a", "b", "a"))
    with pytest.raises(InputError, match="range is 0 to 31"):
        fit(features, grades - 1, groups)
    features[7, 1] = np.inf
    with pytest.raises(InputError, match="infinite"):
        fit(features, grades, groups)


def test_another_number_of_features_is_refused(model):
    with pytest.raises(InputError, match="the ranker reads 3 columns"):
        model.predict(np.zeros((4, 2), dtype=np.float32))


def test_no_rows_give_no_scores(model):
    assert model.predict(np.zeros((0, 3), dtype=np.float32)).shape == (0,)


def test_the_same_seed_gives_the_same_bytes_and_they_come_back(model):
    content = model.to_bytes()
    assert fit(*toy()).to_bytes() == content
    assert fit(*toy(), seed=4).to_bytes() != content
    back = RankerModel.from_bytes(content)
    features = toy(seed=9)[0]
    assert back.feature_names == NAMES
    np.testing.assert_array_equal(back.predict(features), model.predict(features))


@pytest.mark.parametrize("content", [b"", b"junk", b"{}", b"{L}"])
def test_bytes_that_are_no_model_are_refused(content):
    with pytest.raises(IntegrityError, match="no XGBoost model"):
        RankerModel.from_bytes(content)


def test_a_torn_model_is_refused(model):
    with pytest.raises(IntegrityError, match="no XGBoost model"):
        RankerModel.from_bytes(model.to_bytes()[:500])
