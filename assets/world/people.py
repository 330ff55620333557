"""The accounts as numbers: tastes that drift, rhythm, place, and which of them are machines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.world.columns import DAY_US
from assets.world.growth import Growth
from assets.world.items import NEVER
from assets.world.parameters import WorldParameters
from assets.world.roles import assign_bots, log_uniform
from assets.world.space import TasteSpace, Vectors, unit
from assets.world.vocabulary import BROWSERS, COUNTRIES, CRAWLERS
from core.seeds import generator

_N_STATED = 3


@dataclass(frozen=True)
class People:
    """One row an account, in the order of creation. U accounts; −1 is "none"."""

    taste: Vectors  # (U, D) one set of interests
    other_taste: Vectors  # (U, D) the one they drift to, and back from
    drift_phase: NDArray[np.float32]  # (U,) in drifts
    drift_days: NDArray[np.float32]  # (U,)
    sessions_per_day: NDArray[np.float32]  # (U,) zero for bots
    created_us: NDArray[np.int64]  # (U,)
    created_day: NDArray[np.int64]  # (U,) before 0 for the first stock
    opt_out_day: NDArray[np.int64]  # (U,) day from which they refuse, or NEVER
    country: NDArray[np.int8]  # (U,)
    waking_shift: NDArray[np.float32]  # (U,) hours later than others
    agents: NDArray[np.int8]  # (U, 2) usual and second device
    address: NDArray[np.int32]  # (U,) number of the usual address prefix
    mobile_address: NDArray[np.int32]  # (U,)
    stated_preferences: NDArray[np.int8]  # (U, 3) genres
    stated_dislikes: NDArray[np.int8]  # (U, 3) genres
    is_heavy: NDArray[np.bool_]  # (U,) a busy person
    is_bot: NDArray[np.bool_]  # (U,)
    bot_kind: NDArray[np.int8]  # (U,) index into BOT_KINDS, or −1
    bot_is_slow: NDArray[np.bool_]  # (U,)
    bot_events_per_day: NDArray[np.float32]  # (U,) zero for people
    farm: NDArray[np.int32]  # (U,) number of the click farm, or −1

    def __len__(self) -> int:
        """Returns the number of accounts."""
        return len(self.is_bot)

    def taste_at(self, users: NDArray[np.int64], day: float) -> Vectors:
        """Returns the tastes of some users on a day, (n, D) float32 of length 1.

        A taste goes along the arc from one set of interests to the other and back, so that any day
        can be had without the days before it.
        """
        turn = day / self.drift_days[users] + self.drift_phase[users]
        angle = np.pi / 2 * np.abs(turn % 2.0 - 1.0)
        return unit(
            np.cos(angle)[:, None] * self.taste[users]
            + np.sin(angle)[:, None] * self.other_taste[users]
        )


def draw_people(
    parameters: WorldParameters,
    seed: int,
    space: TasteSpace,
    growth: Growth,
    *,
    first_day_us: int,
    n_users: int,
    n_homes: int,
    n_mobile: int,
) -> People:
    """Returns the first `n_users` accounts; more accounts of the same world start with them."""
    size = parameters.scale.users_per_block
    columns: dict[str, list[NDArray[Any]]] = {}
    for block in range(-(-n_users // size)):
        numbers = np.arange(block * size, (block + 1) * size)
        rng = generator(seed, "people", str(block))
        drawn = {
            **_draw_rhythm(rng, parameters, growth, numbers, n_homes, n_mobile),
            **_draw_tastes(rng, parameters, space, size),
        }
        for name, values in drawn.items():
            columns.setdefault(name, []).append(values[: n_users - block * size])
    raw = {name: np.concatenate(values) for name, values in columns.items()}
    raw["created_us"] = first_day_us + raw.pop("created_after_us")
    return People(**assign_bots(raw, parameters, n_homes))


def _draw_rhythm(
    rng: np.random.Generator,
    parameters: WorldParameters,
    growth: Growth,
    numbers: NDArray[np.int64],
    n_homes: int,
    n_mobile: int,
) -> dict[str, NDArray[Any]]:
    people, n = parameters.people, len(numbers)
    arrival = growth.arrival_day(numbers)
    age = (rng.exponential(400.0, n)).astype(np.int64)
    created_day = np.where(arrival < 0, -1 - age, arrival)
    # Nobody joins in a day's last two hours: the first session still fits that day.
    second_of_day = rng.integers(0, 22 * 3600 * 1_000_000, n)
    rate = people.median_sessions_per_day * np.exp(people.sessions_spread * rng.standard_normal(n))
    rate = np.minimum(rate, people.max_sessions_per_day)
    is_heavy = rng.random(n) < people.heavy_share
    rate = np.where(is_heavy, log_uniform(rng.random(n), people.heavy_sessions_per_day), rate)
    opts_out = rng.random(n) < people.opted_out_share
    later = rng.random(n) < people.opt_out_later_share
    delay = np.where(later, 1 + rng.exponential(people.opt_out_mean_days, n).astype(np.int64), 0)
    country_share = np.array([share for share, _ in COUNTRIES.values()])
    return {
        "sessions_per_day": rate.astype(np.float32),
        "created_after_us": created_day * DAY_US + second_of_day,
        "created_day": created_day,
        "opt_out_day": np.where(opts_out, np.maximum(created_day, 0) + delay, NEVER),
        "country": rng.choice(len(COUNTRIES), n, p=country_share / country_share.sum()).astype(
            np.int8
        ),
        "waking_shift": rng.normal(0.0, 1.0, n).astype(np.float32),
        "agents": rng.integers(0, len(BROWSERS), (n, 2), dtype=np.int8),
        "address": rng.integers(0, n_homes, n, dtype=np.int32),
        "mobile_address": rng.integers(0, n_mobile, n, dtype=np.int32),
        "is_heavy": is_heavy,
        "is_bot": rng.random(n) < parameters.bots.share,
        "crawler": rng.integers(0, len(CRAWLERS), n, dtype=np.int8),
        "says_crawler": rng.random(n) < parameters.bots.crawler_agent_share,
        "bot_rate_draw": rng.random(n),
    }


def _draw_tastes(
    rng: np.random.Generator, parameters: WorldParameters, space: TasteSpace, n: int
) -> dict[str, NDArray[Any]]:
    taste = parameters.taste
    n_dims = taste.dimensions

    def interests() -> Vectors:
        niches = rng.choice(space.n_niches, (n, len(taste.niche_weights)), p=space.niche_share)
        vectors = taste.noise * unit(rng.standard_normal((n, n_dims), dtype=np.float32))
        for nth, weight in enumerate(taste.niche_weights):
            vectors += np.float32(weight) * space.niche_vectors[niches[:, nth]]
        return unit(vectors)

    first = interests()
    likes = first @ space.genre_vectors.T  # (n, G)
    likes += taste.stated_noise * rng.standard_normal(likes.shape, dtype=np.float32)
    order = np.argsort(-likes, axis=1, kind="stable").astype(np.int8)
    n_liked = rng.integers(1, _N_STATED + 1, n)
    n_liked = np.where(rng.random(n) < taste.stated_preferences_share, n_liked, 0)
    n_disliked = rng.integers(1, _N_STATED, n)
    n_disliked = np.where(rng.random(n) < taste.stated_dislikes_share, n_disliked, 0)
    nth = np.arange(_N_STATED)
    spread = np.exp(taste.drift_spread * rng.standard_normal(n))
    return {
        "taste": first,
        "other_taste": interests(),
        "drift_phase": (2.0 * rng.random(n)).astype(np.float32),
        "drift_days": (taste.drift_days * spread).astype(np.float32),
        "stated_preferences": np.where(nth < n_liked[:, None], order[:, :_N_STATED], np.int8(-1)),
        "stated_dislikes": np.where(
            nth < n_disliked[:, None], order[:, : -_N_STATED - 1 : -1], np.int8(-1)
        ),
    }
