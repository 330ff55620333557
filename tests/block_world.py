"""Preferences in blocks with a withheld diagonal: what any fitted model must give back.

Each group of users likes every item of its group, but user j of a group has not met item j yet.
"""

import numpy as np
import scipy.sparse as sp

N_GROUPS = 3
SIZE = 12
WITHHELD = np.arange(N_GROUPS * SIZE)  # user_num = item_num of the withheld pair


def block_matrix() -> sp.csr_matrix:
    """Returns the preferences, (36, 36) float32 of ones."""
    blocks = np.kron(np.eye(N_GROUPS), np.ones((SIZE, SIZE)))
    np.fill_diagonal(blocks, 0)
    return sp.csr_matrix(blocks.astype(np.float32))


def block_content() -> sp.csr_matrix:
    """Returns each item's group as its only content feature, (36, 3) float32."""
    return sp.csr_matrix(np.kron(np.eye(N_GROUPS), np.ones((SIZE, 1))).astype(np.float32))
