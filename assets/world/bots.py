"""Four kinds of machine, each fast or slow; slow ones stay below the 99th percentile of people.

- A scraper walks the catalogue at regular gaps, day and night, and views items nobody showed it.
- A click farm's accounts share an address and push the same few items, with some cover.
- A fast clicker opens pages and clicks every item on them, faster than a hand.
- A replayer has one captured event and sends its id again and again: exact copies on its first
  day, and the same id with another time on that day and every other.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assets.world.bot_kinds import click_fast, push, scrape
from assets.world.events import Events
from assets.world.keys import mix, pack_key, uniform
from assets.world.replay import first_work_day, replayed_rows
from assets.world.roles import CLICK_FARM, FAST_CLICKER, REPLAYER, SCRAPER
from assets.world.sessions import BOTS
from assets.world.world import World
from core.seeds import generator


@dataclass(frozen=True)
class BotEvents:
    """A day's events of one block's bots."""

    own: Events  # each with an id of its own
    replayed: Events  # those whose id repeats, and the first of each
    n_copies: int  # replayed with the same payload
    n_conflicts: int  # replayed with another time


def bot_events(world: World, day: int, block: int) -> BotEvents:
    """Returns what one block's bots do on a day."""
    rng = generator(world.seed, "bots", str(day), str(block))
    users = _active_bots(world, day, block)
    kind = world.people.bot_kind[users]
    rate = world.people.bot_events_per_day[users] * rng.lognormal(0.0, 0.15, len(users))
    n_events = np.maximum(np.round(rate), 2).astype(np.int64)
    parts = [
        simulate(rng, world, day, users[kind == code], n_events[kind == code])
        for code, simulate in (
            (SCRAPER, scrape),
            (CLICK_FARM, push),
            (FAST_CLICKER, click_fast),
        )
    ]
    own = Events.concat(parts)
    keys = pack_key(day, BOTS, block, np.arange(len(own)))
    own = replace(own, key=mix(keys, world.salt("event")))
    replays = kind == REPLAYER
    replayed, n_copies, n_conflicts = replayed_rows(
        rng, world, day, users[replays], n_events[replays]
    )
    return BotEvents(own=own, replayed=replayed, n_copies=n_copies, n_conflicts=n_conflicts)


def _active_bots(world: World, day: int, block: int) -> NDArray[np.int64]:
    slots = world.block_users(block, day)
    users = np.flatnonzero(world.people.is_bot[slots]) + slots.start
    first = first_work_day(world, users)
    draw = uniform(users.astype(np.uint64) << np.uint64(16) | np.uint64(day), world.salt("works"))
    works = (draw < world.parameters.bots.active_day_share) | (day == first)
    return np.asarray(users[works & (day >= first)])
