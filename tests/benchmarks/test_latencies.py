"""The histogram against numpy's exact quantiles, and at its edges."""

import json
import math

import numpy as np
import pytest

from benchmarks.latencies import Latencies


def recorded(values):
    made = Latencies()
    for value in values:
        made.add(value)
    return made


@pytest.mark.parametrize("percent", [0, 1, 50, 90, 99, 99.9, 100])
def test_percentiles_are_right_to_a_thousandth(percent):
    values = np.random.default_rng(3).lognormal(-6, 2, 20_000)
    exact = np.quantile(values, percent / 100, method="inverted_cdf")
    found = recorded(values).percentile(percent)
    assert exact <= found <= exact * (1 + 1 / 1024) + 1e-6


def test_whole_microseconds_are_exact_up_to_two_milliseconds():
    made = recorded(number / 1e6 for number in range(1, 2001))
    assert [made.percentile(p) for p in (50, 90, 100)] == [0.001, 0.0018, 0.002]
    assert len(made) == 2000


def test_extremes_are_kept():
    made = recorded([0.0, 3e-7, 5.0, 1e6])
    assert (len(made), made.longest) == (4, 1e6)
    assert made.percentile(25) == 0
    assert made.percentile(50) == 1e-6
    assert made.percentile(75) == pytest.approx(5, rel=1e-3)


def test_without_latencies_there_is_no_percentile():
    empty = Latencies()
    assert (len(empty), empty.longest) == (0, 0)
    assert math.isnan(empty.percentile(99))


def test_two_halves_make_the_whole_also_by_way_of_json():
    values = np.random.default_rng(4).exponential(0.01, 9_001)
    whole, halves = recorded(values), recorded(values[:5000])
    told = json.loads(json.dumps(recorded(values[5000:]).to_json()))
    halves.merge(Latencies.from_json(told))
    assert halves.to_json() == whole.to_json()
    assert halves.summary() == whole.summary()
