"""What is known of an item's reception at a cut."""

import narwhals as nw

from assets.features.weights import seen_events
from core.days import DAY_US
from core.engine import Frame
from core.transform_settings import MICRO, FeatureSettings

_COUNTS = ("n_users_1d", "n_users_7d", "n_users_30d", "n_users", "weight_micro")


def item_features(
    events: Frame, items: Frame, interactions: Frame, now_us: int, features: FeatureSettings
) -> Frame:
    """Returns ITEM_FEATURES as of the cut: one row for each item touched or shown before it.

    A user counts for an item where their weight for it is positive, and for a horizon where
    their latest touch of it lies in that horizon.

    Args:
        events: CLEAN_EVENTS; only events before the cut are seen.
        items: ITEMS; events of any other item are left out.
        interactions: INTERACTIONS at the same cut.
        now_us: the cut.
        features: the priors of trend and conversion.
    """
    shown = _exposure(seen_events(events, items, now_us))
    liked = _popularity(interactions, now_us)
    releases = items.select("item_id", "released_us")
    joined = shown.join(liked, on="item_id", how="left").join(releases, on="item_id", how="left")
    filled = joined.with_columns([nw.col(name).fill_null(0) for name in _COUNTS])
    released, first = nw.col("released_us"), nw.col("first_us")
    came_out = nw.when(released < first).then(released).otherwise(first)
    return filled.select(
        "item_id",
        *_COUNTS,
        _trend(features).alias("trend_micro"),
        "n_impressions",
        "n_clicks",
        "n_purchases",
        _conversion(features).alias("conversion_micro"),
        ((now_us - came_out) // DAY_US).alias("age_days"),
    )


def _exposure(events: Frame) -> Frame:
    """How often each item was shown, clicked and bought, and when first seen at all."""
    action = nw.col("action")

    def count(condition: nw.Expr) -> nw.Expr:
        return condition.cast(nw.Int64).sum().cast(nw.Int64)

    return events.group_by("item_id").agg(
        count(action == "impression").alias("n_impressions"),
        count((action == "click") | (action == "view")).alias("n_clicks"),
        count(action == "purchase").alias("n_purchases"),
        nw.col("occurred_us").min().alias("first_us"),
    )


def _popularity(interactions: Frame, now_us: int) -> Frame:
    """How many users each item pleased, by horizon, and the sum of its weights."""
    positive = (nw.col("weight_micro") > 0).cast(nw.Int64)
    since = {f"n_users_{days}d": now_us - days * DAY_US for days in (1, 7, 30)}
    marked = interactions.with_columns(
        positive.alias("n_users"),
        *(
            (positive * (nw.col("last_us") >= start).cast(nw.Int64)).alias(name)
            for name, start in since.items()
        ),
    )
    return marked.group_by("item_id").agg([nw.col(name).sum().cast(nw.Int64) for name in _COUNTS])


def _trend(features: FeatureSettings) -> nw.Expr:
    """Share of the 30 days' users who came in the last 7, drawn to 7/30 by the prior."""
    prior = features.trend_prior_users
    recent = nw.col("n_users_7d") * 30 + 7 * prior
    whole = (nw.col("n_users_30d") + prior) * 30
    # Without a prior an item that nobody liked for 30 days has no users to divide by.
    return nw.when(whole > 0).then(recent * MICRO // whole).otherwise(nw.lit(0, nw.Int64))


def _conversion(features: FeatureSettings) -> nw.Expr:
    """Clicks per impression, drawn to the prior; just the prior for what was never shown."""
    prior = features.conversion_prior_impressions
    prior_micro = round(features.conversion_prior_share * MICRO) * prior
    shown, clicked = nw.col("n_impressions"), nw.col("n_clicks")
    answered = nw.when(clicked < shown).then(clicked).otherwise(shown)
    return (answered * MICRO + prior_micro) // (shown + prior)
