"""Metrics for parts of the users and of the catalogue: who is served well, and with what.

Users are sliced by masks over the rows of the lists. Items are sliced on the side of the truth:
`HeldOut.only(tail_items(...))` keeps the held-out items of the tail, and the lists stay whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from training.metrics import UserMetrics, mean_or_none


@dataclass(frozen=True)
class SliceMean:
    """The mean of one metric over the evaluated users of one slice."""

    slice: str
    metric: str
    n_users: int
    mean: float | None
    """None where the slice has no evaluated user."""


def slice_means(
    metrics: UserMetrics, slices: Mapping[str, NDArray[np.bool_]]
) -> tuple[SliceMean, ...]:
    """Returns every metric's mean in every slice, in the order of `slices`.

    Args:
        metrics: Values by user.
        slices: By name, a mask (n_users,) over the rows of the ranked lists. Slices may overlap.

    Raises:
        InputError: A mask is not boolean or too short for the evaluated rows.

    >>> metrics = UserMetrics(np.array([0, 2]), {"mrr@10": np.array([1.0, 0.5])})
    >>> masks = {"new": np.array([True, True, False]), "heavy": np.array([False, True, False])}
    >>> [(row.slice, row.n_users, row.mean) for row in slice_means(metrics, masks)]
    [('new', 1, 1.0), ('heavy', 0, None)]
    """
    result = []
    for name, mask in slices.items():
        needed = int(metrics.user_rows[-1]) + 1 if metrics.user_rows.size else 0
        if mask.dtype != np.bool_ or mask.ndim != 1 or mask.size < needed:
            raise InputError(
                f"slice {name!r} is {mask.dtype} of shape {mask.shape}; "
                f"pass booleans for at least {needed} users"
            )
        inside = mask[metrics.user_rows]
        for metric, values in metrics.values.items():
            chosen = values[inside]
            result.append(SliceMean(name, metric, int(chosen.size), mean_or_none(chosen)))
    return tuple(result)


def history_slices(
    n_interactions: NDArray[np.integer], *, light_below: int = 10, heavy_from: int = 100
) -> dict[str, NDArray[np.bool_]]:
    """Returns masks of users by the length of their history before the cut.

    `new` users have none, `light` ones fewer than `light_below`, `heavy` ones `heavy_from` or
    more, `regular` ones lie between.

    >>> slices = history_slices(np.array([0, 9, 10, 250]))
    >>> {name: np.flatnonzero(mask).tolist() for name, mask in slices.items()}
    {'new': [0], 'light': [1], 'regular': [2], 'heavy': [3]}
    """
    return {
        "new": n_interactions <= 0,
        "light": (n_interactions > 0) & (n_interactions < light_below),
        "regular": (n_interactions >= light_below) & (n_interactions < heavy_from),
        "heavy": n_interactions >= heavy_from,
    }


def tail_items(popularity: NDArray[np.integer], *, head_share: float = 0.5) -> NDArray[np.bool_]:
    """Returns (n_items,) True for items outside the head.

    The head is the smallest set of most popular items, equal ones by ascending item num, that
    holds at least `head_share` of all interactions.

    >>> tail_items(np.array([1, 6, 2, 1]))
    array([ True, False,  True,  True])
    """
    order = np.argsort(-popularity.astype(np.int64), kind="stable")
    before = np.cumsum(popularity[order]) - popularity[order]
    is_tail = np.ones(popularity.shape, dtype=np.bool_)
    is_tail[order[before < head_share * popularity.sum()]] = False
    return is_tail
