"""One fold's tables as the arrays that models are fitted on and scored with."""

from dataclasses import dataclass
from functools import cached_property

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
from assets.models.labels import label_names, labelled_items, stated_labels
from assets.models.pair_features import FoldFeatures, item_table, user_table
from core.night import Night
from core.schemas import (
    ITEM_FEATURES,
    ITEMS,
    TRUTH,
    USER_CATEGORIES,
    USER_FEATURES,
    USERS,
)


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
        """(n_users, n_tokens) stated likes, as content."""
        return user_preferences(self.users, self.numbering, self.tokens)

    @cached_property
    def _label_names(self) -> list[str]:
        return label_names(self.night.get("items").table(ITEMS))

    @cached_property
    def labels(self) -> sp.csr_matrix:
        """(n_items, n_labels) genres and categories of the items known at the cut."""
        return labelled_items(self.items, self.numbering, self._label_names)

    @cached_property
    def likes(self) -> sp.csr_matrix:
        """(n_users, n_labels) stated likes."""
        return stated_labels(self.users, self.numbering, "preferences", self._label_names)

    @cached_property
    def dislikes(self) -> sp.csr_matrix:
        """(n_users, n_labels) stated dislikes."""
        return stated_labels(self.users, self.numbering, "dislikes", self._label_names)

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
            unit_content=weighted_content(self.content),
            labels=self.labels,
            likes=self.likes,
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
