import doctest
from statistics import NormalDist

import numpy as np
import pytest

import training.bootstrap
from core.errors import InputError
from training.bootstrap import (
    Interval,
    mean_interval,
    paired_relative_difference,
    pool_by_user,
)


def hit_rates(n_users, seed, zero_share=0.6):
    source = np.random.default_rng(seed)
    return np.where(source.random(n_users) < zero_share, 0.0, source.random(n_users))


def test_doctests_hold():
    assert doctest.testmod(training.bootstrap).failed == 0


def test_interval_has_the_width_of_the_normal_theory():
    values = hit_rates(4000, seed=1)
    found = mean_interval(values, seed=2, n_samples=4000)
    half = 1.959964 * values.std() / np.sqrt(values.size)
    assert found.mean == values.mean()
    assert found.lower == pytest.approx(values.mean() - half, abs=0.06 * half)
    assert found.upper == pytest.approx(values.mean() + half, abs=0.06 * half)


def test_interval_covers_the_truth_as_often_as_it_says():
    covered = 0
    for trial in range(200):
        found = mean_interval(hit_rates(300, seed=trial), seed=trial, n_samples=300, level=0.9)
        covered += found.lower <= 0.2 <= found.upper
    assert 168 <= covered <= 192  # 180 of 200 expected, three standard deviations each way


def test_leaving_out_zero_users_is_the_same_distribution():
    values = hit_rates(500, seed=4, zero_share=0.9)
    source = np.random.default_rng(9)
    plain = values[source.integers(0, 500, size=(20_000, 500))].mean(axis=1)
    found = mean_interval(values, seed=5, n_samples=20_000)
    spread = plain.std()
    assert found.lower == pytest.approx(np.quantile(plain, 0.025), abs=0.06 * spread)
    assert found.upper == pytest.approx(np.quantile(plain, 0.975), abs=0.06 * spread)


def test_equal_seeds_give_equal_bounds_and_others_do_not():
    values = hit_rates(200, seed=6)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_too_few_users_have_no_bounds():
    assert mean_interval([], seed=1) == Interval(None, None, None, 0)
    assert mean_interval([0.4], seed=1) == Interval(0.4, None, None, 1)
    assert mean_interval([0.0, 0.0], seed=1) == Interval(0.0, 0.0, 0.0, 2)


def test_comparison_finds_a_planted_drop_and_a_planted_gain():
    champion = hit_rates(5000, seed=7)
    worse = paired_relative_difference(champion * 0.85, champion, seed=1)
    assert worse.relative_difference == pytest.approx(-0.15)
    assert worse.upper == pytest.approx(-0.15)
    noisy = champion * np.random.default_rng(8).choice([0.9, 1.5], size=5000)
    better = paired_relative_difference(noisy, champion, seed=1)
    assert better.lower > 0.15
    assert better.difference_lower > 0
    assert better.lower < better.relative_difference < better.upper


def test_pairing_cancels_what_both_share():
    champion = hit_rates(2000, seed=9)
    challenger = np.clip(champion + np.random.default_rng(3).normal(0, 0.01, 2000), 0, 1)
    paired = paired_relative_difference(challenger, champion, seed=1)
    shuffled = np.random.default_rng(4).permutation(challenger)
    unpaired = paired_relative_difference(shuffled, champion, seed=1)
    assert unpaired.upper - unpaired.lower > 10 * (paired.upper - paired.lower)


def test_power_follows_its_formula():
    source = np.random.default_rng(10)
    champion, challenger = source.random((2, 1500))
    margin = 0.05
    found = paired_relative_difference(challenger, champion, seed=1, margin=margin, n_samples=4000)
    ratio = challenger.mean() / champion.mean()
    linear = (challenger - ratio * champion) / champion.mean()  # delta method
    error = linear.std() / np.sqrt(1500)
    expected = NormalDist().cdf(margin / error - 1.959964)
    assert 0.4 < expected < 0.9
    assert found.power == pytest.approx(expected, abs=0.05)


def test_power_is_how_often_an_equal_challenger_passes():
    passed, powers = 0, []
    for trial in range(200):
        champion, challenger = np.random.default_rng(trial).random((2, 700))
        found = paired_relative_difference(challenger, champion, seed=trial, n_samples=200)
        passed += found.lower >= -0.05
        powers.append(found.power)
    # 200 trials: standard deviation of the rate below 0.036.
    assert passed / 200 == pytest.approx(np.mean(powers), abs=0.1)


def test_more_users_mean_more_power():
    powers = [
        paired_relative_difference(
            *np.random.default_rng(1).random((2, n)), seed=1, margin=0.05
        ).power
        for n in (100, 1000, 10_000)
    ]
    assert powers == sorted(powers)
    assert powers[0] < 0.3
    assert powers[2] > 0.99


def test_identical_lists_have_no_difference_and_full_power():
    values = hit_rates(100, seed=12)
    found = paired_relative_difference(values, values, seed=1)
    assert (found.relative_difference, found.lower, found.upper, found.power) == (0, 0, 0, 1)


def test_a_champion_without_a_hit_has_no_relative_numbers():
    found = paired_relative_difference([0.2, 0.0, 0.4], [0.0, 0.0, 0.0], seed=1)
    assert found.mean_champion == 0.0
    assert found.relative_difference is None
    assert found.lower is None
    assert found.upper is None
    assert found.power is None
    assert 0 <= found.difference_lower <= found.difference_upper


def test_a_champion_with_one_hit_has_no_trustworthy_bound():
    champion = np.zeros(50)
    champion[0] = 1.0
    challenger = np.full(50, 0.5)
    found = paired_relative_difference(challenger, champion, seed=1)
    assert found.relative_difference == pytest.approx(24)
    assert found.lower is None
    assert found.power is None
    assert found.difference_lower > 0


@pytest.mark.parametrize(("n_users", "mean"), [(0, None), (1, 0.5)])
def test_too_few_users_to_compare(n_users, mean):
    values = [0.5] * n_users
    found = paired_relative_difference(values, values, seed=1)
    assert found.n_users == n_users
    assert found.mean_champion == mean
    assert found.lower is None
    assert found.difference_lower is None
    assert found.power is None


def test_pooling_makes_each_user_one_draw():
    users, means = pool_by_user([5, 1, 5, 5], [0.0, 0.2, 1.0, 0.5])
    assert users.tolist() == [1, 5]
    assert means.tolist() == [0.2, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([0.1, float("nan")], seed=1), "1 numbers that are not finite of 2"),
        (lambda: mean_interval([0.1], seed=1, n_samples=10), "n_samples 10"),
        (lambda: mean_interval([0.1], seed=1, level=1.0), "level 1.0"),
        (lambda: paired_relative_difference([0.1], [0.1, 0.2], seed=1), "same users"),
        (lambda: paired_relative_difference([np.inf], [0.1], seed=1), "challenger hold 1"),
        (lambda: paired_relative_difference([0.1], [-0.1], seed=1), "below 0"),
        (lambda: paired_relative_difference([0.1], [0.1], seed=1, margin=-1), "margin -1"),
        (
            lambda: paired_relative_difference([0.1], [0.1], seed=1, margin=float("nan")),
            "margin nan",
        ),
        (lambda: pool_by_user([1, 2], [0.1]), "2 users came with 1 values"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
