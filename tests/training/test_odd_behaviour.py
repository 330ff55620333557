"""Histories that no one should have, given to every source: finite, valid lists come out."""

import numpy as np
import pytest
import scipy.sparse as sp

from core.model_settings import AlsSettings, NeighboursSettings, TwoTowerSettings
from training.als import fit_als
from training.neighbours import fit_neighbours
from training.topk import topk, topk_sparse
from training.two_tower import fit_two_tower

N_USERS, N_ITEMS = 30, 20


def some(source, share=0.2):
    return (source.random((N_USERS, N_ITEMS)) < share).astype(np.float32)


def everything(source):
    matrix = some(source)
    matrix[4] = 1
    return matrix


def huge_weight(source):
    matrix = some(source)
    matrix[4, 7] = 1e6
    return matrix


def all_on_one_item(source):
    matrix = some(source, 0.01)
    matrix[:, 3] = 1
    return matrix


HISTORIES = {
    "a user who touched every item": everything,
    "a weight of a million": huge_weight,
    "nearly all on one item": all_on_one_item,
    "users with one event": lambda source: np.eye(N_USERS, N_ITEMS, dtype=np.float32),
    "users all alike": lambda source: np.tile([1, 1, 0, 1, 0] * 4, (N_USERS, 1)).astype(np.float32),
    "nothing at all": lambda source: np.zeros((N_USERS, N_ITEMS), dtype=np.float32),
    "mostly empty": lambda source: some(source, 0.01),
}


def als_lists(matrix):
    model = fit_als(matrix, AlsSettings(embedding_size=8, epochs=5), seed=1)
    return topk(model.user_factors, model.item_factors, 5, seen=matrix)


def ease_lists(matrix):
    model = fit_neighbours(matrix, NeighboursSettings(regularization=1.0))
    return topk_sparse(matrix, model.weights, 5, seen=matrix)


def cooccurrence_lists(matrix):
    model = fit_neighbours(matrix, NeighboursSettings(ease_max_items=0, max_history=10))
    return topk_sparse(matrix, model.weights, 5, seen=matrix)


def tower_lists(matrix):
    settings = TwoTowerSettings(embedding_size=8, epochs=3)
    model = fit_two_tower(matrix, None, None, settings, seed=1, n_threads=1)
    return topk(model.user_vectors(matrix), model.item_vectors, 5, seen=matrix)


@pytest.mark.parametrize("lists", [als_lists, ease_lists, cooccurrence_lists, tower_lists])
@pytest.mark.parametrize("name", HISTORIES)
def test_lists_are_finite_unseen_and_without_repeats(lists, name):
    matrix = sp.csr_matrix(HISTORIES[name](np.random.default_rng(0)))
    items, scores = lists(matrix)
    filled = items >= 0
    assert np.isfinite(scores[filled]).all()
    assert not (filled[:, 1:] & ~filled[:, :-1]).any()  # padding only at the end
    assert (scores[:, 1:] <= scores[:, :-1]).all()
    seen = matrix.toarray() > 0
    row = np.nonzero(filled)[0]
    assert not seen[row, items[filled]].any()
    for one in items:
        assert len(set(one[one >= 0])) == np.count_nonzero(one >= 0)
