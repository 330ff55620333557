import doctest

import numpy as np
import pytest

import training.slices
from core.errors import InputError
from training.held_out import HeldOut
from training.metrics import UserMetrics, user_metrics
from training.slices import SliceMean, history_slices, slice_means, tail_items


def test_doctests_hold():
    assert doctest.testmod(training.slices).failed == 0


def test_every_slice_and_metric_has_its_row():
    metrics = UserMetrics(
        np.array([0, 1, 3]),
        {"recall@10": np.array([1.0, 0.0, 0.5]), "mrr@10": np.array([1.0, 0.0, 0.25])},
    )
    slices = {
        "all": np.ones(4, dtype=bool),
        "heavy": np.array([False, False, True, True]),
        "none": np.zeros(4, dtype=bool),
    }
    assert slice_means(metrics, slices) == (
        SliceMean("all", "recall@10", 3, 0.5),
        SliceMean("all", "mrr@10", 3, 1.25 / 3),
        SliceMean("heavy", "recall@10", 1, 0.5),
        SliceMean("heavy", "mrr@10", 1, 0.25),
        SliceMean("none", "recall@10", 0, None),
        SliceMean("none", "mrr@10", 0, None),
    )


def test_disjoint_slices_add_up_to_the_whole():
    source = np.random.default_rng(2)
    metrics = UserMetrics(np.arange(50), {"ndcg@10": source.random(50)})
    rows = slice_means(metrics, history_slices(source.integers(0, 200, 50)))
    assert sum(row.n_users for row in rows) == 50
    total = sum(row.mean * row.n_users for row in rows if row.mean is not None)
    assert total == pytest.approx(float(metrics.values["ndcg@10"].sum()), abs=1e-9)


@pytest.mark.parametrize("mask", [np.array([1, 1]), np.array([True])])
def test_a_mask_of_another_kind_is_refused(mask):
    metrics = UserMetrics(np.array([0, 1]), {"mrr@10": np.array([1.0, 0.0])})
    with pytest.raises(InputError, match="slice 'odd'"):
        slice_means(metrics, {"odd": mask})


def test_the_head_is_the_smallest_set_with_its_share_and_ties_go_by_item():
    popularity = np.array([2, 3, 3, 2, 0])
    assert tail_items(popularity, head_share=0.3).tolist() == [True, False, True, True, True]
    assert tail_items(popularity, head_share=0.5).tolist() == [True, False, False, True, True]
    assert tail_items(popularity, head_share=1.0).tolist() == [False, False, False, False, True]
    assert tail_items(np.zeros(2, dtype=np.int64)).tolist() == [True, True]


def test_tail_truth_is_measured_against_whole_lists():
    truth = HeldOut.from_pairs([0, 0, 1], [0, 3, 0], n_users=2, n_items=4)
    ranked = np.array([[0, 3], [0, 3]])
    tail = user_metrics(ranked, truth.only(tail_items(np.array([9, 1, 1, 1]))), cutoffs=(10,))
    assert tail.user_rows.tolist() == [0]
    assert tail.values["mrr@10"].tolist() == [0.5]
