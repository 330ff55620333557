"""What holds of an item for everyone: new, trending, popular; defined as the sentences say it."""

import polars as pl

from core.days import DAY_US
from core.explanation_settings import ExplanationSettings
from core.schemas import WEEKS_BEFORE


def item_signals(
    items: pl.DataFrame, item_features: pl.DataFrame, as_of_us: int, settings: ExplanationSettings
) -> pl.DataFrame:
    """Returns which sentences about everyone are true of each item.

    - new: it came out within `new_days` before D, on a day that the catalogue knows: 1 January
      00:00 stands for a mere year, and being available says nothing of when it came out;
    - trending: its users of the last 7 days are at least `trending_factor` times those of the
      busiest of the three weeks before, and at least `trending_min_users` in number;
    - popular: fewer than `popular_top` items have more users ever, ties broken by item id.

    Args:
        items: schema ITEMS.
        item_features: schema ITEM_FEATURES.
        as_of_us: D 00:00 UTC in microseconds.
        settings: the limits named above.

    Returns:
        item_id, is_new, is_trending, is_popular (bool, never null); by item id.
    """
    came_out = pl.col("released_us")
    first_new = as_of_us - settings.new_days * DAY_US
    day_known = (came_out.cast(pl.Datetime("us")).dt.ordinal_day() > 1) | (came_out % DAY_US > 0)
    week, busiest = pl.col("n_users_7d"), pl.max_horizontal(WEEKS_BEFORE)
    place = pl.struct(-pl.col("n_users"), "item_id").rank("ordinal")
    felt = item_features.select(
        "item_id",
        is_trending=(week >= settings.trending_min_users)
        & (week >= settings.trending_factor * busiest),
        is_popular=(place <= settings.popular_top) & (pl.col("n_users") > 0),
    )
    known = items.select(
        "item_id", is_new=day_known & (came_out >= first_new) & (came_out < as_of_us)
    )
    marks = ("is_new", "is_trending", "is_popular")
    return (
        known.join(felt, on="item_id", how="left")
        .select("item_id", *(pl.col(mark).fill_null(False) for mark in marks))
        .sort("item_id")
    )
