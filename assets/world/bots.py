"""Four kinds of machine, each fast or slow; slow ones stay below the 99th percentile of people.

- A scraper walks the catalogue at regular gaps, day and night, and views items nobody showed it.
- A click farm's accounts share an address and push the same few items, with some cover.
- A fast clicker opens pages and clicks every item on them, faster than a hand.
- A replayer has one captured event and sends its id again and again: exact copies on its first
  day, and the same id with another time on that day and every other.
"""

import numpy as np
from numpy.typing import NDArray

from assets.world.events import CLICK, DETAIL, HOME, IMPRESSION, LIKE, PURCHASE, VIEW, Events
from assets.world.keys import mix, pack_key, uniform
from assets.world.people import CLICK_FARM, FAST_CLICKER, REPLAYER, SCRAPER
from assets.world.sessions import BOTS
from assets.world.world import World
from core.seeds import generator

_PAGE = 10
_DAY_SECONDS = 86_399.0
_REPLAY_BLOCK = (1 << 13) - 1  # a block number of its own for ids that outlive a day


def bot_events(world: World, day: int, block: int) -> tuple[Events, Events, int]:
    """Returns a day's events of one block's bots.

    Returns:
        The events with an id of their own; the replayed events, whose ids repeat, exact copies
        last; the number of those copies.
    """
    rng = generator(world.seed, "bots", str(day), str(block))
    users = _active_bots(world, day, block)
    kind = world.people.bot_kind[users]
    rate = world.people.bot_events_per_day[users] * rng.lognormal(0.0, 0.15, len(users))
    n_events = np.maximum(np.round(rate), 2).astype(np.int64)
    parts = [
        simulate(rng, world, day, users[kind == code], n_events[kind == code])
        for code, simulate in (
            (SCRAPER, _scrape),
            (CLICK_FARM, _push),
            (FAST_CLICKER, _click_fast),
        )
    ]
    own = Events.concat(parts)
    keys = pack_key(day, BOTS, block, np.arange(len(own)))
    own = Events(**{**vars(own), "key": mix(keys, world.salt("event"))})
    replayed, n_copies = _replay(
        rng, world, day, users[kind == REPLAYER], n_events[kind == REPLAYER]
    )
    return own, replayed, n_copies


