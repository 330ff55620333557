"""What the site shows on a day: a niche by taste and popularity, an item by popularity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.world.items import Items
from assets.world.parameters import WorldParameters
from assets.world.space import TasteSpace, Vectors


def popularity_at(parameters: WorldParameters, items: Items, day: int) -> NDArray[np.float64]:
    """Returns each item's weight on a day, (I,): lasting appeal, launch and trend; 0 if away."""
    catalogue = parameters.catalogue
    age = np.maximum(day - items.release_day, 0)
    launch = 1.0 + catalogue.launch_boost * np.exp(-age / catalogue.launch_days)
    wave = np.sin(2 * np.pi * (day / items.trend_period + items.trend_phase))
    weight = items.appeal * launch * np.exp(catalogue.trend_strength * wave)
    return np.where(items.available(day), weight, 0.0)


@dataclass(frozen=True)
class Exposure:
    """The popularity of one day, arranged for drawing. C niches, I items."""

    weight: NDArray[np.float64]  # (I,)
    by_niche: NDArray[np.int64]  # (I,) item numbers, niche after niche
    cumulative: NDArray[np.float64]  # (I + 1,) of the weights in that order
    bounds: NDArray[np.int64]  # (C + 1,) where each niche starts
    niche_weight: NDArray[np.float64]  # (C,)
    log_niche_share: NDArray[np.float64]  # (C,)
    niche_vectors: Vectors  # (C, D)
    sharpness: float

    @classmethod
    def on(
        cls, day: int, *, parameters: WorldParameters, items: Items, space: TasteSpace
    ) -> "Exposure":
        """Returns the exposure of a day."""
        weight = popularity_at(parameters, items, day)
        by_niche = np.argsort(items.niche, kind="stable")
        cumulative = np.concatenate([[0.0], np.cumsum(weight[by_niche])])
        bounds = np.searchsorted(items.niche[by_niche], np.arange(space.n_niches + 1))
        niche_weight = np.diff(cumulative[bounds])
        with np.errstate(divide="ignore"):  # an empty niche is never drawn
            log_share = np.log(niche_weight / niche_weight.sum())
        return cls(
            weight=weight,
            by_niche=by_niche,
            cumulative=cumulative,
            bounds=bounds,
            niche_weight=niche_weight,
            log_niche_share=log_share,
            niche_vectors=space.niche_vectors,
            sharpness=parameters.sessions.niche_sharpness,
        )

    def niche_shares(self, tastes: Vectors) -> NDArray[np.float64]:
        """Returns the share of a personal page that each niche has, (n, C), rows summing to 1."""
        logits = self.sharpness * (tastes @ self.niche_vectors.T) + self.log_niche_share
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def popular_shares(self) -> NDArray[np.float64]:
        """Returns the share that each niche has of a page made by popularity alone, (C,)."""
        return np.exp(self.log_niche_share)

    def draw_items(self, niches: NDArray[np.int64], draw: NDArray[np.float64]) -> NDArray[np.int64]:
        """Returns an item of each niche by popularity, from numbers in [0, 1) of that shape."""
        first, end = self.bounds[niches], self.bounds[niches + 1]
        target = self.cumulative[first] + draw * (self.cumulative[end] - self.cumulative[first])
        place = np.searchsorted(self.cumulative, target, side="right") - 1
        return self.by_niche[np.clip(place, first, end - 1)]


def draw_rows(shares: NDArray[np.float64], draw: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns draws from each row's distribution: (n, C) shares and (n, L) numbers give (n, L).

    One binary search over all rows laid end to end, instead of one for each row.
    """
    n_rows, n_columns = shares.shape
    ends = np.cumsum(shares, axis=1)
    ends = ends / ends[:, -1:] + np.arange(n_rows)[:, None]
    place = np.searchsorted(ends.ravel(), draw + np.arange(n_rows)[:, None], side="right")
    column = place - np.arange(n_rows)[:, None] * n_columns
    return np.asarray(np.clip(column, 0, n_columns - 1), dtype=np.int64)
