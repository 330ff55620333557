import doctest

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import training.held_out
from core.errors import InputError
from training.held_out import HeldOut


def test_doctests_hold():
    assert doctest.testmod(training.held_out).failed == 0


def test_pairs_in_any_order_give_sorted_distinct_rows():
    truth = HeldOut.from_pairs([1, 0, 1, 1], [5, 2, 3, 5], n_users=3, n_items=6)
    assert truth.indptr.tolist() == [0, 1, 3, 3]
    assert truth.indices.tolist() == [2, 3, 5]
    assert truth.n_per_user.tolist() == [1, 2, 0]


def test_csr_entries_of_zero_or_below_are_not_held_out():
    matrix = csr_matrix(
        (np.array([1.0, 0.0, -2.0, 3.0]), (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]))),
        shape=(2, 3),
    )
    truth = HeldOut.from_csr(matrix)
    assert truth.indptr.tolist() == [0, 1, 2]
    assert truth.indices.tolist() == [0, 2]


def test_item_mask_keeps_rows_and_drops_items():
    truth = HeldOut.from_pairs([0, 0, 2], [0, 2, 1], n_users=3, n_items=3)
    tail = truth.only(np.array([False, True, True]))
    assert tail.n_per_user.tolist() == [1, 0, 1]
    assert tail.indices.tolist() == [2, 1]


def test_no_users_and_no_items_are_allowed():
    truth = HeldOut.from_pairs([], [], n_users=0, n_items=0)
    assert truth.n_users == 0
    assert truth.n_per_user.size == 0


@pytest.mark.parametrize(
    ("rows", "items", "message"),
    [
        ([0, 1], [0], "2 user rows came with 1 item nums"),
        ([2], [0], r"user row 2 lies outside \[0, 2\)"),
        ([0], [-1], r"item num -1 lies outside \[0, 3\)"),
        ([0], [3], r"item num 3 lies outside \[0, 3\)"),
    ],
)
def test_bad_pairs_are_named(rows, items, message):
    with pytest.raises(InputError, match=message):
        HeldOut.from_pairs(rows, items, n_users=2, n_items=3)


@pytest.mark.parametrize("mask", [np.array([1, 0, 1]), np.array([True, False])])
def test_item_mask_of_another_kind_is_refused(mask):
    truth = HeldOut.from_pairs([0], [0], n_users=1, n_items=3)
    with pytest.raises(InputError, match="item mask"):
        truth.only(mask)
