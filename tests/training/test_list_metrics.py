"""Whole-list metrics against a second implementation in plain Python, and by hand."""

import doctest
import itertools
import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import training.list_metrics
from core.errors import InputError
from training.list_metrics import (
    coverage,
    diversity,
    exposure,
    gini,
    list_metrics,
    novelty,
)


def plain_lists(ranked):
    return [list(dict.fromkeys(item for item in row if item >= 0)) for row in ranked.tolist()]


def plain_gini(counts):
    """Half the mean absolute difference over the mean: the definition, quadratic."""
    n, mean = len(counts), sum(counts) / len(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * n * mean)


def plain_cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def plain_diversity(lists, features):
    values = []
    for items in lists:
        known = [features[item] for item in items if any(features[item])]
        pairs = list(itertools.combinations(known, 2))
        if pairs:
            values.append(1 - sum(plain_cosine(a, b) for a, b in pairs) / len(pairs))
    return sum(values) / len(values) if values else None


@pytest.fixture(params=range(8))
def case(request):
    source = np.random.default_rng(request.param)
    n_items = int(source.integers(3, 30))
    ranked = source.integers(-1, n_items, size=(int(source.integers(1, 12)), 6)).astype(np.int32)
    popularity = source.integers(0, 40, size=n_items)
    features = (source.random((n_items, 4)) < 0.4).astype(np.int8)
    return ranked, popularity, features


def test_doctests_hold():
    assert doctest.testmod(training.list_metrics).failed == 0


def test_agrees_with_plain_python(case, monkeypatch):
    monkeypatch.setattr(training.list_metrics, "_BLOCK_ROWS", 5)
    ranked, popularity, features = case
    lists = plain_lists(ranked)
    counts = [sum(item in items for items in lists) for item in range(popularity.size)]
    bits = [-math.log2((n + 1) / 41) for n in popularity.tolist()]
    novelties = [sum(bits[item] for item in items) / len(items) for items in lists if items]
    found = list_metrics(
        ranked, cutoff=6, popularity=popularity, n_users=40, item_features=csr_matrix(features)
    )
    assert exposure(ranked, n_items=popularity.size).tolist() == counts
    expected = {
        "coverage@6": sum(n > 0 for n in counts) / len(counts),
        "gini@6": plain_gini(counts),
        "novelty@6": sum(novelties) / len(novelties),
        "diversity@6": plain_diversity(lists, features.tolist()),
    }
    assert found == pytest.approx(expected, abs=1e-9)


def test_only_the_first_places_are_measured():
    found = list_metrics(
        np.array([[0, 1], [0, 2]]),
        cutoff=1,
        popularity=np.array([1, 1, 1]),
        n_users=1,
        item_features=csr_matrix(np.eye(3)),
    )
    assert found == {
        "coverage@1": 1 / 3,
        "gini@1": 2 / 3,
        "novelty@1": 0.0,
        "diversity@1": None,
    }


def test_nothing_to_measure_is_none_and_not_a_number():
    empty = np.full((2, 3), -1, dtype=np.int32)
    shown = exposure(empty, n_items=4)
    assert coverage(shown) == 0.0
    assert gini(shown) is None
    assert novelty(empty, np.array([1, 1, 1, 1]), n_users=2) is None
    assert diversity(empty, csr_matrix(np.eye(4))) is None
    assert coverage(np.array([], dtype=np.int64)) is None


def test_equal_exposure_has_gini_zero_and_all_on_one_nears_one():
    assert gini(np.full(7, 5)) == 0.0
    assert gini(np.array([0] * 99 + [12])) == pytest.approx(0.99)


def test_items_without_features_make_no_list_diverse():
    features = csr_matrix(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]))
    assert diversity(np.array([[0, 1, 2], [0, 2, -1]]), features) == pytest.approx(0.0, abs=1e-12)


def test_unlike_ids_are_refused():
    with pytest.raises(InputError, match="item num 9, the catalogue has 4"):
        exposure(np.array([[9]]), n_items=4)
