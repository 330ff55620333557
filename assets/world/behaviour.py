"""What people do with a page: look, click, view, buy, like, dislike, hide; for how long."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.world.events import CLICK, DISLIKE, HIDE, IMPRESSION, LIKE, PURCHASE, VIEW
from assets.world.pages import Mask, Matrix, Pages, examination
from assets.world.parameters import Sessions as SessionParameters

PRICES = np.array([1.99, 2.99, 3.99, 4.99, 7.99, 9.99, 14.99])


@dataclass(frozen=True)
class Acts:
    """One row an act, in no order; (n,) each."""

    session: NDArray[np.int64]  # row of the page
    place: NDArray[np.int64]  # from 0, the top
    action: NDArray[np.int8]
    second: NDArray[np.float64]  # since the page was opened
    value: NDArray[np.float64]  # seconds viewed or amount paid; NaN is none


def draw_acts(rng: np.random.Generator, parameters: SessionParameters, pages: Pages) -> Acts:
    """Returns what happens on the pages.

    Views end before the next click, so a session's clicks are as far apart as its views are long.
    """
    shape, liking = pages.item.shape, pages.liking
    looked = pages.shown & (rng.random(shape) < examination(parameters, shape[1]))
    clicked = looked & (rng.random(shape) < liking)
    lowest, highest = parameters.view_share
    viewed = clicked & (rng.random(shape) < lowest + (highest - lowest) * liking)
    bought = viewed & (rng.random(shape) < parameters.purchase_share * liking)
    mood = rng.random(shape)  # nobody likes and dislikes one item at once
    liked = viewed & (mood < parameters.like_share * liking)
    disliked = clicked & ~liked & (1.0 - mood < parameters.dislike_share * (1.0 - liking))
    hidden = looked & ~clicked & (mood < parameters.hide_share * (1.0 - liking))

    length = rng.lognormal(np.log(parameters.median_view_seconds), 0.7, shape)
    length = np.minimum(length * (0.3 + 1.4 * liking), parameters.max_view_seconds)
    length = np.round(length, 1)
    think = 1.2 + rng.lognormal(np.log(4.0), 0.8, shape)
    scroll = rng.uniform(0.3, 1.2, (shape[0], 1))
    seen_at = scroll * np.arange(shape[1])
    busy = np.where(clicked, think + np.where(viewed, length, 0.0), 0.0)
    clicked_at = seen_at + np.cumsum(busy, axis=1) - busy + think
    viewed_at = clicked_at + length
    price = PRICES[pages.item * 7_919 % len(PRICES)]
    return _flatten(
        (IMPRESSION, pages.shown, seen_at, None),
        (CLICK, clicked, clicked_at, None),
        (VIEW, viewed, viewed_at, length),
        (PURCHASE, bought, viewed_at + rng.uniform(15.0, 60.0, shape), price),
        (LIKE, liked, viewed_at + rng.uniform(1.0, 5.0, shape), None),
        (DISLIKE, disliked, clicked_at + rng.uniform(2.0, 9.0, shape), None),
        (HIDE, hidden, seen_at + rng.uniform(1.0, 4.0, shape), None),
    )


def _flatten(*kinds: tuple[int, Mask, Matrix, Matrix | None]) -> Acts:
    session, place, action, second, value = [], [], [], [], []
    for code, happened, at, amount in kinds:
        rows, columns = np.nonzero(happened)
        session.append(rows)
        place.append(columns)
        action.append(np.full(len(rows), code, dtype=np.int8))
        second.append(at[rows, columns])
        value.append(np.full(len(rows), np.nan) if amount is None else amount[rows, columns])
    return Acts(
        session=np.concatenate(session),
        place=np.concatenate(place),
        action=np.concatenate(action),
        second=np.concatenate(second),
        value=np.concatenate(value),
    )
