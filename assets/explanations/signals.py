"""What holds of an item for everyone: new, trending, popular; defined as the sentences say it."""

import polars as pl

from core.days import DAY_US
from core.explanation_settings import ExplanationSettings

_WEEK, _MONTH = 7, 30


def item_signals(
    items: pl.DataFrame, item_features: pl.DataFrame, as_of_us: int, settings: ExplanationSettings
) -> pl.DataFrame:
    """Returns which sentences about everyone are true of each item.

    - new: it came out (or became available) within `new_days` before D;
    - trending: its daily users of the last 7 days are at least `trending_factor` times those of
      the last 30, and at least `trending_min_users` came in the 7;
    - popular: fewer than `popular_top` items have more users ever, ties broken by item id.

    Args:
        items: schema ITEMS.
        item_features: schema ITEM_FEATURES.
        as_of_us: D 00:00 UTC in microseconds.
        settings: the limits named above.

    Returns:
        item_id, is_new, is_trending, is_popular (bool, never null); by item id.
    """
    came_out = pl.coalesce("released_us", "available_from_us")
    first_new = as_of_us - settings.new_days * DAY_US
    week, month = pl.col("n_users_7d"), pl.col("n_users_30d")
    place = pl.struct(-pl.col("n_users"), "item_id").rank("ordinal")
    felt = item_features.select(
        "item_id",
        is_trending=(week >= settings.trending_min_users)
        & (week * _MONTH >= settings.trending_factor * month * _WEEK),
        is_popular=(place <= settings.popular_top) & (pl.col("n_users") > 0),
    )
    known = items.select("item_id", is_new=(came_out >= first_new) & (came_out < as_of_us))
    marks = ("is_new", "is_trending", "is_popular")
    return (
        known.join(felt, on="item_id", how="left")
        .select("item_id", *(pl.col(mark).fill_null(False) for mark in marks))
        .sort("item_id")
    )
