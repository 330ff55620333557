import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import TrainingDiverged
from training.ease import ease_rows


def histories(n_users, n_items, seed=0):
    source = np.random.default_rng(seed)
    weights = source.integers(0, 3, (n_users, n_items)) * source.random((n_users, n_items))
    return sp.csr_matrix(weights.astype(np.float32))


def closed_form(matrix, ridge):
    """Steck (2019), equation (8), with a plain inverse in float64."""
    dense = matrix.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + ridge * np.eye(dense.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


@pytest.mark.parametrize("n_users", [15, 90], ids=["by users", "by items"])
def test_weights_are_the_closed_form(n_users, monkeypatch):
    monkeypatch.setattr("training.ease._BLOCK", 7)  # several blocks, the last one short
    matrix = histories(n_users, 40)
    weights = np.concatenate(list(ease_rows(matrix, 2.5)))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, closed_form(matrix, 2.5), atol=2e-6)


def test_no_item_gives_no_block():
    assert list(ease_rows(sp.csr_matrix((4, 0), dtype=np.float32), 1.0)) == []


def test_a_matrix_that_cannot_be_inverted_is_named():
    same = sp.csr_matrix(np.ones((4, 4), dtype=np.float32))
    with pytest.raises(TrainingDiverged, match="4 items has no Cholesky factor"):
        list(ease_rows(same, 0.0))
