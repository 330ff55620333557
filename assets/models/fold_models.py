"""Everything that is fitted on one fold, read back and put together for scoring."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from assets.evaluation.protocol import Fold
from assets.models.arrays import History, Numbering, available
from assets.models.content import (
    item_content,
    user_preferences,
    vocabulary,
    weighted_content,
)
from assets.models.pair_features import FoldFeatures, item_table, user_table
from assets.models.sources import DotSource, NeighbourSource, Source
from core.night import Night
from core.schemas import (
    ITEM_FEATURES,
    ITEMS,
    SOURCES,
    TRUTH,
    USER_CATEGORIES,
    USER_FEATURES,
    USERS,
)
from training.als import AlsModel
from training.fitted import Model, load_model
from training.neighbours import NeighboursModel
from training.popularity import PopularityModel
from training.two_tower import TwoTowerModel


@dataclass(frozen=True)
class FoldData:
    """One fold's tables as arrays: what models are fitted on."""

    night: Night
    fold: Fold

    @cached_property
    def numbering(self) -> Numbering:
        """The date's dense numbers."""
        return Numbering.read(self.night.get("users"), self.night.get("items"))

    @cached_property
    def items(self) -> pl.DataFrame:
        """ITEMS known at the cut."""
        return self.night.get("folds").table(ITEMS, self.fold.name)

    @cached_property
    def users(self) -> pl.DataFrame:
        """USERS of the date."""
        return self.night.get("users").table(USERS)

    @cached_property
    def history(self) -> History:
        """What users did before the cut."""
        return History.read(self.night.get("interactions"), self.fold.name, self.numbering)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """(n_items,) whether an item can be recommended at the cut."""
        return available(self.items, self.numbering, self.fold.fit_before_us)

    @cached_property
    def tokens(self) -> list[str]:
        """The content tokens of the date, one vocabulary for all its folds."""
        return vocabulary(self.night.get("items").table(ITEMS))

    @cached_property
    def content(self) -> sp.csr_matrix:
        """(n_items, n_tokens) what the items known at the cut are about."""
        return item_content(self.items, self.numbering, self.tokens)

    @cached_property
    def preferences(self) -> sp.csr_matrix:
        """(n_users, n_tokens) stated likes."""
        return user_preferences(self.users, self.numbering, "preferences", self.tokens)

    @cached_property
    def dislikes(self) -> sp.csr_matrix:
        """(n_users, n_tokens) stated dislikes."""
        return user_preferences(self.users, self.numbering, "dislikes", self.tokens)

    @cached_property
    def item_features(self) -> pl.DataFrame:
        """ITEM_FEATURES at the cut."""
        return self.night.get("item_features").table(ITEM_FEATURES, self.fold.name)

    @cached_property
    def recent_users(self) -> NDArray[np.float32]:
        """(n_items,) users who took to each item in the 7 days before the cut."""
        return self.numbering.item_lookup(self.item_features, "n_users_7d")

    @cached_property
    def categories(self) -> pl.Series:
        """The primary categories of the date's items, ascending; the row is the category number."""
        return self._item_categories.drop_nulls().unique().sort()

    @cached_property
    def _item_categories(self) -> pl.Series:
        return self.night.get("items").table(ITEMS, columns=["category"])["category"]

    @cached_property
    def item_category(self) -> NDArray[np.int32]:
        """(n_items,) category number of each item, −1 for none."""
        codes = pl.DataFrame({"category": self.categories}).with_row_index("code")
        joined = pl.DataFrame({"category": self._item_categories}).join(
            codes, on="category", how="left", maintain_order="left"
        )
        return joined["code"].cast(pl.Int32).fill_null(-1).to_numpy()

    @cached_property
    def category_share(self) -> sp.csr_matrix:
        """(n_users, n_categories) share of each user's positive weight."""
        stored = self.night.get("user_features").table(USER_CATEGORIES, self.fold.name)
        codes = pl.DataFrame({"category": self.categories}).with_row_index("code")
        rows = self.numbering.number(stored).join(codes, on="category", how="inner")
        shape = (self.numbering.shape[0], max(1, len(self.categories)))
        return sp.csr_matrix(
            (rows["share"].to_numpy().astype(np.float32),
             (rows["user_num"].to_numpy(), rows["code"].to_numpy())), shape=shape,
        )  # fmt: skip

    @cached_property
    def features(self) -> FoldFeatures:
        """What the ranker's features are looked up in."""
        user_features = self.night.get("user_features").table(USER_FEATURES, self.fold.name)
        return FoldFeatures(
            users=user_table(user_features, self.numbering),
            items=item_table(self.item_features, self.numbering),
            content=self.content,
            unit_content=weighted_content(self.content),
            preferences=self.preferences,
            dislikes=self.dislikes,
            category_share=self.category_share,
            item_category=self.item_category,
            history=self.history,
        )

    @cached_property
    def truth(self) -> pl.DataFrame:
        """TRUTH with `user_num` and `item_num`, by user and item."""
        stored = self.night.get("folds").table(TRUTH, self.fold.name)
        return self.numbering.number(stored).sort("user_num", "item_num")


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
