"""Replayers: one captured event each, whose id comes again and again."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assets.world.bot_rows import DAY_SECONDS, bot_rows, expand
from assets.world.events import CLICK, Events
from assets.world.keys import mix, pack_key, uniform
from assets.world.sessions import BOTS
from assets.world.world import World

_REPLAY_BLOCK = (1 << 13) - 1  # a block number of its own for ids that outlive a day


def first_work_day(world: World, users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the first day on which each bot works: the day after its account was made."""
    first = world.people.created_day[users] + 1
    return np.asarray(np.maximum(first, 0), dtype=np.int64)


def replayed_rows(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> tuple[Events, int, int]:
    """Returns the rows that replayers send on a day, how many are copies, and how many conflict.

    On a bot's first day the captured event comes too, earlier than any conflicting row of its id.
    """
    first = first_work_day(world, users)
    hashed = mix(users.astype(np.uint64), world.salt("replay"))
    # The captured event: the first row of its id, in the first hours of the first working day.
    stock = np.flatnonzero(
        (world.items.release_day < 0) & (world.items.last_day > world.n_days + 365)
    )
    item = stock[(hashed % np.uint64(len(stock))).astype(np.int64)]
    captured = 3_600.0 + 3_600.0 * uniform(hashed, world.salt("captured"))

    is_first = day == first
    share = world.parameters.bots.replay_copy_share
    n_copies = np.where(is_first, np.maximum(1, (share * n_events).astype(np.int64)), 0)
    n_other = np.maximum(1, n_events - n_copies - is_first)
    original = np.flatnonzero(is_first)
    other, nth = expand(n_other)
    copies, _ = expand(n_copies)
    owner = np.concatenate([original, other, copies])
    # Times never repeat within an id: each has a slot of its own after the captured one.
    slot = (DAY_SECONDS - 8_000.0) / n_other[other]
    later = 8_000.0 + slot * (nth + 0.9 * rng.random(len(other)))
    second = np.concatenate([captured[original], later, captured[copies]])
    events = bot_rows(
        world, day, users, owner, item[owner], np.full(len(owner), CLICK), second, session=owner
    )
    keys = pack_key(0, BOTS, _REPLAY_BLOCK, users[owner])
    sessions = mix(keys, world.salt("session"))
    events = replace(events, key=mix(keys, world.salt("event")), session=sessions)
    return events, len(copies), len(other)
