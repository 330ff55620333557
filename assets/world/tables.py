"""The rows of `items` and `users` that a day's files bring: all at first, then what is new."""

import numpy as np
import polars as pl
import pyarrow as pa

from assets.world.catalogue import draw_catalogue
from assets.world.columns import named_lists, utc_times
from assets.world.keys import user_ids
from assets.world.space import GENRE_NAMES
from assets.world.vocabulary import COUNTRIES
from assets.world.world import World


def all_items(world: World) -> pl.DataFrame:
    """Returns the table `items` of the whole world."""
    return draw_catalogue(
        world.parameters,
        world.seed,
        world.space,
        world.items,
        first_day=world.first_day,
        n_actors=max(48, world.n_items // 3),
    )


def items_of_day(world: World, items: pl.DataFrame, day: int) -> pa.Table:
    """Returns the items that a day's file announces: on day 0 the stock too."""
    first = world.item_growth.count_at(day - 1) if day > 0 else 0
    return _plain(items[first : world.item_growth.count_at(day)])


def users_of_day(world: World, day: int, block: int) -> pa.Table:
    """Returns the accounts that a day's file brings, of one block of users.

    New ones, on day 0 the stock too; and those who opted out that day, whose row replaces the
    earlier one of the same id.
    """
    slots, people = world.block_users(block, day), world.people
    created, opted_out = people.created_day[slots], people.opt_out_day[slots]
    is_new = (created == day) | (day == 0)
    rows = np.flatnonzero(is_new | (opted_out == day)) + slots.start
    return _plain(
        pl.DataFrame(
            {
                "user_id": user_ids(slots.start, slots.stop).gather(rows - slots.start),
                "created_at": utc_times(people.created_us[rows]),
                "preferences": named_lists(people.stated_preferences[rows], GENRE_NAMES),
                "dislikes": named_lists(people.stated_dislikes[rows], GENRE_NAMES),
                "country": pl.Series(list(COUNTRIES)).gather(people.country[rows]),
                "opted_out": people.opt_out_day[rows] <= day,
            }
        )
    )


def _plain(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
