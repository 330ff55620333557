"""Vectors in forms that other teams read: safetensors, and a FAISS index."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from core.errors import IntegrityError, TrainingDiverged
from training.fitted import Floats


def save_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes named arrays as one safetensors file; equal arrays give equal bytes."""
    path.write_bytes(save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Reads what `save_arrays` wrote; raises IntegrityError where the file is damaged."""
    try:
        arrays: dict[str, NDArray[Any]] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise IntegrityError(
            f"{path} cannot be read ({error}); materialise `embeddings` again"
        ) from error
    return arrays


def write_index(vectors: Floats, path: Path) -> None:
    """Writes an exact inner-product index of the vectors, (n, D) float32, in their order.

    Raises:
        TrainingDiverged: a vector is not finite, so that no search could be trusted.
    """
    import faiss  # heavy

    if not np.isfinite(vectors).all():
        raise TrainingDiverged("a vector to be indexed is not finite; fit its model again")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    faiss.write_index(index, str(path))
