import doctest
import json

import numpy as np
import pytest

from core.errors import CheckFailed
from serving import scores
from serving.scores import decimals_for, json_number, quantise, score_texts


def test_the_examples_hold():
    assert doctest.testmod(scores).failed == 0


@pytest.mark.parametrize("largest", [1e-9, 0.0003, 0.9999, 1.0, 9.9, 12345.0, 3.2e12, 1e300])
def test_a_score_comes_back_to_five_significant_digits(largest):
    decimals = decimals_for(largest)
    given = np.array([largest, -largest, largest / 3, 0.0])
    codes = quantise(given, decimals)
    assert np.abs(codes).max() <= 100_000
    back = np.array([json.loads(json_number(int(code), decimals)) for code in codes])
    assert np.abs(back - given).max() <= max(largest * 1e-4, 0.5e-12)


def test_order_survives():
    values = np.sort(np.random.default_rng(3).normal(0, 2, 1000))
    assert (np.diff(quantise(values, decimals_for(8.0))) >= 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_refused(bad):
    with pytest.raises(CheckFailed):
        decimals_for(abs(bad))
    with pytest.raises(CheckFailed):
        quantise(np.array([1.0, bad]), 4)


def test_texts_are_made_once_and_carry_their_ending():
    texts = score_texts(4, b',"rung":"personal"')
    assert texts[8123] == b'0.8123,"rung":"personal"'
    assert texts[8123] is texts[8123]
