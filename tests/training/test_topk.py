import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import InputError, TrainingDiverged
from training.topk import topk, topk_scores, topk_sparse


def brute_force(scores, k, seen, allowed):
    """Sorts every row by score descending, then item number; plain Python."""
    rows = []
    for row, gone in zip(scores.tolist(), seen.toarray().astype(bool), strict=True):
        open_items = [i for i in range(len(row)) if allowed[i] and not gone[i]]
        best = sorted(open_items, key=lambda i: (-row[i], i))[:k]
        rows.append(best + [-1] * (k - len(best)))
    return rows


def whole_vectors(source, n, size=3):
    """Small whole numbers: products are exact, and ties are many."""
    return source.integers(-2, 3, (n, size)).astype(np.float32)


@pytest.mark.parametrize("n_items", [1, 4, 11, 300, 2500])
@pytest.mark.parametrize("k", [1, 10])
def test_it_agrees_with_brute_force_and_breaks_ties_by_number(n_items, k):
    source = np.random.default_rng(n_items + k)
    users, items = whole_vectors(source, 20), whole_vectors(source, n_items)
    users[3] = 0  # every item ties
    seen = sp.csr_matrix(source.random((20, n_items)) < 0.2)
    allowed = source.random(n_items) < 0.7
    found, scores = topk(users, items, k, seen=seen, allowed=allowed, block_size=7)
    assert found.tolist() == brute_force(users @ items.T, k, seen, allowed)
    filled = found >= 0
    exact = np.take_along_axis(users @ items.T, np.maximum(found, 0), axis=1)
    np.testing.assert_array_equal(scores[filled], exact[filled])
    assert np.isneginf(scores[~filled]).all()
    assert (found.dtype, scores.dtype) == (np.int32, np.float32)


def test_a_shorter_list_is_a_prefix_of_a_longer_one():
    source = np.random.default_rng(5)
    users = source.standard_normal((30, 8)).astype(np.float32)
    items = source.standard_normal((3000, 8)).astype(np.float32)
    long, _ = topk(users, items, 50)
    short, _ = topk(users, items, 10)
    assert short.tolist() == long[:, :10].tolist()


def test_the_block_size_changes_nothing():
    source = np.random.default_rng(6)
    users, items = whole_vectors(source, 33), whole_vectors(source, 700)
    lists = [topk(users, items, 9, block_size=size)[0].tolist() for size in (1, 5, 33, 100, None)]
    assert all(other == lists[0] for other in lists)


def test_renumbered_items_come_back_renumbered():
    source = np.random.default_rng(7)
    users = source.standard_normal((10, 6)).astype(np.float32)
    items = source.standard_normal((400, 6)).astype(np.float32)
    order = source.permutation(400)
    plain, _ = topk(users, items, 8)
    renumbered, _ = topk(users, items[order], 8)
    assert order[renumbered].tolist() == plain.tolist()


def test_nothing_left_gives_an_empty_list():
    vectors = np.ones((2, 1), dtype=np.float32)
    seen = sp.csr_matrix(np.array([[1, 1], [0, 1]]))
    assert topk(vectors, vectors, 2, seen=seen)[0].tolist() == [[-1, -1], [0, -1]]
    closed, _ = topk(vectors, vectors, 2, allowed=np.zeros(2, dtype=bool))
    assert closed.tolist() == [[-1, -1], [-1, -1]]


def test_no_users_and_no_items():
    nobody, nothing = np.ones((0, 3), dtype=np.float32), np.ones((0, 3), dtype=np.float32)
    assert topk(nobody, np.ones((4, 3), dtype=np.float32), 2)[0].shape == (0, 2)
    assert topk(np.ones((2, 3), dtype=np.float32), nothing, 2)[0].tolist() == [[-1, -1]] * 2


def test_a_stored_zero_in_seen_still_counts_as_seen():
    seen = sp.csr_matrix((np.array([0.0]), np.array([1]), np.array([0, 1])), shape=(1, 3))
    items, _ = topk(np.ones((1, 1), np.float32), np.ones((3, 1), np.float32), 3, seen=seen)
    assert items.tolist() == [[0, 2, -1]]


@pytest.mark.parametrize("n_items", [5, 3000])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(n_items, bad):
    vectors = np.ones((n_items, 2), dtype=np.float32)
    vectors[-1, 0] = bad
    with np.errstate(invalid="ignore"), pytest.raises(TrainingDiverged, match="NaN or infinite"):
        topk(np.ones((3, 2), dtype=np.float32), vectors, 2)


def test_shapes_that_do_not_fit_are_refused():
    two, three = np.ones((2, 2), np.float32), np.ones((2, 3), np.float32)
    with pytest.raises(InputError, match="2 dimensions, item vectors 3"):
        topk(two, three, 1)
    with pytest.raises(InputError, match="k is 0"):
        topk(two, two, 0)
    with pytest.raises(InputError, match="seen has shape"):
        topk(two, two, 1, seen=sp.csr_matrix((3, 2)))
    with pytest.raises(InputError, match="allowed has shape"):
        topk(two, two, 1, allowed=np.ones(3, dtype=bool))
    with pytest.raises(InputError, match="histories have 2 items, weights 3 rows"):
        topk_sparse(sp.csr_matrix((1, 2)), sp.csr_matrix((3, 3)), 1)


def test_sparse_scores_leave_out_what_nothing_speaks_for():
    weights = sp.csr_matrix(np.array([[0, 2, 1, -3], [1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]))
    histories = sp.csr_matrix(np.array([[1, 0, 0, 0], [1, 3, 0, 0], [0, 0, 1, 0]]))
    items, scores = topk_sparse(histories, weights, 3, seen=histories, block_size=2)
    # user 1: item 2 gets 1, item 3 gets 3 − 3 = 0 and stays out
    assert items.tolist() == [[1, 2, -1], [2, -1, -1], [-1, -1, -1]]
    assert scores[0].tolist() == [2.0, 1.0, -np.inf]


def test_sparse_scores_that_are_nan_are_refused():
    weights = sp.csr_matrix(np.array([[0, np.nan], [0, 0]], dtype=np.float32))
    with pytest.raises(TrainingDiverged):
        topk_sparse(sp.csr_matrix(np.array([[1.0, 0]])), weights, 1)


def test_a_block_of_scores_is_left_as_it_is():
    scores = np.array([[1.0, -np.inf, 3.0], [2.0, 2.0, 2.0]], dtype=np.float32)
    before = scores.copy()
    items, _ = topk_scores(scores, 2, allowed=np.array([True, True, False]))
    assert items.tolist() == [[0, -1], [0, 1]]
    np.testing.assert_array_equal(scores, before)
