"""A fitted two-tower network as arrays: scoring and storing need no torch.

Shapes: U users, I items, F content features, P preference tokens, D embedding size.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import InputError
from training.fitted import Arrays, Floats

_BLOCK = 4096
PARAMETERS = ("item_ids", "input_ids", "item_content", "input_content", "preferences")
"""What training changes: (I, D), (I, D), (F, D), (F, D), (P, D)."""


@dataclass(frozen=True, eq=False)
class TwoTowerModel:
    """A fitted network as arrays; scoring needs no torch.

    Attributes:
        item_vectors: (I, D) float32 of norm 1, or 0 for an item with neither event nor content.
        history_vectors: (I, D) float32 what a history item adds to its user, a unit of weight.
        parameters: the raw `PARAMETERS`, from which a later fit may start.
    """

    kind: ClassVar[str] = "two_tower"

    item_vectors: Floats
    history_vectors: Floats
    parameters: dict[str, Floats]

    def user_vectors(
        self, matrix: sp.csr_matrix, preferences: sp.csr_matrix | None = None
    ) -> Floats:
        """Returns the users' vectors, (U, D) float32 of norm 1, or 0 where nothing is known.

        Args:
            matrix: (U, I) preference weights of any users, fitted on or not.
            preferences: (U, P) stated preferences, multi-hot; none by default.

        Raises:
            InputError: shapes do not fit the model.
        """
        stated = self.parameters["preferences"]
        if matrix.shape[1] != len(self.history_vectors):
            raise InputError(
                f"histories have {matrix.shape[1]} items, the model {len(self.history_vectors)}; "
                "take both from one numbering"
            )
        if preferences is not None and preferences.shape != (matrix.shape[0], len(stated)):
            raise InputError(
                f"preferences have shape {preferences.shape}, expected "
                f"{(matrix.shape[0], len(stated))}; use the tokens that the model was fitted on"
            )
        vectors = np.zeros((matrix.shape[0], stated.shape[1]), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK):
            rows = slice(start, start + _BLOCK)
            summed = normalised(matrix[rows] @ self.history_vectors)
            if preferences is not None:
                summed = normalised(summed + preferences[rows] @ stated)
            vectors[rows] = summed
        return vectors

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns vectors and parameters by name."""
        return {
            "item_vectors": self.item_vectors,
            "history_vectors": self.history_vectors,
            **{f"parameters.{name}": array for name, array in self.parameters.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Returns the model of these arrays."""
        parameters = {name: arrays[f"parameters.{name}"] for name in PARAMETERS}
        return cls(arrays["item_vectors"], arrays["history_vectors"], parameters)


def normalised(rows: Floats) -> Floats:
    """Returns rows of L2 norm 1; zero rows stay zero.

    >>> normalised(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 0)
    return unit
