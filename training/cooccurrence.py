"""Normalised item co-occurrence, by blocks of items.

weight(h → i) = Σ_u x_uh x_ui / |u|^a, divided by (n_h + s)^b (n_i + s)^c, where |u| is the user's
number of items, n the items' users and s the shrinkage. a = 1, b = c = ½ and s = 0 is the linear
graph filter of Shen et al., "How Powerful is Graph Convolution for Recommendation?" (2021).

Shapes: U users, n items, B rows of a block.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from core.model_settings import NeighboursSettings
from training.fitted import Floats
from training.preferences import column_counts

_BLOCK_CELLS = 1 << 24  # 64 MiB of float32


def cooccurrence_rows(histories: sp.csr_matrix, settings: NeighboursSettings) -> Iterator[Floats]:
    """Yields the item-to-item weights by blocks of history items, (B, n) float32 each.

    Args:
        histories: (U, n) preferences of items that have one.
        settings: exponents and shrinkage.
    """
    n_items = histories.shape[1]
    length = np.maximum(np.diff(histories.indptr), 1).astype(np.float32)
    popularity = (column_counts(histories) + settings.shrinkage).astype(np.float32)
    damped = sp.csr_matrix(sp.diags_array(length**-settings.user_exponent) @ histories)
    targets = sp.csr_matrix(damped @ sp.diags_array(popularity**-settings.target_exponent))
    by_item = sp.csr_matrix((histories @ sp.diags_array(popularity**-settings.source_exponent)).T)
    step = max(1, _BLOCK_CELLS // n_items)
    for start in range(0, n_items, step):
        block = (by_item[start : start + step] @ targets).toarray().astype(np.float32, copy=False)
        rows = np.arange(len(block))
        block[rows, start + rows] = 0
        yield block
