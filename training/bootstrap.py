"""How sure a measured number is: bootstrap intervals by user, paired comparison, power.

The user is the unit that is drawn, because one user's hits depend on each other. A bootstrap
sample draws n users with replacement. Users whose values are all zero add nothing to a sum, so
only the others are drawn: how many of the n draws fall on them is binomial, which of them is
uniform. That is the same distribution, at a fraction of the cost where most users have no hit.
Time is O(n_samples · n_users with a value), memory O(n_users).
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.seeds import generator


@dataclass(frozen=True)
class Interval:
    """A mean over users with its percentile bootstrap interval."""

    mean: float | None
    """None where there are no users."""
    lower: float | None
    """None below two users, as one user shows no spread."""
    upper: float | None
    n_users: int


@dataclass(frozen=True)
class Comparison:
    """Challenger against champion on the same users.

    Relative numbers are None where the champion's mean is 0 (nothing to be relative to), where
    so many samples have a champion's mean of 0 that the bound is undefined, or below two users.
    A gate reads None as a no.
    """

    mean_champion: float | None
    mean_challenger: float | None
    relative_difference: float | None
    """(challenger - champion) / champion, of the means."""
    lower: float | None
    """Lower bound of the relative difference."""
    upper: float | None
    difference_lower: float | None
    """Lower bound of challenger - champion, which needs no champion above 0."""
    difference_upper: float | None
    n_users: int
    power: float | None
    """Probability that an equally good challenger clears `-margin` at this sample size."""
    margin: float


def mean_interval(
    values: ArrayLike, *, seed: int, n_samples: int = 1000, level: float = 0.95
) -> Interval:
    """Returns the mean over users and its percentile bootstrap interval.

    Args:
        values: (n_users,) one finite number per user.
        seed: Equal seeds and values give equal intervals.
        n_samples: Bootstrap samples, at least 100.
        level: Coverage of the two-sided interval, in (0, 1).

    Raises:
        InputError: A value is not finite, or an argument is out of range.

    >>> mean_interval([0.5, 0.5, 0.5], seed=1)
    Interval(mean=0.5, lower=0.5, upper=0.5, n_users=3)
    """
    column = _finite_column("values", values)
    _check_sampling(n_samples, level)
    if not column.size:
        return Interval(None, None, None, 0)
    mean = float(column.mean())
    if column.size < 2:
        return Interval(mean, None, None, 1)
    means = _bootstrap_means(column[:, None], seed, n_samples)[:, 0]
    lower, upper = _bounds(means, level)
    return Interval(mean, lower, upper, int(column.size))


def paired_relative_difference(
    challenger: ArrayLike,
    champion: ArrayLike,
    *,
    seed: int,
    margin: float = 0.05,
    n_samples: int = 1000,
    level: float = 0.95,
) -> Comparison:
    """Returns how much better the challenger is, relative to the champion, paired by user.

    The interval holds the percentiles of (mean challenger - mean champion) / mean champion over
    bootstrap samples of users. With SE the standard deviation of these samples and z the normal
    quantile at (1 + level) / 2, a challenger that is truly equal has a measured difference of
    N(0, SE²) and a lower bound about z · SE below it. It clears -margin with probability

        power = Phi(margin / SE - z)        (1 where SE is 0)

    Low power means that a good release is likely to be refused for want of users, not that the
    release is bad: at SE = margin / z it is one half.

    Args:
        challenger: (n_users,) one finite metric value per user.
        champion: (n_users,) the champion's values for the same users in the same order.
        seed: Equal seeds and values give equal numbers.
        margin: The relative drop that is still accepted, at least 0.
        n_samples: Bootstrap samples, at least 100.
        level: Coverage of the two-sided interval; its lower bound is the one that a gate reads.

    Raises:
        InputError: The arrays differ in length, hold a number that is not finite, or an argument
            is out of range.

    Every user gains a tenth, so every sample does:

    >>> found = paired_relative_difference([1.1, 2.2], [1.0, 2.0], seed=1)
    >>> round(found.relative_difference, 9), round(found.lower, 9), round(found.power, 9)
    (0.1, 0.1, 1.0)
    """
    pairs = _paired_columns(challenger, champion)
    _check_sampling(n_samples, level)
    if not margin >= 0:
        raise InputError(f"margin {margin} is not at least 0; give a relative drop such as 0.05")
    n_users = pairs.shape[0]
    if not n_users:
        return Comparison(None, None, None, None, None, None, None, 0, None, margin)
    mean_challenger, mean_champion = (float(mean) for mean in pairs.mean(axis=0))
    relative = None if mean_champion == 0 else (mean_challenger - mean_champion) / mean_champion
    if n_users < 2:
        return Comparison(
            mean_champion, mean_challenger, relative, None, None, None, None, 1, None, margin
        )
    means = _bootstrap_means(pairs, seed, n_samples)
    gains = means[:, 0] - means[:, 1]
    difference_lower, difference_upper = _bounds(gains, level)
    lower = upper = power = None
    if relative is not None:
        defined = means[:, 1] > 0
        safe = np.where(defined, means[:, 1], 1.0)
        # A sample without a champion's hit could have come out anyhow: it widens both ends.
        lower, _ = _bounds(np.where(defined, gains / safe, -np.inf), level)
        _, upper = _bounds(np.where(defined, gains / safe, np.inf), level)
        if lower is not None:
            power = _power((gains / safe)[defined], margin, level)
    return Comparison(
        mean_champion,
        mean_challenger,
        relative,
        lower,
        upper,
        difference_lower,
        difference_upper,
        n_users,
        power,
        margin,
    )


def pool_by_user(
    user_nums: ArrayLike, values: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the distinct users, ascending, and the mean of each one's values.

    Rolling holdouts measure a user several times; pooled, each user is one draw again.

    >>> pool_by_user([7, 3, 7], [1.0, 0.2, 0.0])
    (array([3, 7]), array([0.2, 0.5]))
    """
    users = np.asarray(user_nums, dtype=np.int64).ravel()
    column = _finite_column("values", values)
    if users.shape != column.shape:
        raise InputError(f"{users.size} users came with {column.size} values; pass one per user")
    distinct, codes = np.unique(users, return_inverse=True)
    counts = np.bincount(codes, minlength=distinct.size)
    return distinct, np.bincount(codes, weights=column, minlength=distinct.size) / counts


