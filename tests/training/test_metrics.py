"""Ranking metrics against a second implementation in plain Python, and by hand."""

import doctest
import math
import random

import numpy as np
import pytest

import training.metrics
from core.errors import InputError
from training.held_out import HeldOut
from training.metrics import first_occurrences, hits, user_metrics


def plain_metrics(ranked, truth, k):
    """The definitions of the module's docstring, one user at a time, sharing no code with it."""
    gains, seen = [], set()
    for item in ranked[:k]:
        gains.append(1 if item in truth and item not in seen else 0)
        seen.add(item)
    gained = sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
    best = sum(1 / math.log2(place + 2) for place in range(min(k, len(truth))))
    first = next((place for place, gain in enumerate(gains, 1) if gain), None)
    return {
        f"recall@{k}": sum(gains) / len(truth),
        f"precision@{k}": sum(gains) / k,
        f"ndcg@{k}": gained / best,
        f"mrr@{k}": 1 / first if first else 0.0,
    }


def random_case(source):
    """Lists short and long, padded, with repeats; truths empty, small and larger than k."""
    n_items = source.choice([1, 3, 12, 60])
    n_users = source.randint(1, 15)
    width = source.choice([1, 4, 10, 25])
    lists, truths = [], []
    for _ in range(n_users):
        length = source.randint(0, width)
        items = [source.randrange(n_items) for _ in range(length)]
        lists.append(items + [-1] * (width - length))
        truths.append({source.randrange(n_items) for _ in range(source.choice([0, 1, 2, 15, 40]))})
    return np.array(lists, dtype=np.int32), truths, n_items


def held_out(truths, n_items):
    pairs = [(user, item) for user, items in enumerate(truths) for item in items]
    random.Random(len(pairs)).shuffle(pairs)
    return HeldOut.from_pairs(
        [user for user, _ in pairs],
        [item for _, item in pairs],
        n_users=len(truths),
        n_items=n_items,
    )


def test_doctests_hold():
    assert doctest.testmod(training.metrics).failed == 0


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_plain_python(seed):
    ranked, truths, n_items = random_case(random.Random(seed))
    found = user_metrics(ranked, held_out(truths, n_items), cutoffs=(1, 10, 20))
    with_truth = [user for user, items in enumerate(truths) if items]
    assert found.user_rows.tolist() == with_truth
    for k in (1, 10, 20):
        for row, user in enumerate(with_truth):
            expected = plain_metrics(ranked[user].tolist(), truths[user], k)
            for name, value in expected.items():
                assert abs(found.values[name][row] - value) <= 1e-9, (name, user)
                assert 0 <= found.values[name][row] <= 1


def test_blocks_change_nothing(monkeypatch):
    ranked, truths, n_items = random_case(random.Random(3))
    whole = user_metrics(ranked, held_out(truths, n_items))
    monkeypatch.setattr(training.metrics, "_BLOCK_ROWS", 2)
    blocked = user_metrics(ranked, held_out(truths, n_items))
    for name, values in whole.values.items():
        np.testing.assert_array_equal(values, blocked.values[name])


def test_by_hand_with_repeat_short_list_and_empty_truth():
    ranked = np.array([[4, 4, 2, -1], [0, 1, 2, 3], [5, -1, -1, -1], [-1, -1, -1, -1]])
    truth = held_out([{4, 2}, set(), {5}, {0}], n_items=6)
    found = user_metrics(ranked, truth, cutoffs=(10,))
    assert found.user_rows.tolist() == [0, 2, 3]
    assert found.values["recall@10"].tolist() == [1.0, 1.0, 0.0]
    assert found.values["precision@10"].tolist() == [0.2, 0.1, 0.0]
    assert found.values["mrr@10"].tolist() == [1.0, 1.0, 0.0]
    # Hits in places 1 and 3 of an ideal 1 and 2: (1 + 1/2) / (1 + 1/log2 3).
    assert found.values["ndcg@10"].tolist() == pytest.approx([1.5 / (1 + 1 / math.log2(3)), 1, 0])


def test_a_perfect_list_scores_exactly_one():
    truth = held_out([set(range(30))], n_items=30)
    found = user_metrics(np.arange(30)[None, :], truth, cutoffs=(10, 20))
    assert found.values["ndcg@10"][0] == found.values["ndcg@20"][0] == 1.0


def test_nobody_with_truth_gives_no_mean_and_no_nan():
    found = user_metrics(np.zeros((2, 3), dtype=np.int32), held_out([set(), set()], 4))
    assert found.user_rows.size == 0
    assert set(found.means().values()) == {None}


def test_lists_of_width_zero_score_zero():
    found = user_metrics(np.empty((1, 0), dtype=np.int32), held_out([{1}], 2), cutoffs=(10,))
    assert found.means() == {"recall@10": 0.0, "precision@10": 0.0, "ndcg@10": 0.0, "mrr@10": 0.0}


def test_what_stands_below_the_cutoff_changes_nothing():
    source = np.random.default_rng(5)
    ranked = np.argsort(source.random((8, 40)), axis=1)
    truth = held_out([set(source.integers(0, 40, 6).tolist()) for _ in range(8)], 40)
    whole = user_metrics(ranked, truth, cutoffs=(10,))
    cut = user_metrics(ranked[:, :10], truth, cutoffs=(10,))
    for name, values in whole.values.items():
        np.testing.assert_array_equal(values, cut.values[name])


def test_permuting_users_permutes_their_values():
    ranked, truths, n_items = random_case(random.Random(11))
    order = np.random.default_rng(1).permutation(len(truths))
    straight = user_metrics(ranked, held_out(truths, n_items))
    mixed = user_metrics(ranked[order], held_out([truths[row] for row in order], n_items))
    by_user = dict(zip(straight.user_rows.tolist(), straight.values["ndcg@10"], strict=True))
    expected = [by_user[int(order[row])] for row in mixed.user_rows]
    assert mixed.values["ndcg@10"].tolist() == expected


def test_padding_never_hits_the_last_item_of_the_user_before():
    truth = held_out([{2}, {0}], n_items=3)
    assert not hits(np.array([[0], [-1]]), truth).any()


def test_first_occurrences_count_padding_and_items_alike():
    assert first_occurrences(np.array([[7, -1, 7, -1, 8]])).tolist() == [
        [True, True, False, False, True]
    ]


@pytest.mark.parametrize(
    ("ranked", "cutoffs", "message"),
    [
        (np.array([[0]]), (10,), "one row per user"),
        (np.array([[0], [9]]), (10,), "from 0 to 9, the catalogue has 3 items"),
        (np.array([[0], [-2]]), (10,), "from -2 to 0"),
        (np.array([[0], [1]]), (0,), "below 1"),
        (np.array([[0], [1]]), (), "below 1"),
    ],
)
def test_bad_lists_are_named(ranked, cutoffs, message):
    with pytest.raises(InputError, match=message):
        user_metrics(ranked, held_out([{1}, {2}], 3), cutoffs=cutoffs)
