"""The pages that people are shown. S sessions, L places on the longest page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.world.exposure import Exposure, draw_rows
from assets.world.items import Items
from assets.world.parameters import Sessions as SessionParameters
from assets.world.space import Vectors

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pages:
    """What was shown, place by place from the top; `shown` is False beyond a page's end."""

    surface: NDArray[np.int64]  # (S,)
    item: NDArray[np.int64]  # (S, L)
    shown: Mask  # (S, L)
    liking: Matrix  # (S, L) probability that an examined item is clicked


def liking(
    parameters: SessionParameters, affinity: NDArray[np.floating], quality: Matrix
) -> Matrix:
    """Returns the probability that someone who examines an item clicks it.

    Args:
        parameters: The world's sessions.
        affinity: Scalar product of taste and item vector, any shape.
        quality: The items' quality in logits, of a shape that broadcasts.
    """
    logit = parameters.base_logit + parameters.taste_sharpness * affinity + quality
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)


def examination(parameters: SessionParameters, n_places: int) -> Matrix:
    """Returns the probability that each place from the top is looked at, (n_places,)."""
    place = np.arange(n_places) / parameters.examination_depth
    return np.asarray((1.0 + place) ** -parameters.examination_decay)


def draw_pages(
    rng: np.random.Generator,
    parameters: SessionParameters,
    exposure: Exposure,
    items: Items,
    tastes: Vectors,
) -> Pages:
    """Returns one page for each row of tastes, (S, D)."""
    n, n_places = len(tastes), max(parameters.page_lengths)
    surface = rng.choice(len(parameters.surface_shares), n, p=parameters.surface_shares)
    personal = exposure.niche_shares(tastes)
    niche = draw_rows(personal, rng.random((n, n_places)))
    focus = draw_rows(personal, rng.random((n, 1)))
    kind = rng.random((n, n_places))
    on_focus = np.asarray(parameters.focus_shares)[surface][:, None]
    niche = np.where(kind < on_focus, focus, niche)
    # Every page has the same share of places by popularity: exposure stays a known mixture.
    popular = draw_rows(exposure.popular_shares()[None], rng.random((1, n * n_places)))
    is_popular = rng.random((n, n_places)) < parameters.popular_share
    niche = np.where(is_popular, popular.reshape(n, n_places), niche)
    item = exposure.draw_items(niche, rng.random((n, n_places)))

    shown = np.arange(n_places) < np.asarray(parameters.page_lengths)[surface][:, None]
    for place in range(1, n_places):  # no item twice on a page
        shown[:, place] &= ~(item[:, :place] == item[:, place : place + 1]).any(axis=1)
    affinity = np.einsum("sd,sld->sl", tastes, items.vectors[item])
    score = np.log(np.maximum(exposure.weight[item], 1e-300)) / 2 + 2.0 * affinity
    score += parameters.policy_noise * rng.standard_normal((n, n_places))
    order = np.argsort(np.where(shown, -score, np.inf), axis=1, kind="stable")
    item = np.take_along_axis(item, order, axis=1)
    return Pages(
        surface=surface,
        item=item,
        shown=np.take_along_axis(shown, order, axis=1),
        liking=liking(parameters, np.take_along_axis(affinity, order, axis=1), items.quality[item]),
    )
