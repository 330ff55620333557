"""What every fitted model can do: become named arrays and come back, as one safetensors file."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from core.errors import IntegrityError, NotFound

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]
Arrays = Mapping[str, NDArray[Any]]
Tracker = Callable[[int, dict[str, float]], None]
"""Receives the number of a finished epoch, from 1, and its metrics by name."""

_FORMAT = 1


class Fitted(Protocol):
    """A fitted model: frozen, of NumPy arrays alone."""

    kind: ClassVar[str]
    """What the model is called in its file."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns everything that the model knows, by name."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Returns the model that `arrays` came from.

        Raises:
            KeyError: an array is missing.
        """
        ...


Model = TypeVar("Model", bound=Fitted)


def save_model(model: Fitted, path: Path) -> None:
    """Writes a model to one safetensors file; equal models give equal bytes.

    Args:
        model: the fitted model.
        path: the file; its folder must exist.
    """
    header = json.dumps({"format": _FORMAT, "kind": model.kind}, sort_keys=True)
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays().items()}
    path.write_bytes(save(arrays, metadata={"daybreak": header}))


def load_model(path: Path, of: type[Model]) -> Model:
    """Reads a model that `save_model` wrote.

    Args:
        path: the file.
        of: the model's class.

    Raises:
        NotFound: there is no such file.
        IntegrityError: the file is torn, or holds another kind of model or an unknown format.
    """
    if not path.is_file():
        raise NotFound(f"model file {path} does not exist; materialise {of.kind!r} first")
    try:
        with safe_open(path, framework="numpy") as stored:
            header = json.loads((stored.metadata() or {}).get("daybreak", "{}"))
            if header != {"format": _FORMAT, "kind": of.kind}:
                raise IntegrityError(
                    f"model file {path} says {header}, not format {_FORMAT} of {of.kind!r}; "
                    "materialise it again"
                )
            return of.from_arrays({name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118  # a safe_open is no dict: iterating it fails
    except (SafetensorError, KeyError, ValueError) as error:
        raise IntegrityError(
            f"model file {path} cannot be read ({error}); materialise {of.kind!r} again"
        ) from error


def csr_arrays(name: str, matrix: sp.csr_matrix) -> dict[str, NDArray[Any]]:
    """Returns a sparse matrix as four arrays whose names start with `name`."""
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices.astype(np.int32),
        f"{name}.indptr": matrix.indptr.astype(np.int64),
        f"{name}.shape": np.array(matrix.shape, dtype=np.int64),
    }


def csr_from_arrays(name: str, arrays: Arrays) -> sp.csr_matrix:
    """Returns the sparse matrix that `csr_arrays` took apart."""
    parts = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    matrix = sp.csr_matrix(parts, shape=tuple(arrays[f"{name}.shape"].tolist()))
    matrix.check_format(full_check=True)
    return matrix
