import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import InputError
from training.preferences import (
    checked_preferences,
    column_counts,
    heaviest,
    scaled_preferences,
    without_empty_rows,
)


def test_checked_is_canonical_and_leaves_its_input():
    parts = (np.array([1.0, 2.0, 0.0, 3.0]), np.array([2, 0, 1, 2]), np.array([0, 4, 4]))
    given = sp.csr_matrix(parts, shape=(2, 3))
    checked = checked_preferences(given)
    assert checked.dtype == np.float32
    assert checked.indices.tolist() == [0, 2]
    assert checked.data.tolist() == [2.0, 4.0]
    assert given.data.tolist() == [1.0, 2.0, 0.0, 3.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_bad_weights_are_counted_and_refused(bad):
    with pytest.raises(InputError, match="1 of 2 preference weights are negative or not finite"):
        checked_preferences(sp.csr_matrix(np.array([[1.0, bad]])))


def test_scaling_takes_the_unit_away():
    matrix = sp.csr_matrix(np.array([[1.0, 0.0], [2.0, 3.0]]))
    assert scaled_preferences(matrix).toarray().tolist() == [[0.5, 0.0], [1.0, 1.5]]
    assert scaled_preferences(matrix * 1000).toarray().tolist() == [[0.5, 0.0], [1.0, 1.5]]
    assert scaled_preferences(sp.csr_matrix((2, 2))).nnz == 0


def test_counts_and_filled_rows():
    matrix = sp.csr_matrix(np.array([[5, 1, 0], [0, 0, 0], [1, 0, 0]]))
    assert column_counts(matrix).tolist() == [2, 1, 0]
    assert without_empty_rows(matrix).tolist() == [0, 2]


def test_heaviest_keeps_the_heaviest_and_the_lower_number_of_a_tie():
    matrix = sp.csr_matrix(np.array([[1, 3, 2, 3], [0, 1, 0, 0], [2, 2, 2, 2]], dtype=np.float32))
    assert heaviest(matrix, 2).toarray().tolist() == [[0, 3, 0, 3], [0, 1, 0, 0], [2, 2, 0, 0]]
    assert heaviest(matrix, 4) is matrix