def farm_targets(world: World, n_farms: int) -> NDArray[np.int64]:
    """Returns the items that each farm pushes, (n_farms, n): of middling popularity, there to stay."""
    items, n = world.items, world.parameters.bots.pushed_items_per_farm
    stock = np.flatnonzero((items.release_day < 0) & (items.last_day > world.n_days + 365))
    ranked = stock[np.argsort(items.appeal[stock], kind="stable")]
    middle = ranked[len(ranked) * 2 // 5 : len(ranked) * 3 // 5]
    rows = [
        generator(world.seed, "farm", str(farm)).choice(middle, n, replace=False)
        for farm in range(n_farms)
    ]
    return np.array(rows, dtype=np.int64).reshape(n_farms, n)


def _first_work_day(world: World, users: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.maximum(world.people.created_day[users] + 1, 0)


def _active_bots(world: World, day: int, block: int) -> NDArray[np.int64]:
    slots = world.block_users(block, day)
    users = np.flatnonzero(world.people.is_bot[slots]) + slots.start
    first = _first_work_day(world, users)
    draw = uniform(users.astype(np.uint64) << np.uint64(16) | np.uint64(day), world.salt("works"))
    works = (draw < world.parameters.bots.active_day_share) | (day == first)
    return users[works & (day >= first)]


def _scrape(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> Events:
    """Walks on from day to day, so that a slow scraper sees the catalogue too."""
    owner, nth = _expand(n_events)
    available = np.flatnonzero(world.items.available(day))
    start = mix(users.astype(np.uint64), world.salt("walk")) % np.uint64(len(available))
    walked = (day * np.ceil(world.people.bot_events_per_day[users])).astype(np.int64)
    item = available[(start.astype(np.int64)[owner] + walked[owner] + nth) % len(available)]
    gap = np.minimum(rng.uniform(2.0, 8.0, len(users)) * 1_500 / n_events, 40_000.0 / n_events)
    jitter = rng.uniform(0.02, 0.12, len(users))
    begin = rng.random(len(users)) * (_DAY_SECONDS - 1.2 * gap * n_events)
    second = begin[owner] + gap[owner] * (nth + jitter[owner] * rng.random(len(owner)))
    action = np.where(rng.random(len(owner)) < 0.8, VIEW, CLICK)
    value = np.where(action == VIEW, np.round(rng.uniform(0.3, 2.0, len(owner)), 1), np.nan)
    return _events(world, day, users, owner, item, action, second, value=value)


def _push(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> Events:
    """Works in shifts at any hour, at a human pace, without having been shown anything."""
    owner, _ = _expand(n_events)
    n, farm = len(owner), world.people.farm[users].astype(np.int64)
    targets = farm_targets(world, int(farm.max(initial=-1)) + 1)
    nth_target = rng.integers(0, world.parameters.bots.pushed_items_per_farm, n)
    cover = _popular_items(rng, world, day, n)
    pushes = rng.random(n) < world.parameters.bots.pushing_share
    item = np.where(pushes, targets[farm[owner], nth_target], cover) if n else cover
    action = rng.choice([CLICK, VIEW, LIKE, PURCHASE], n, p=[0.5, 0.32, 0.14, 0.04])
    action = np.where(pushes, action, CLICK)
    value = np.where(action == VIEW, np.round(rng.lognormal(4.0, 0.5, n), 1), np.nan)
    value = np.where(action == PURCHASE, 1.99, value)
    pause = rng.lognormal(np.log(18.0), 0.7, n)
    begin = rng.random(len(users)) * _DAY_SECONDS * 0.8
    second = begin[owner] + _running_sum(pause, n_events)
    return _events(world, day, users, owner, item, action, second, value=value)


def _click_fast(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> Events:
    """Opens whole pages of ten and clicks each place in turn, a fraction of a second apart."""
    n_pages = np.maximum(1, n_events // (2 * _PAGE))
    page_owner, _ = _expand(n_pages)
    pause = rng.lognormal(np.log(40.0), 0.8, len(page_owner)) + 2 * _PAGE
    begin = rng.random(len(users)) * _DAY_SECONDS * 0.8
    opened = begin[page_owner] + _running_sum(pause, n_pages)
    place = np.tile(np.arange(_PAGE), len(page_owner))
    owner, page_start = np.repeat(page_owner, _PAGE), np.repeat(opened, _PAGE)
    item = _popular_items(rng, world, day, len(owner))
    click_gaps = rng.uniform(0.08, 0.45, (len(page_owner), _PAGE))
    clicked_at = page_start + 0.3 + np.cumsum(click_gaps, axis=1).ravel()
    page_no = np.repeat(np.arange(len(page_owner)), _PAGE)
    twice = np.tile(page_no, 2)
    return _events(
        world,
        day,
        users,
        np.tile(owner, 2),
        np.tile(item, 2),
        np.repeat([IMPRESSION, CLICK], len(owner)),
        np.concatenate([page_start + 0.01 * place, clicked_at]),
        position=np.tile(place + 1, 2),
        session=twice,
        surface=HOME,
    )


def _replay(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> tuple[Events, int]:
    first = _first_work_day(world, users)
    hashed = mix(users.astype(np.uint64), world.salt("replay"))
    # The captured event: the first row of its id, in the first hours of the first working day.
    stock = np.flatnonzero((world.items.release_day < 0) & (world.items.last_day > world.n_days))
    item = stock[(hashed % np.uint64(len(stock))).astype(np.int64)]
    captured = 3_600.0 + 3_600.0 * uniform(hashed, world.salt("captured"))

    is_first = day == first
    share = world.parameters.bots.replay_copy_share
    n_copies = np.where(is_first, np.maximum(1, (share * n_events).astype(np.int64)), 0)
    n_other = np.maximum(1, n_events - n_copies - is_first)
    original = np.flatnonzero(is_first)
    other, nth = _expand(n_other)
    copies, _ = _expand(n_copies)
    owner = np.concatenate([original, other, copies])
    # Times never repeat within an id: each has a slot of its own after the captured one.
    slot = (_DAY_SECONDS - 8_000.0) / n_other[other]
    later = 8_000.0 + slot * (nth + 0.9 * rng.random(len(other)))
    second = np.concatenate([captured[original], later, captured[copies]])
    events = _events(
        world, day, users, owner, item[owner], np.full(len(owner), CLICK), second, session=owner
    )
    keys = pack_key(0, BOTS, _REPLAY_BLOCK, users[owner])
    sessions = mix(keys, world.salt("session"))
    events = Events(
        **{**vars(events), "key": mix(keys, world.salt("event")), "session": sessions}
    )
    return events, len(copies)


def _events(
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
    n, people = len(owner), world.people
    who = users[owner]
    number = owner if session is None else session
    keys = who.astype(np.uint64) << np.uint64(32) | number.astype(np.uint64)
    keys ^= mix(np.full(n, day, dtype=np.uint64), world.salt("bot session"))
    late = _overrun(owner, second, len(users))
    return Events(
        key=np.zeros(n, dtype=np.uint64),
        user=who,
        item=item,
        action=action.astype(np.int8),
        at_us=world.day_start_us(day) + ((second - late[owner]) * 1e6).astype(np.int64),
        value=np.full(n, np.nan) if value is None else value,
        session=mix(keys, world.salt("session")),
        position=np.zeros(n, np.int16) if position is None else position.astype(np.int16),
        surface=np.full(n, surface, dtype=np.int8),
        agent=people.agents[who, 0].astype(np.int8),
        address=people.address[who],
    )


def _overrun(
    owner: NDArray[np.int64], second: NDArray[np.float64], n_owners: int
) -> NDArray[np.float64]:
    """Returns by how much each bot's last event would miss the day's end."""
    last = np.zeros(n_owners)
    np.maximum.at(last, owner, second)
    return np.maximum(last - _DAY_SECONDS, 0.0)


def _popular_items(
    rng: np.random.Generator, world: World, day: int, n: int
) -> NDArray[np.int64]:
    ends = np.cumsum(world.exposure(day).weight)
    return np.searchsorted(ends, rng.random(n) * ends[-1], side="right")


def _expand(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns for each of counts.sum() rows its owner and its running number within the owner."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _running_sum(
    values: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns the sum of the values up to and with each, starting anew for each owner."""
    total = np.cumsum(values)
    before = np.concatenate([[0.0], total])[np.cumsum(counts) - counts]
    return total - np.repeat(before, counts)
