"""Which accounts are machines, of which kind, how fast and in which farm."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.world.parameters import WorldParameters
from assets.world.vocabulary import BROWSERS

BOT_KINDS = ("scraper", "click_farm", "fast_clicker", "replayer")
SCRAPER, CLICK_FARM, FAST_CLICKER, REPLAYER = range(4)


def assign_bots(
    raw: dict[str, NDArray[Any]], parameters: WorldParameters, n_homes: int
) -> dict[str, NDArray[Any]]:
    """Turns draws into roles; kinds go round in turn, so that small worlds have all four."""
    bots, is_bot = parameters.bots, raw["is_bot"]
    nth = np.cumsum(is_bot) - 1
    kind = np.where(is_bot, nth % len(BOT_KINDS), -1).astype(np.int8)
    turn = nth // len(BOT_KINDS)
    is_slow = is_bot & (np.ceil((turn + 1) * bots.slow_share) > np.ceil(turn * bots.slow_share))
    draw = raw.pop("bot_rate_draw")
    rate = np.where(
        is_slow,
        log_uniform(draw, bots.slow_events_per_day),
        log_uniform(draw, bots.fast_events_per_day),
    )
    farm = np.where(kind == CLICK_FARM, turn // bots.farm_size, -1)
    crawler, says_crawler = raw.pop("crawler"), raw.pop("says_crawler")
    as_crawler = (kind == SCRAPER) & says_crawler
    agent = np.where(as_crawler, len(BROWSERS) + crawler, raw["agents"][:, 0])
    return {
        **raw,
        # A bot has one device, and a farm's accounts have one address of their own.
        "agents": np.stack([agent, np.where(is_bot, agent, raw["agents"][:, 1])], axis=1),
        "address": np.where(farm >= 0, n_homes + farm, raw["address"]).astype(np.int32),
        "sessions_per_day": np.where(is_bot, np.float32(0.0), raw["sessions_per_day"]),
        "is_heavy": raw["is_heavy"] & ~is_bot,
        "bot_kind": kind,
        "bot_is_slow": is_slow,
        "bot_events_per_day": np.where(is_bot, rate, 0.0).astype(np.float32),
        "farm": farm.astype(np.int32),
    }


def log_uniform(draw: NDArray[np.floating], bounds: tuple[float, float]) -> NDArray[np.float64]:
    """Returns numbers in [0, 1) spread over the bounds, evenly in their logarithm."""
    low, high = bounds
    return np.asarray(low * (high / low) ** draw, dtype=np.float64)
