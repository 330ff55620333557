"""From tables of external ids to dense numbers and sparse matrices, and back."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp

from core.artefact import Artefact
from core.schemas import INTERACTIONS, ITEMS, USERS

MICRO = 1_000_000


@dataclass(frozen=True)
class Numbering:
    """Dense numbers of one as-of date: the row numbers of `users` and `items`.

    Attributes:
        user_ids: (n_users,) strings, ascending.
        item_ids: (n_items,) strings, ascending.
    """

    user_ids: pl.Series
    item_ids: pl.Series

    @classmethod
    def read(cls, users: Artefact, items: Artefact) -> "Numbering":
        """Reads the numbering that two artefacts define."""
        return cls(
            users.table(USERS, columns=["user_id"])["user_id"],
            items.table(ITEMS, columns=["item_id"])["item_id"],
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items)."""
        return len(self.user_ids), len(self.item_ids)

    @cached_property
    def _users(self) -> pl.DataFrame:
        return _numbered(self.user_ids, "user_id", "user_num")

    @cached_property
    def _items(self) -> pl.DataFrame:
        return _numbered(self.item_ids, "item_id", "item_num")

    def number(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows whose ids are known, with `user_num` / `item_num` (int32) added."""
        if "user_id" in frame.columns:
            frame = frame.join(self._users, on="user_id", how="inner", maintain_order="left")
        if "item_id" in frame.columns:
            frame = frame.join(self._items, on="item_id", how="inner", maintain_order="left")
        return frame

    def item_lookup(self, frame: pl.DataFrame, value: str, default: float = 0.0) -> np.ndarray:
        """Returns a column of an item table by item_num, (n_items,) float32."""
        return _spread(self.number(frame), "item_num", value, self.shape[1], default)

    def user_lookup(self, frame: pl.DataFrame, value: str, default: float = 0.0) -> np.ndarray:
        """Returns a column of a user table by user_num, (n_users,) float32."""
        return _spread(self.number(frame), "user_num", value, self.shape[0], default)


def _numbered(ids: pl.Series, name: str, number: str) -> pl.DataFrame:
    return pl.DataFrame({name: ids, number: np.arange(len(ids), dtype=np.int32)})


def _spread(frame: pl.DataFrame, number: str, value: str, size: int, default: float) -> np.ndarray:
    spread = np.full(size, default, dtype=np.float32)
    spread[frame[number].to_numpy()] = frame[value].cast(pl.Float32).fill_null(default).to_numpy()
    return spread


@dataclass(frozen=True)
class History:
    """What users did before a cut, as matrices (n_users, n_items).

    Attributes:
        weights: float32 preference weights of the positive pairs.
        seen: bool, every pair touched; never recommended again.
    """

    weights: sp.csr_matrix
    seen: sp.csr_matrix

    @classmethod
    def read(cls, interactions: Artefact, fold: str, numbering: Numbering) -> "History":
        """Reads one fold's INTERACTIONS."""
        frame = numbering.number(interactions.table(INTERACTIONS, fold))
        rows, cols = frame["user_num"].to_numpy(), frame["item_num"].to_numpy()
        micro = frame["weight_micro"].to_numpy()
        liked = micro > 0
        weights = sp.csr_matrix(
            ((micro[liked] / MICRO).astype(np.float32), (rows[liked], cols[liked])),
            shape=numbering.shape,
        )
        seen = sp.csr_matrix((np.ones(len(rows), dtype=bool), (rows, cols)), shape=numbering.shape)
        weights.sort_indices()
        seen.sort_indices()
        return cls(weights, seen)

    @property
    def n_positive(self) -> np.ndarray:
        """(n_users,) number of positive items."""
        return np.diff(self.weights.indptr)

    @property
    def n_touched(self) -> np.ndarray:
        """(n_users,) number of touched items."""
        return np.diff(self.seen.indptr)


def available(items: pl.DataFrame, numbering: Numbering, at_us: int) -> np.ndarray:
    """Returns which items can be recommended at a moment, (n_items,) bool.

    Args:
        items: ITEMS of the fold (items of a later day are not in it).
        numbering: the date's numbering.
        at_us: the moment, microseconds UTC.
    """
    alive = items.filter(
        pl.col("available_until_us").is_null() | (pl.col("available_until_us") > at_us)
    )
    allowed = np.zeros(numbering.shape[1], dtype=bool)
    allowed[numbering.number(alive.select("item_id"))["item_num"].to_numpy()] = True
    return allowed
