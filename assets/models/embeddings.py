"""Makes the embeddings: the release's vectors in forms that other teams read."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.folds import read_folds
from assets.models.fold_data import FoldData
from assets.models.fold_models import read_source
from assets.models.sources import DotSource
from core.night import Made, Night
from core.staging import Staging
from training.export import save_arrays, write_index

_MODELS = ("als", "two_tower")


def make_embeddings(night: Night) -> Made:
    """Makes `embeddings`: for each model <model>/users.parquet, items.parquet (id, vector),
    vectors.safetensors (`users`, `items`: float32, rows as in the tables) and items.faiss, an
    exact inner-product index whose positions are the rows of the item table.
    """

    def write(staging: Staging) -> None:
        data = FoldData(night, read_folds(night).release)
        opted_out = data.users["opted_out"].to_numpy()
        for name in _MODELS:
            source = read_source(data, name)
            assert isinstance(source, DotSource)
            users = np.flatnonzero(~opted_out)
            vectors = np.ascontiguousarray(source.users[users])
            user_ids, item_ids = data.numbering.user_ids[users], data.numbering.item_ids
            _table("user_id", user_ids, vectors).write_parquet(
                staging.file(f"{name}/users.parquet")
            )
            _table("item_id", item_ids, source.items).write_parquet(
                staging.file(f"{name}/items.parquet")
            )
            save_arrays(
                {"users": vectors, "items": source.items},
                staging.file(f"{name}/vectors.safetensors"),
            )
            write_index(source.items, staging.file(f"{name}/items.faiss"))
            staging.facts[name] = {
                "dimensions": int(source.items.shape[1]),
                "n_users": len(users),
                "n_items": len(item_ids),
            }  # fmt: skip

    inputs = ["folds", "users", "items", "interactions", *_MODELS]
    return night.make("embeddings", write, inputs=inputs)


def _table(name: str, ids: pl.Series, vectors: NDArray[np.float32]) -> pl.DataFrame:
    rows = pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))
    return pl.DataFrame({name: ids}).with_columns(rows)
