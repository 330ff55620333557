"""The matrix that models are fitted on, checked and brought to one form."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import InputError


def checked_preferences(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Returns the matrix as canonical CSR: float32, sorted, no duplicates, no stored zeros.

    Args:
        matrix: (n_users, n_items) preference weights, 0 or more; left as it is.

    Raises:
        InputError: a weight is negative or not finite.
    """
    checked = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
    bad = np.count_nonzero(~(np.isfinite(checked.data) & (checked.data >= 0)))
    if bad:
        raise InputError(
            f"{bad} of {checked.nnz} preference weights are negative or not finite; "
            "keep dislikes out of the matrix and look at how weights are computed"
        )
    checked.sum_duplicates()
    checked.eliminate_zeros()
    checked.sort_indices()
    return checked


def scaled_preferences(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Returns `checked_preferences` divided by its mean weight, so that settings need no scale."""
    scaled = checked_preferences(matrix)
    if scaled.nnz:
        scaled.data /= np.float32(scaled.data.mean(dtype=np.float64))
    return scaled


def column_counts(matrix: sp.csr_matrix) -> NDArray[np.int64]:
    """Returns how many users each item has, (n_items,)."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def without_empty_rows(matrix: sp.csr_matrix) -> NDArray[np.int64]:
    """Returns the numbers of the rows that hold something, ascending."""
    return np.flatnonzero(np.diff(matrix.indptr))


def heaviest(matrix: sp.csr_matrix, limit: int) -> sp.csr_matrix:
    """Returns the matrix with at most `limit` entries a row: the heaviest, ties by item number.

    Args:
        matrix: canonical CSR.
        limit: entries kept in a row.
    """
    length = np.diff(matrix.indptr)
    if not len(length) or length.max() <= limit:
        return matrix
    row = np.repeat(np.arange(matrix.shape[0]), length)
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], length)
    keep = np.sort(order[place < limit])
    indptr = np.concatenate([[0], np.cumsum(np.minimum(length, limit))])
    return sp.csr_matrix((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)
