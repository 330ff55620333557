from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import IntegrityError, NotFound
from training.fitted import csr_arrays, csr_from_arrays, load_model, save_model


@dataclass(frozen=True, eq=False)
class Line:
    kind: ClassVar[str] = "line"

    slope: np.ndarray

    def arrays(self):
        return {"slope": self.slope, "squared": self.slope**2}

    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["slope"])


class Curve(Line):
    kind = "curve"


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(Line(np.array([1.5, -2.0], dtype=np.float32)), path)
    return path


def test_a_model_comes_back(stored):
    slope = load_model(stored, Line).slope
    assert slope.dtype == np.float32
    assert slope.tolist() == [1.5, -2.0]


def test_equal_models_give_equal_bytes(stored, tmp_path):
    save_model(Line(np.array([1.5, -2.0], dtype=np.float32)), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == stored.read_bytes()


def test_arrays_that_are_not_contiguous_come_back(tmp_path):
    save_model(Line(np.arange(6.0)[::2]), tmp_path / "model")
    assert load_model(tmp_path / "model", Line).slope.tolist() == [0.0, 2.0, 4.0]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match="absent does not exist; materialise 'line'"):
        load_model(tmp_path / "absent", Line)


def test_another_kind_is_refused(stored):
    with pytest.raises(IntegrityError, match="not format 1 of 'curve'"):
        load_model(stored, Curve)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_torn_file_is_refused(stored, share):
    content = stored.read_bytes()
    stored.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(IntegrityError, match="cannot be read"):
        load_model(stored, Line)


def test_a_missing_array_is_refused(stored):
    class Other(Line):
        @classmethod
        def from_arrays(cls, arrays):
            return cls(arrays["height"])

    with pytest.raises(IntegrityError, match="height"):
        load_model(stored, Other)


def test_a_sparse_matrix_comes_back():
    matrix = sp.csr_matrix(np.array([[0, 2.5], [0, 0], [1, 0]], dtype=np.float32))
    back = csr_from_arrays("w", csr_arrays("w", matrix))
    assert back.shape == (3, 2)
    assert back.dtype == np.float32
    assert back.toarray().tolist() == matrix.toarray().tolist()


def test_a_sparse_matrix_with_an_impossible_column_is_refused():
    arrays = csr_arrays("w", sp.csr_matrix(np.eye(3, dtype=np.float32)))
    arrays["w.indices"] = np.array([0, 1, 7], dtype=np.int32)
    with pytest.raises(ValueError, match="indices"):
        csr_from_arrays("w", arrays)
