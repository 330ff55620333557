"""Event rows of bots, and the arithmetic of many bots with different numbers of rows at once."""

import numpy as np
from numpy.typing import NDArray

from assets.world.events import DETAIL, Events
from assets.world.keys import mix
from assets.world.world import World

DAY_SECONDS = 86_399.0


def bot_rows(
    world: World,
    day: int,
    users: NDArray[np.int64],
    owner: NDArray[np.int64],
    item: NDArray[np.int64],
    action: NDArray[np.integer],
    second: NDArray[np.float64],
    *,
    value: NDArray[np.float64] | None = None,
    position: NDArray[np.int64] | None = None,
    session: NDArray[np.int64] | None = None,
    surface: int = DETAIL,
) -> Events:
    """Returns event rows whose ids are still to be given.

    Args:
        world: The world.
        day: Number of the day.
        users: User numbers of the bots, (B,).
        owner: Which bot makes each row, (n,).
        item: Item number of each row.
        action: Action of each row.
        second: Time of each row since midnight; a bot that would not finish its day is faster.
        value: Value of each row, NaN for none.
        position: Place of each row on its page, from 1.
        session: Number of each row's session among the bot's of that day; by default one for all.
        surface: Where all of it happens.
    """
    n, people = len(owner), world.people
    who = users[owner]
    number = owner if session is None else session
    keys = who.astype(np.uint64) << np.uint64(32) | number.astype(np.uint64)
    keys ^= mix(np.full(n, day, dtype=np.uint64), world.salt("bot session"))
    pace = _pace(owner, second, len(users))
    return Events(
        key=np.zeros(n, dtype=np.uint64),
        user=who,
        item=item,
        action=action.astype(np.int8),
        at_us=world.day_start_us(day) + (second * pace[owner] * 1e6).astype(np.int64),
        value=np.full(n, np.nan) if value is None else value,
        session=mix(keys, world.salt("session")),
        position=np.zeros(n, np.int16) if position is None else position.astype(np.int16),
        surface=np.full(n, surface, dtype=np.int8),
        agent=people.agents[who, 0].astype(np.int8),
        address=people.address[who],
    )


def _pace(
    owner: NDArray[np.int64], second: NDArray[np.float64], n_owners: int
) -> NDArray[np.float64]:
    """Returns the factor that brings each bot's last row into the day, at most 1."""
    last = np.full(n_owners, DAY_SECONDS)
    np.maximum.at(last, owner, second)
    return np.asarray(DAY_SECONDS / last)


def popular_items(rng: np.random.Generator, world: World, day: int, n: int) -> NDArray[np.int64]:
    """Returns `n` items drawn by that day's popularity alone."""
    ends = np.cumsum(world.exposure(day).weight)
    return np.asarray(np.searchsorted(ends, rng.random(n) * ends[-1], side="right"))


def expand(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns for each of counts.sum() rows its owner and its running number within the owner."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def running_sum(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the sum of the values up to and with each, starting anew for each owner."""
    total = np.cumsum(values)
    before = np.concatenate([[0.0], total])[np.cumsum(counts) - counts]
    return np.asarray(total - np.repeat(before, counts))
