"""The items as numbers: where they lie in the taste space, how popular and how good they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.world.growth import Growth
from assets.world.keys import uniform
from assets.world.parameters import WorldParameters
from assets.world.space import GENRE_NAMES, THEME_NAMES, TasteSpace, Vectors, unit
from core.seeds import derive_seed, generator

_BLOCK = 8_192
# Parts of a series stand this many numbers apart, so that they are released one after another.
_SERIES_STRIDE = 40
NEVER = 1 << 30


@dataclass(frozen=True)
class Items:
    """One row an item, in the order of release. I items; missing entries of a list are −1."""

    niche: NDArray[np.int64]  # (I,)
    vectors: Vectors  # (I, D) length 1
    appeal: NDArray[np.float64]  # (I,) lasting popularity
    quality: NDArray[np.float64]  # (I,) logits
    trend_phase: NDArray[np.float64]  # (I,) in periods
    trend_period: NDArray[np.float64]  # (I,) days
    release_day: NDArray[np.int64]  # (I,) before 0 for the first stock
    last_day: NDArray[np.int64]  # (I,) last day of availability, or NEVER
    genres: NDArray[np.int64]  # (I, 2)
    themes: NDArray[np.int64]  # (I, 3)
    creators: NDArray[np.int64]  # (I, 2)
    series_lead: NDArray[np.int64]  # (I,) number of the series' first item, or −1
    series_part: NDArray[np.int64]  # (I,) from 0

    def __len__(self) -> int:
        """Returns the number of items."""
        return len(self.niche)

    def available(self, day: int) -> NDArray[np.bool_]:
        """Returns which items a page may show on a day."""
        return (self.release_day <= day) & (day <= self.last_day)


def draw_items(
    parameters: WorldParameters, seed: int, space: TasteSpace, growth: Growth, *, n_items: int
) -> Items:
    """Returns the first `n_items` items; a longer catalogue of the same world starts with them."""
    n_blocks = -(-n_items // _BLOCK)
    blocks = [_draw_block(parameters, seed, space, block) for block in range(n_blocks)]
    raw = {name: np.concatenate([block[name] for block in blocks])[:n_items] for name in blocks[0]}
    numbers = np.arange(n_items)
    lead, part = _series(numbers, seed, parameters.catalogue.series_share)
    origin = np.where(lead >= 0, lead, numbers)
    for name in ("niche", "genres", "creators"):
        raw[name] = raw[name][origin]
    catalogue = parameters.catalogue
    hidden = np.where((lead >= 0)[:, None], 0.9 * raw["hidden"][origin], 0.0)
    hidden = unit(hidden + np.where(lead >= 0, 0.4, 1.0)[:, None] * raw["hidden"])
    themes = raw["themes"]
    n_themes = (themes >= 0).sum(axis=1, keepdims=True)
    theme_sum = (space.theme_vectors[themes] * (themes >= 0)[:, :, None]).sum(axis=1)
    vectors = unit(
        space.niche_vectors[raw["niche"]]
        + catalogue.creator_pull * space.creator_vectors[raw["creators"][:, 0]]
        + catalogue.theme_pull * theme_sum / np.maximum(n_themes, 1)
        + catalogue.hidden_pull * hidden
    )
    release_day = growth.arrival_day(numbers)
    # The stock: exponential ages, the lowest number the oldest, at most fifteen years.
    quantile = np.minimum((numbers + 0.5) / growth.n_first, 1.0)
    age = np.minimum(-np.log(quantile) / np.log(2) * catalogue.median_catalogue_age_days, 5_500)
    release_day = np.where(numbers < growth.n_first, -1 - age.astype(np.int64), release_day)
    del raw["hidden"]
    raw["last_day"] = np.where(
        raw["last_day"] < NEVER, np.maximum(release_day, 0) + raw["last_day"], NEVER
    )
    return Items(
        vectors=vectors, release_day=release_day, series_lead=lead, series_part=part, **raw
    )


def _series(
    numbers: NDArray[np.int64], seed: int, share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    span = 3 * _SERIES_STRIDE
    part = numbers % span // _SERIES_STRIDE
    lead = numbers - part * _SERIES_STRIDE
    draw = uniform(lead.astype(np.uint64), derive_seed(seed, "series"))
    n_parts = np.where(draw < share / 2, 3, np.where(draw < share, 2, 0))
    belongs = part < n_parts
    return np.where(belongs, lead, -1), np.where(belongs, part, 0)


def _draw_block(
    parameters: WorldParameters, seed: int, space: TasteSpace, block: int
) -> dict[str, NDArray[Any]]:
    rng, catalogue = generator(seed, "items", str(block)), parameters.catalogue
    niche = rng.choice(space.n_niches, _BLOCK, p=space.niche_share)
    draw = rng.random(_BLOCK)
    appeal = (draw + catalogue.zipf_floor) ** -catalogue.zipf_exponent
    # The appeal's rank as a normal deviate keeps the correlation exact.
    log_appeal = (np.log(appeal) - np.log(appeal).mean()) / np.log(appeal).std()
    rho = catalogue.quality_from_appeal
    quality = rho * log_appeal + np.sqrt(1 - rho * rho) * rng.standard_normal(_BLOCK)

    genre = space.niche_genre[niche]
    second = rng.integers(0, len(GENRE_NAMES), _BLOCK)
    second = np.where(rng.random(_BLOCK) < 0.6, space.niche_companion[niche], second)
    second = np.where((rng.random(_BLOCK) < 0.5) & (second != genre), second, -1)

    follows = rng.random((_BLOCK, 3)) < catalogue.content_share
    near = space.niche_themes[niche][np.arange(_BLOCK)[:, None], rng.integers(0, 3, (_BLOCK, 3))]
    themes = np.where(follows, near, rng.integers(0, len(THEME_NAMES), (_BLOCK, 3)))
    themes[:, 1] = np.where(themes[:, 1] == themes[:, 0], -1, themes[:, 1])
    repeated = (themes[:, 2:] == themes[:, :2]).any(axis=1) | (rng.random(_BLOCK) < 0.4)
    themes[:, 2] = np.where(repeated, -1, themes[:, 2])

    expires = rng.random(_BLOCK) < catalogue.expiring_share
    return {
        "niche": niche,
        "hidden": unit(rng.standard_normal((_BLOCK, space.niche_vectors.shape[1]))),
        "appeal": appeal,
        "quality": catalogue.quality_spread * quality,
        "trend_phase": rng.random(_BLOCK),
        "trend_period": catalogue.trend_period_days * rng.uniform(0.5, 1.5, _BLOCK),
        "last_day": np.where(expires, rng.integers(10, 120, _BLOCK), NEVER),
        "genres": np.stack([genre, second], axis=1),
        "themes": themes,
        "creators": draw_credits(
            rng, niche, space.n_niches, space.n_creators, catalogue.content_share
        ),
    }


def draw_credits(
    rng: np.random.Generator,
    niche: NDArray[np.int64],
    n_niches: int,
    n_people: int,
    follow_share: float,
) -> NDArray[np.int64]:
    """Returns one or two distinct people for each item, (n, 2), −1 where there is no second.

    Person p works mostly in niche p modulo `n_niches`; low numbers work most.
    """
    n = len(niche)
    per_niche = max(1, n_people // n_niches)
    nth = (rng.random((n, 2)) ** 2 * per_niche).astype(np.int64)
    near = np.minimum(nth * n_niches + niche[:, None], n_people - 1)
    far = (rng.random((n, 2)) ** 2 * n_people).astype(np.int64)
    people = np.where(rng.random((n, 2)) < follow_share, near, far)
    alone = (rng.random(n) < 0.8) | (people[:, 0] == people[:, 1])
    people[:, 1] = np.where(alone, -1, people[:, 1])
    return people
