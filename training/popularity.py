"""Popularity: what most users took to, lately above all; and what is taken to more than usual.

The score is a whole number, so that sums are exact on every engine; ties go to the lower item
number. Time and memory: O(I).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.model_settings import PopularitySettings
from training.fitted import Arrays, Numbers

_ALL_TIME = 0
_NAME = re.compile(r"n_users(?:_(\d+)d)?")


@dataclass(frozen=True, eq=False)
class PopularityModel:
    """What is popular and what is trending.

    Attributes:
        scores: (I,) int64 popularity.
        trending: (I,) float64 daily users of the last week times that week's lift over the mean
            of the last four, damped; items that nobody took to lately follow below 1e-6, by
            popularity.
        horizons: (H,) int64 days, ascending, 0 (all time) last.
        counts: (H, I) int64 users by horizon.
    """

    kind: ClassVar[str] = "popularity"

    scores: NDArray[np.int64]
    trending: NDArray[np.float64]
    horizons: NDArray[np.int64]
    counts: NDArray[np.int64]

    def ranking(self, horizon_days: int | None = None) -> Numbers:
        """Returns all items, most popular first, (I,) int32.

        Args:
            horizon_days: count only so many days (0: all time) instead of the settings' mixture.

        Raises:
            InputError: there are no counts of that horizon.
        """
        if horizon_days is None:
            return ranked(self.scores)
        place = np.flatnonzero(self.horizons == horizon_days)
        if not len(place):
            raise InputError(
                f"no counts of {horizon_days} days; there are {self.horizons.tolist()} (0: all)"
            )
        return ranked(self.counts[place[0]])

    def popular_in(self, category: NDArray[np.integer[Any]], k: int) -> Numbers:
        """Returns the k most popular items of each category, (n_categories, k), padded with −1.

        Args:
            category: (I,) category number of each item, −1 for none.
            k: items a category.
        """
        return best_in(self.scores, category, k)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Returns scores and counts by name."""
        return {
            "scores": self.scores,
            "trending": self.trending,
            "horizons": self.horizons,
            "counts": self.counts,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Returns the model of these arrays."""
        return cls(arrays["scores"], arrays["trending"], arrays["horizons"], arrays["counts"])


def fit_popularity(
    counts: Mapping[str, NDArray[np.int64]],
    weeks: NDArray[np.int64],
    settings: PopularitySettings,
) -> PopularityModel:
    """Fits popularity from counts of users by horizon and by week.

    Args:
        counts: (I,) each: `n_users` (all time) and `n_users_<days>d` for every horizon that the
            settings name.
        weeks: (W, I) users of each of the last weeks, latest first; who came in two weeks counts
            in both, so that returning users make no trend.
        settings: how horizons are mixed.

    Raises:
        InputError: a horizon is missing, there is no week to hold the last against, or a count is
            negative.
    """
    by_horizon = {_horizon(name): np.asarray(c, dtype=np.int64) for name, c in counts.items()}
    if missing := sorted({_ALL_TIME, settings.recent_days} - set(by_horizon)):
        raise InputError(
            f"counts of {missing} days are missing (0: all time); the features have "
            f"{sorted(by_horizon)}"
        )
    if len(weeks) < 2:
        raise InputError(f"a trend needs counts of at least 2 weeks; there are {len(weeks)}")
    if any((count < 0).any() for count in (*by_horizon.values(), weeks)):
        raise InputError("a count of users is negative; look at the item features")
    recent, ever = by_horizon[settings.recent_days], by_horizon[_ALL_TIME]
    scores = settings.all_time_weight * ever + settings.recent_weight * recent
    horizons = [*sorted(set(by_horizon) - {_ALL_TIME}), _ALL_TIME]
    return PopularityModel(
        scores=scores,
        trending=_trend(np.asarray(weeks, dtype=np.int64), settings.trending_prior_users)
        + 1e-6 * scores / (1 + scores.max(initial=0)),
        horizons=np.array(horizons, dtype=np.int64),
        counts=np.stack([by_horizon[days] for days in horizons]),
    )


def ranked(scores: NDArray[Any]) -> Numbers:
    """Returns the numbers of all items by score, highest first, ties by number, (I,) int32.

    >>> ranked(np.array([3, 7, 3])).tolist()
    [1, 0, 2]
    """
    return np.argsort(-scores, kind="stable").astype(np.int32)


def best_in(scores: NDArray[Any], category: NDArray[np.integer[Any]], k: int) -> Numbers:
    """Returns the k best items of each category, (n_categories, k) int32, padded with −1.

    >>> best_in(np.array([3, 7, 3, 9]), np.array([0, 0, 1, -1]), 2).tolist()
    [[1, 0], [2, -1]]
    """
    n_categories = int(category.max(initial=-1)) + 1
    order = np.lexsort((np.arange(len(scores)), -scores, category))
    order = order[category[order] >= 0]
    size = np.bincount(category[order], minlength=n_categories)
    place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
    kept = order[place < k]
    best = np.full((n_categories, k), -1, dtype=np.int32)
    best[category[kept], place[place < k]] = kept
    return best


def _horizon(name: str) -> int:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"count {name!r} is neither 'n_users' nor 'n_users_<days>d'")
    return int(match[1] or _ALL_TIME)


def _trend(weeks: NDArray[np.int64], prior: float) -> NDArray[np.float64]:
    """Returns the last week's daily users, times their number over the weeks' mean, damped."""
    n_weeks = len(weeks)
    usual = (weeks.sum(axis=0) + prior) / n_weeks
    lately = weeks[0] + prior / n_weeks
    lift = np.divide(lately, usual, out=np.ones(len(usual)), where=usual > 0)
    trend: NDArray[np.float64] = weeks[0] / 7 * lift
    return trend
