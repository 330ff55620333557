"""The sources of one fold, read back from what was fitted and put together for scoring."""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from assets.evaluation.protocol import Fold
from assets.models.fold_data import FoldData
from assets.models.sources import DotSource, NeighbourSource, Source
from core.schemas import (
    SOURCES,
)
from training.als import AlsModel
from training.fitted import Model, load_model
from training.neighbours import NeighboursModel
from training.popularity import PopularityModel
from training.tower_model import TwoTowerModel


def model_file(fold: Fold) -> str:
    """Returns where a fold's model lies in its artefact."""
    return f"{fold.name}/model.safetensors"


def read_source(data: FoldData, name: str, recency_power: float = 0.0) -> Source:
    """Returns one of the fold's sources from its stored model.

    Args:
        data: the fold.
        name: one of `SOURCES`.
        recency_power: how much this week's users of an item count in a personal source; see
            `assets.models.recency`.

    Raises:
        NotFound: the model has not been made for the date.
        IntegrityError: its file is damaged.
    """
    if name in ("popularity", "category"):
        scores = _stored(data, PopularityModel).scores
        if name == "category":
            return category_source(data, scores)
        everyone = np.ones((data.numbering.shape[0], 1), dtype=np.float32)
        return DotSource(everyone, scores[:, None].astype(np.float32))
    weight = ((1 + np.log1p(data.recent_users)) ** recency_power).astype(np.float32)
    if name == "neighbours":
        model = _stored(data, NeighboursModel)
        scaled = sp.csr_matrix(model.weights @ sp.diags_array(weight))
        return NeighbourSource(replace(model, weights=scaled), data.history.weights)
    if name == "als":
        als = _stored(data, AlsModel)
        return DotSource(als.user_factors, als.item_factors * weight[:, None])
    tower = _stored(data, TwoTowerModel)
    users = tower.user_vectors(data.history.weights, data.preferences)
    return DotSource(users, tower.item_vectors * weight[:, None])


def read_sources(data: FoldData) -> dict[str, Source]:
    """Returns all of the fold's sources as they propose candidates, in the order of `SOURCES`."""
    powers = data.night.get("recency").json("powers.json")
    return {name: read_source(data, name, powers.get(name, 0.0)) for name in SOURCES}


def _stored(data: FoldData, of: type[Model]) -> Model:
    return load_model(data.night.get(of.kind).file(model_file(data.fold)), of)


def category_source(data: FoldData, popularity: NDArray[Any]) -> DotSource:
    """Returns what is popular in a user's categories, lived and stated, as a dot product.

    A user's affinity for a genre is its share in their weighted history, plus one fifth for a
    stated preference; an item counts log(1 + popularity) in each of its genres.
    """
    genres = [place for place, token in enumerate(data.tokens) if token.startswith("genre:")]
    of_items = data.content[:, genres].toarray()
    lived = (data.history.weights @ of_items).astype(np.float32)
    total = lived.sum(axis=1, keepdims=True)
    share = np.divide(lived, total, out=np.zeros_like(lived), where=total > 0)
    stated = data.preferences[:, genres].toarray() * 0.2
    users = np.ascontiguousarray(share + stated, dtype=np.float32)
    felt = np.log1p(np.maximum(popularity, 0)).astype(np.float32)
    if not genres:  # a catalogue without genres: nothing to tell apart
        users, of_items = np.ones((users.shape[0], 1), np.float32), np.ones((len(felt), 1))
    return DotSource(users, np.ascontiguousarray(of_items * felt[:, None], dtype=np.float32))
