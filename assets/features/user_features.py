"""What is known of a user's habits and tastes at a cut."""

import narwhals as nw

from assets.features.weights import touches
from core.days import DAY_US
from core.engine import Frame


def user_features(events: Frame, items: Frame, interactions: Frame, now_us: int) -> Frame:
    """Returns USER_FEATURES as of the cut: one row for each user with an event other than
    impressions.

    Args:
        events: CLEAN_EVENTS; only events before the cut are seen.
        items: ITEMS; events of any other item are left out.
        interactions: INTERACTIONS at the same cut.
        now_us: the cut.
    """
    counted = touches(events, items, now_us).with_columns(
        (nw.col("occurred_us") // DAY_US).alias("day"),
        (nw.col("occurred_us") >= now_us - 7 * DAY_US).cast(nw.Int64).alias("in_7d"),
    )
    days = counted.group_by("user_id", "day").agg(
        nw.len().cast(nw.Int64).alias("n_events"),
        nw.col("in_7d").sum().cast(nw.Int64),
        nw.col("occurred_us").min().alias("first_us"),
        nw.col("occurred_us").max().alias("last_us"),
    )
    activity = days.group_by("user_id").agg(
        nw.col("n_events").sum().cast(nw.Int64),
        nw.len().cast(nw.Int64).alias("n_active_days"),
        nw.col("in_7d").sum().cast(nw.Int64).alias("n_events_7d"),
        nw.col("first_us").min(),
        nw.col("last_us").max(),
    )
    breadth = interactions.group_by("user_id").agg(
        nw.len().cast(nw.Int64).alias("n_items"),
        (nw.col("weight_micro") > 0).cast(nw.Int64).sum().cast(nw.Int64).alias("n_positive"),
    )
    return activity.join(breadth, on="user_id", how="inner").select(
        "user_id",
        "n_events",
        "n_items",
        "n_positive",
        "n_active_days",
        "n_events_7d",
        ((now_us - nw.col("last_us")) // DAY_US).alias("recency_days"),
        ((now_us - nw.col("first_us")) // DAY_US).alias("tenure_days"),
        "last_us",
    )


def user_categories(interactions: Frame, items: Frame) -> Frame:
    """Returns USER_CATEGORIES: each user's positive weight by the items' primary category.

    Items without a category, and dislikes, count for none; the shares of a user sum to 1.

    Args:
        interactions: INTERACTIONS; its cut is this table's.
        items: ITEMS.
    """
    known = items.filter(~nw.col("category").is_null()).select("item_id", "category")
    positive = interactions.filter(nw.col("weight_micro") > 0)
    by_category = (
        positive.join(known, on="item_id", how="inner")
        .group_by("user_id", "category")
        .agg(nw.col("weight_micro").sum().cast(nw.Int64))
    )
    totals = by_category.group_by("user_id").agg(
        nw.col("weight_micro").sum().cast(nw.Int64).alias("total_micro")
    )
    share = nw.col("weight_micro").cast(nw.Float64) / nw.col("total_micro").cast(nw.Float64)
    return by_category.join(totals, on="user_id", how="inner").select(
        "user_id", "category", "weight_micro", share.alias("share")
    )
