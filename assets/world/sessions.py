"""Who comes when, and the events of their sessions.

The process remembers nothing: each day, stream and block of users has a generator of its own, so a
day's events are the same whether it is drawn alone or among others.
"""

import numpy as np
from numpy.typing import NDArray

from assets.world.behaviour import draw_acts
from assets.world.columns import DAY_US
from assets.world.events import Events
from assets.world.keys import mix, pack_key
from assets.world.pages import draw_pages
from assets.world.vocabulary import COUNTRIES
from assets.world.world import World
from core.seeds import generator

# Streams are separate populations of sessions, by when their events are delivered: on their day,
# k days late, or both on their day and the next. So a file's late rows need no second simulation.
ON_TIME, RESENT, BOTS, MALFORMED = 0, 8, 9, 10
_UTC_HOURS_AHEAD = np.array([hours for _, hours in COUNTRIES.values()])
_WAKING_HOURS = np.array([[20.5, 2.0], [13.0, 2.3], [8.5, 1.3]])  # mean and spread
_WAKING_SHARES = (0.55, 0.3, 0.15)
_MOBILE_SHARE = 0.3
_SECOND_DEVICE_SHARE = 0.2


def stream_share(world: World, stream: int) -> float:
    """Returns the share of sessions that a stream carries."""
    faults = world.parameters.faults
    if stream == ON_TIME:
        return 1.0 - faults.late_share - faults.resent_share
    if stream == RESENT:
        return faults.resent_share
    return faults.late_share * faults.late_day_shares[stream - 1]


def people_events(world: World, day: int, block: int, stream: int) -> Events:
    """Returns the events of one block's people on a day, in the order of their keys, not of time.

    Every event lies in the UTC day and after its user's creation.
    """
    rng = generator(world.seed, "sessions", str(day), str(block), str(stream))
    people, parameters = world.people, world.parameters
    users = _draw_visitors(rng, world, day, block, stream)
    start_us = _draw_starts(rng, world, day, users)
    pages = draw_pages(
        rng, parameters.sessions, world.exposure(day), world.items, people.taste_at(users, day)
    )
    acts = draw_acts(rng, parameters.sessions, pages)

    # A session that would cross midnight is told faster.
    longest = np.zeros(len(users))
    np.maximum.at(longest, acts.session, acts.second)
    left = (world.day_start_us(day + 1) - start_us) / 1e6 - 0.001
    pace = np.minimum(1.0, left / np.maximum(longest, 1e-9))
    at_us = start_us[acts.session] + (acts.second * pace[acts.session] * 1e6).astype(np.int64)

    second_device = rng.random(len(users)) < _SECOND_DEVICE_SHARE
    agent = people.agents[users, second_device.astype(np.int64)]
    mobile = rng.random(len(users)) < _MOBILE_SHARE
    address = np.where(mobile, -1 - people.mobile_address[users], people.address[users])
    session_key = pack_key(day, stream, block, np.arange(len(users)))
    key = pack_key(day, stream, block, np.arange(len(acts.session)))
    return Events(
        key=mix(key, world.salt("event")),
        user=users[acts.session],
        item=pages.item[acts.session, acts.place],
        action=acts.action,
        at_us=at_us,
        value=acts.value,
        session=mix(session_key, world.salt("session"))[acts.session],
        position=(acts.place + 1).astype(np.int16),
        surface=pages.surface[acts.session].astype(np.int8),
        agent=agent[acts.session],
        address=address[acts.session].astype(np.int32),
    )


def _draw_visitors(
    rng: np.random.Generator, world: World, day: int, block: int, stream: int
) -> NDArray[np.int64]:
    """Returns the user of each session, (S,): as many as a Poisson draw for each user gives."""
    people, slots = world.people, world.block_users(block, day)
    rate = np.cumsum(people.sessions_per_day[slots], dtype=np.float64)
    is_weekend = (world.day_start_us(day) // DAY_US + 3) % 7 >= 5
    factor = world.parameters.people.weekend_factor if is_weekend else 1.0
    n_sessions = rng.poisson(rate[-1] * factor * stream_share(world, stream))
    users = np.searchsorted(rate, rng.random(n_sessions) * rate[-1], side="right") + slots.start
    if stream == ON_TIME:
        new = np.flatnonzero(people.created_day[slots] == day) + slots.start
        stays = rng.random(len(new)) < world.parameters.people.first_day_session_share
        users = np.concatenate([users, new[stays & ~people.is_bot[new]]])
    return np.asarray(np.minimum(users, slots.stop - 1), dtype=np.int64)


def _draw_starts(
    rng: np.random.Generator, world: World, day: int, users: NDArray[np.int64]
) -> NDArray[np.int64]:
    people, n = world.people, len(users)
    time_of_day = _WAKING_HOURS[rng.choice(3, n, p=_WAKING_SHARES)]
    local = time_of_day[:, 0] + time_of_day[:, 1] * rng.standard_normal(n)
    local += people.waking_shift[users]
    anytime = rng.random(n) < world.parameters.people.night_share
    local = np.where(anytime, 24.0 * rng.random(n), local)
    utc = (local - _UTC_HOURS_AHEAD[people.country[users]]) % 24.0
    # The last minute is left free, so that even the latest session has room.
    start = world.day_start_us(day) + (np.minimum(utc * 3600, 86_340.0) * 1e6).astype(np.int64)
    return np.asarray(np.maximum(start, people.created_us[users] + 5_000_000), dtype=np.int64)
