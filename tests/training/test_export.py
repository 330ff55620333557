import faiss
import numpy as np
import pytest
from safetensors.numpy import load_file

from core.errors import TrainingDiverged
from training.export import save_arrays, write_index
from training.topk import topk


def test_arrays_are_read_back_by_safetensors(tmp_path):
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_arrays({"users": vectors.T}, tmp_path / "vectors.safetensors")
    assert load_file(tmp_path / "vectors.safetensors")["users"].tolist() == vectors.T.tolist()


def test_the_index_is_read_back_by_faiss(tmp_path):
    items = np.random.default_rng(8).standard_normal((50, 4)).astype(np.float32)
    write_index(items, tmp_path / "items.faiss")
    _, found = faiss.read_index(str(tmp_path / "items.faiss")).search(items[:5], 3)
    assert found.tolist() == topk(items[:5], items, 3)[0].tolist()


def test_vectors_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(TrainingDiverged, match="not finite"):
        write_index(np.array([[np.nan]], dtype=np.float32), tmp_path / "items.faiss")