def _bootstrap_means(
    columns: NDArray[np.float64], seed: int, n_samples: int
) -> NDArray[np.float64]:
    """Returns (n_samples, n_columns) means of bootstrap samples of the rows of `columns`."""
    n = columns.shape[0]
    drawn = columns[(columns != 0).any(axis=1)]
    means = np.zeros((n_samples, columns.shape[1]), dtype=np.float64)
    if not drawn.shape[0]:
        return means
    random = generator(seed, "bootstrap")
    n_drawn = random.binomial(n, drawn.shape[0] / n, size=n_samples)
    for sample in range(n_samples):
        chosen = random.integers(0, drawn.shape[0], size=n_drawn[sample])
        times = np.bincount(chosen, minlength=drawn.shape[0]).astype(np.float64)
        means[sample] = times @ drawn / n
    return means


def _bounds(samples: NDArray[np.float64], level: float) -> tuple[float | None, float | None]:
    """Returns the outer percentiles without interpolation, None where one is not finite."""
    tail = (1.0 - level) / 2.0
    lower = float(np.quantile(samples, tail, method="lower"))
    upper = float(np.quantile(samples, 1.0 - tail, method="higher"))
    return (lower if np.isfinite(lower) else None), (upper if np.isfinite(upper) else None)


def _power(samples: NDArray[np.float64], margin: float, level: float) -> float:
    standard_error = float(samples.std())
    if standard_error == 0:
        return 1.0
    return NormalDist().cdf(margin / standard_error - NormalDist().inv_cdf((1.0 + level) / 2.0))


def _paired_columns(challenger: ArrayLike, champion: ArrayLike) -> NDArray[np.float64]:
    first = _finite_column("challenger", challenger)
    second = _finite_column("champion", champion)
    if first.size != second.size:
        raise InputError(
            f"{first.size} challenger values came with {second.size} champion values; "
            "pass the same users in the same order"
        )
    if second.size and second.min() < 0:
        raise InputError(
            f"champion value {second.min()} is below 0; a relative difference needs a metric "
            "that starts at 0"
        )
    return np.column_stack([first, second])


def _finite_column(name: str, values: ArrayLike) -> NDArray[np.float64]:
    column = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(column).all():
        n_bad = int(column.size - np.isfinite(column).sum())
        raise InputError(
            f"{name} hold {n_bad} numbers that are not finite of {column.size}; "
            "drop users without truth before comparing"
        )
    return column


def _check_sampling(n_samples: int, level: float) -> None:
    if not n_samples >= 100:
        raise InputError(f"n_samples {n_samples} is below 100; the bounds would be noise")
    if not 0 < level < 1:
        raise InputError(f"level {level} is outside (0, 1); give a share such as 0.95")
