import numpy as np
import pytest
import scipy.sparse as sp

from core.model_settings import NeighboursSettings
from training.cooccurrence import cooccurrence_rows

MATRIX = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 2], [1, 1, 1]], dtype=np.float32))


def weights(**settings):
    return np.concatenate(list(cooccurrence_rows(MATRIX, NeighboursSettings(**settings))))


def test_plain_counts_without_exponents():
    plain = weights(user_exponent=0, source_exponent=0, target_exponent=0, shrinkage=0)
    assert plain.tolist() == [[0, 2, 3], [2, 0, 1], [3, 1, 0]]


def test_each_exponent_divides_its_side_out():
    found = weights(user_exponent=1, source_exponent=0.5, target_exponent=2, shrinkage=1)
    # from item 0 (3 users) to item 2 (2 users): users 1 and 2 with 2 and 3 items
    assert found[0, 2] == pytest.approx((1 * 2 / 2 + 1 * 1 / 3) / 4**0.5 / 3**2)
    assert found[2, 0] == pytest.approx((1 * 2 / 2 + 1 * 1 / 3) / 3**0.5 / 4**2)


def test_blocks_change_nothing(monkeypatch):
    whole = weights()
    monkeypatch.setattr("training.cooccurrence._BLOCK_CELLS", 3)
    assert weights().tolist() == whole.tolist()
