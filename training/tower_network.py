"""The two towers as a torch module; training only, scoring is NumPy's.

Shapes: B rows of a step, I items, F content features, P preference tokens, D embedding size.
"""

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from training.fitted import Floats
from training.tower_model import PARAMETERS

_FIRST_SCALE = 0.1
_WARM_SCALE = 0.25
"""What earlier weights are multiplied by. It leaves cosines as they are but makes Adam's steps,
which do not shrink along, turn vectors further: refits from unshrunk weights ranked worse than cold
ones (Ash and Adams, "On Warm-Starting Neural Network Training", 2020)."""


class Towers(nn.Module):
    """Embedding tables of both towers, and how vectors are made of them.

    Args:
        sizes: I, F, P and D.
        trained: (I,) items with an interaction; the others' id rows are zero and stay so.
        seed: of the first weights.
        sparse: whether gradients of the id tables name only the rows touched.
        warm_start: parameters by name to start from instead.
    """

    def __init__(
        self,
        sizes: tuple[int, int, int, int],
        trained: NDArray[np.bool_],
        *,
        seed: int,
        sparse: bool,
        warm_start: dict[str, Floats] | None,
    ) -> None:
        super().__init__()
        n_items, n_features, n_tokens, size = sizes
        rng = np.random.default_rng(seed)
        shapes = dict(
            zip(PARAMETERS, (n_items, n_items, n_features, n_features, n_tokens), strict=True)
        )
        for name, n_rows in shapes.items():
            table = rng.standard_normal((n_rows, size), dtype=np.float32) * np.float32(_FIRST_SCALE)
            if warm_start is not None:
                table = self._continued(table, warm_start[name], trained)
            elif name in ("input_content", "preferences"):
                table[:] = 0  # history and ids come first
            if name in ("item_ids", "input_ids"):
                table[~trained] = 0
            self.register_parameter(name, nn.Parameter(torch.from_numpy(table)))
        self._sparse = sparse

    @staticmethod
    def _continued(fresh: Floats, earlier: Floats, trained: NDArray[np.bool_]) -> Floats:
        """Returns the earlier table, shrunk; ids that had no interaction then begin afresh."""
        table = earlier * np.float32(_WARM_SCALE)
        if len(table) == len(trained):
            new = trained & ~table.any(axis=1)
            table[new] = fresh[new]
        return table

    def users(
        self, history: sp.csr_matrix, content: sp.csr_matrix, preferences: sp.csr_matrix
    ) -> Tensor:
        """Returns user vectors, (B, D).

        Args:
            history: (B, I) scaled weights of what the tower reads.
            content: (B, F) the history's content, `history @ item content`.
            preferences: (B, P) stated preferences.
        """
        summed = self._bag(history, "input_ids", self._sparse)
        if content.shape[1]:
            summed = summed + self._bag(content, "input_content", False)
        summed = F.normalize(summed, dim=1)
        if preferences.shape[1]:
            summed = F.normalize(summed + self._bag(preferences, "preferences", False), dim=1)
        return summed

    def items(self, items: Tensor, content: sp.csr_matrix, with_id: Tensor | None) -> Tensor:
        """Returns item vectors, (B, D).

        Args:
            items: (B,) item numbers.
            content: (B, F) their content features.
            with_id: (B,) float 1 where the id counts, 0 where it is dropped; None: all count.
        """
        summed = F.embedding(items, self.get_parameter("item_ids"), sparse=self._sparse)
        if with_id is not None:
            summed = summed * with_id[:, None]
        if content.shape[1]:
            summed = summed + self._bag(content, "item_content", False)
        return F.normalize(summed, dim=1)

    def _bag(self, rows: sp.csr_matrix, name: str, sparse: bool) -> Tensor:
        table = self.get_parameter(name)
        return F.embedding_bag(
            torch.from_numpy(rows.indices.astype(np.int64)).to(table.device),
            table,
            torch.from_numpy(rows.indptr.astype(np.int64)).to(table.device),
            mode="sum",
            per_sample_weights=torch.from_numpy(rows.data).to(table.device),
            include_last_offset=True,
            sparse=sparse,
        )

    def tables(self) -> dict[str, Floats]:
        """Returns copies of all parameters by name."""
        return {name: self.get_parameter(name).detach().cpu().numpy().copy() for name in PARAMETERS}


def optimizers(towers: Towers, learning_rate: float, sparse: bool) -> list[torch.optim.Optimizer]:
    """Returns Adam for all tables, or lazy Adam for the id tables and Adam for the others."""
    ids = [towers.get_parameter(name) for name in ("item_ids", "input_ids")]
    rest = [towers.get_parameter(name) for name in ("item_content", "input_content", "preferences")]
    rest = [table for table in rest if table.numel()]
    if not sparse:
        return [torch.optim.Adam([*ids, *rest], lr=learning_rate, fused=True)]
    chosen: list[torch.optim.Optimizer] = [torch.optim.SparseAdam(ids, lr=learning_rate)]
    if rest:
        chosen.append(torch.optim.Adam(rest, lr=learning_rate, fused=True))
    return chosen
