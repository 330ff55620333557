"""How well a two-tower model in training finds positives that it was not shown.

Shapes: U users, I items, P preference tokens, n validation users.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from core.model_settings import TwoTowerSettings
from training.topk import topk
from training.tower_model import TwoTowerModel

_MAX_USERS = 2_000


@dataclass(frozen=True)
class Validation:
    """Users with held-out positives.

    Attributes:
        shown: (n, I) what the model may read, and does not return.
        held: (n, I) what it should find.
        preferences: (n, P) stated preferences.
        k: cut of the metric.
    """

    shown: sp.csr_matrix
    held: sp.csr_matrix
    preferences: sp.csr_matrix
    k: int

    @classmethod
    def of(
        cls,
        kept: sp.csr_matrix,
        held: sp.csr_matrix,
        preferences: sp.csr_matrix,
        settings: TwoTowerSettings,
        rng: np.random.Generator,
    ) -> "Validation":
        """Takes at most 2,000 of the users with held-out positives, drawn at random."""
        users = np.flatnonzero(np.diff(held.indptr))
        if len(users) > _MAX_USERS:
            users = np.sort(rng.choice(users, _MAX_USERS, replace=False))
        return cls(kept[users], held[users], preferences[users], settings.k)

    def ndcg(self, model: TwoTowerModel) -> float:
        """Returns mean NDCG@k, the ideal cut at min(k, held-out positives); 0 without users."""
        n_users, n_items = self.held.shape
        if n_users == 0:
            return 0.0
        users = model.user_vectors(self.shown, self.preferences)
        items, _ = topk(users, model.item_vectors, self.k, seen=self.shown)
        n_held = np.diff(self.held.indptr)
        row = np.arange(n_users, dtype=np.int64)
        wanted = np.repeat(row, n_held) * n_items + self.held.indices
        hit = np.isin(row[:, None] * n_items + items, wanted) & (items >= 0)
        discount = 1 / np.log2(np.arange(self.k) + 2)
        ideal = np.cumsum(discount)[np.minimum(n_held, self.k) - 1]
        return float(np.mean((hit * discount).sum(axis=1) / ideal))
