"""What scrapers, click farms and fast clickers do on a day: their events, all bots at once.

Each takes the bots' user numbers and the number of rows each of them is to make, (B,).
"""

import numpy as np
from numpy.typing import NDArray

from assets.world.bot_rows import DAY_SECONDS, bot_rows, expand, popular_items, running_sum
from assets.world.events import CLICK, HOME, IMPRESSION, LIKE, PURCHASE, VIEW, Events
from assets.world.farms import farm_targets
from assets.world.keys import mix
from assets.world.world import World

_PAGE = 10


def scrape(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> Events:
    """Walks on from day to day, so that a slow scraper sees the catalogue too."""
    owner, nth = expand(n_events)
    available = np.flatnonzero(world.items.available(day))
    start = mix(users.astype(np.uint64), world.salt("walk")) % np.uint64(len(available))
    walked = (day * np.ceil(world.people.bot_events_per_day[users])).astype(np.int64)
    item = available[(start.astype(np.int64)[owner] + walked[owner] + nth) % len(available)]
    gap = np.minimum(rng.uniform(2.0, 8.0, len(users)) * 1_500 / n_events, 40_000.0 / n_events)
    jitter = rng.uniform(0.02, 0.12, len(users))
    begin = rng.random(len(users)) * (DAY_SECONDS - 1.2 * gap * n_events)
    second = begin[owner] + gap[owner] * (nth + jitter[owner] * rng.random(len(owner)))
    action = np.where(rng.random(len(owner)) < 0.8, VIEW, CLICK)
    value = np.where(action == VIEW, np.round(rng.uniform(0.3, 2.0, len(owner)), 1), np.nan)
    return bot_rows(world, day, users, owner, item, action, second, value=value)


def push(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> Events:
    """Works in shifts at any hour, at a human pace, without having been shown anything."""
    owner, _ = expand(n_events)
    n, farm = len(owner), world.people.farm[users].astype(np.int64)
    targets = farm_targets(world, int(farm.max(initial=-1)) + 1)
    nth_target = rng.integers(0, world.parameters.bots.pushed_items_per_farm, n)
    cover = popular_items(rng, world, day, n)
    pushes = rng.random(n) < world.parameters.bots.pushing_share
    item = np.where(pushes, targets[farm[owner], nth_target], cover) if n else cover
    action = rng.choice([CLICK, VIEW, LIKE, PURCHASE], n, p=[0.5, 0.32, 0.14, 0.04])
    action = np.where(pushes, action, CLICK)
    value = np.where(action == VIEW, np.round(rng.lognormal(4.0, 0.5, n), 1), np.nan)
    value = np.where(action == PURCHASE, 1.99, value)
    pace = np.exp(rng.uniform(np.log(8.0), np.log(60.0), len(users)))
    pause = pace[owner] * rng.lognormal(0.0, 0.7, n)
    begin = rng.random(len(users)) * DAY_SECONDS * 0.8
    second = begin[owner] + running_sum(pause, n_events)
    return bot_rows(world, day, users, owner, item, action, second, value=value)


def click_fast(
    rng: np.random.Generator,
    world: World,
    day: int,
    users: NDArray[np.int64],
    n_events: NDArray[np.int64],
) -> Events:
    """Opens whole pages of ten and clicks each place in turn, a fraction of a second apart."""
    n_pages = np.maximum(1, n_events // (2 * _PAGE))
    page_owner, _ = expand(n_pages)
    pause = rng.lognormal(np.log(40.0), 0.8, len(page_owner)) + 2 * _PAGE
    begin = rng.random(len(users)) * DAY_SECONDS * 0.8
    opened = begin[page_owner] + running_sum(pause, n_pages)
    place = np.tile(np.arange(_PAGE), len(page_owner))
    owner, page_start = np.repeat(page_owner, _PAGE), np.repeat(opened, _PAGE)
    item = popular_items(rng, world, day, len(owner))
    click_gaps = rng.uniform(0.08, 0.45, (len(page_owner), _PAGE))
    clicked_at = page_start + 0.3 + np.cumsum(click_gaps, axis=1).ravel()
    page_no = np.repeat(np.arange(len(page_owner)), _PAGE)
    twice = np.tile(page_no, 2)
    return bot_rows(
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
