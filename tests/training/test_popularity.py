import doctest

import numpy as np
import pytest

import training.popularity
from core.errors import InputError
from core.model_settings import PopularitySettings
from training.fitted import load_model, save_model
from training.popularity import PopularityModel, fit_popularity

COUNTS = {
    "n_users": np.array([100, 50, 50, 0, 7]),
    "n_users_30d": np.array([3, 10, 10, 0, 7]),
    "n_users_7d": np.array([0, 2, 9, 0, 7]),
}
WEEKS = np.array([[0, 2, 9, 0, 7], [3, 8, 1, 0, 0], [0, 2, 0, 0, 0], [0, 0, 0, 0, 0]])


def fit(**settings):
    return fit_popularity(COUNTS, WEEKS, PopularitySettings(**settings))


def test_doctests_hold():
    assert doctest.testmod(training.popularity).failed == 0


def test_recent_users_count_more_and_ties_go_to_the_lower_number():
    model = fit(all_time_weight=1, recent_weight=10)
    assert model.scores.dtype == np.int64
    assert model.scores.tolist() == [130, 150, 150, 0, 77]
    assert model.ranking().tolist() == [1, 2, 0, 4, 3]


def test_each_horizon_has_its_ranking():
    model = fit()
    assert model.horizons.tolist() == [7, 30, 0]
    assert model.ranking(0).tolist() == [0, 1, 2, 4, 3]
    assert model.ranking(7).tolist() == [2, 4, 1, 0, 3]
    with pytest.raises(InputError, match="no counts of 90 days"):
        model.ranking(90)


def test_trending_is_recent_users_a_day_times_their_damped_lift():
    trending = fit(trending_prior_users=10.0).trending
    lift = (9 + 10 / 4) / ((10 + 10) / 4)
    assert trending[2] == pytest.approx(9 / 7 * lift, abs=1e-6)
    assert np.argsort(-trending).tolist() == [2, 4, 1, 0, 3]


def test_a_loyal_audience_trends_less_than_a_new_one():
    # As many come this week, and as many are known in 30 days; those of the first come each week.
    counts = {name: np.array([20, 20]) for name in COUNTS}
    weeks = np.array([[20, 20], [20, 0], [20, 0], [20, 0]])
    model = fit_popularity(counts, weeks, PopularitySettings(trending_prior_users=0.0))
    assert model.trending == pytest.approx([20 / 7, 4 * 20 / 7], abs=1e-5)


def test_what_nobody_took_to_lately_follows_by_popularity():
    trending = fit().trending
    assert 0 < trending[0] < 1e-6
    assert trending[3] == 0


def test_trending_without_a_prior_stays_finite():
    assert np.isfinite(fit(trending_prior_users=0.0).trending).all()


def test_popular_in_categories():
    best = fit(recent_weight=0).popular_in(np.array([0, 0, 1, 1, -1]), 3)
    assert best.tolist() == [[0, 1, -1], [2, 3, -1]]


def test_a_renaming_that_keeps_order_renames_the_ranking():
    longer = {name: np.insert(count, 2, 0) for name, count in COUNTS.items()}
    weeks = np.insert(WEEKS, 2, 0, axis=1)
    renamed = fit_popularity(longer, weeks, PopularitySettings()).ranking()
    old = np.array([0, 1, 3, 4, 5])[fit().ranking()]
    assert [item for item in renamed.tolist() if item != 2] == old.tolist()


def test_missing_horizons_bad_names_and_negative_counts_are_refused():
    some = {"n_users": COUNTS["n_users"], "n_users_7d": COUNTS["n_users_7d"]}
    with pytest.raises(InputError, match=r"counts of \[30\] days are missing"):
        fit_popularity(some, WEEKS, PopularitySettings())
    with pytest.raises(InputError, match="'clicks' is neither"):
        fit_popularity({**COUNTS, "clicks": COUNTS["n_users"]}, WEEKS, PopularitySettings())
    with pytest.raises(InputError, match="negative"):
        fit_popularity({**COUNTS, "n_users": -COUNTS["n_users"]}, WEEKS, PopularitySettings())
    with pytest.raises(InputError, match="negative"):
        fit_popularity(COUNTS, -WEEKS, PopularitySettings())
    with pytest.raises(InputError, match="at least 2 weeks; there are 1"):
        fit_popularity(COUNTS, WEEKS[:1], PopularitySettings())


def test_it_comes_back_from_its_file(tmp_path):
    model = fit()
    save_model(model, tmp_path / "model")
    back = load_model(tmp_path / "model", PopularityModel)
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
