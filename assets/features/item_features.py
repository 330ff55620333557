"""What is known of an item's reception at a cut."""

import narwhals as nw

from assets.features.weights import seen_events, touches
from core.days import DAY_US
from core.engine import Frame
from core.schemas import WEEKS_BEFORE
from core.transform_settings import MICRO, FeatureSettings

_HORIZONS = ("n_users_1d", "n_users_7d", "n_users_30d", "n_users")
_COUNTS = (*_HORIZONS, *WEEKS_BEFORE, "weight_micro")
_WEEK_US = 7 * DAY_US


def item_features(
    events: Frame, items: Frame, interactions: Frame, now_us: int, features: FeatureSettings
) -> Frame:
    """Returns ITEM_FEATURES as of the cut: one row for each item touched or shown before it.

    A user counts for an item where their weight for it is positive: for a horizon where their
    latest touch of it lies in that horizon, and for every week in which they touched it.

    Args:
        events: CLEAN_EVENTS; only events before the cut are seen.
        items: ITEMS; events of any other item are left out.
        interactions: INTERACTIONS at the same cut.
        now_us: the cut.
        features: the priors of trend and conversion.
    """
    shown = _exposure(seen_events(events, items, now_us))
    liked = _popularity(interactions, now_us)
    before = _weeks_before(events, items, interactions, now_us)
    releases = items.select("item_id", "released_us")
    joined = (
        shown.join(liked, on="item_id", how="left")
        .join(before, on="item_id", how="left")
        .join(releases, on="item_id", how="left")
    )
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
    return marked.group_by("item_id").agg(
        [nw.col(name).sum().cast(nw.Int64) for name in (*_HORIZONS, "weight_micro")]
    )


def _weeks_before(events: Frame, items: Frame, interactions: Frame, now_us: int) -> Frame:
    """How many of the users whom each item pleased touched it in each of the weeks before.

    Not from INTERACTIONS: a latest touch hides the earlier ones of whoever came again.
    """
    occurred = nw.col("occurred_us")
    starts = {name: now_us - (2 + n) * _WEEK_US for n, name in enumerate(WEEKS_BEFORE)}
    recent = events.filter(occurred >= min(starts.values()))
    marked = touches(recent, items, now_us - _WEEK_US).with_columns(
        ((occurred >= start) & (occurred < start + _WEEK_US)).cast(nw.Int64).alias(name)
        for name, start in starts.items()
    )
    came = marked.group_by("user_id", "item_id").agg([nw.col(name).max() for name in WEEKS_BEFORE])
    pleased = interactions.filter(nw.col("weight_micro") > 0).select("user_id", "item_id")
    return (
        came.join(pleased, on=["user_id", "item_id"], how="semi")
        .group_by("item_id")
        .agg([nw.col(name).sum().cast(nw.Int64) for name in WEEKS_BEFORE])
    )


def _trend(features: FeatureSettings) -> nw.Expr:
    """Share of four weeks' users who came in the last, each once a week, drawn to 1/4."""
    prior = features.trend_prior_users
    recent = nw.col("n_users_7d")
    n_weeks = 1 + len(WEEKS_BEFORE)
    whole = (sum((nw.col(name) for name in WEEKS_BEFORE), recent) + prior) * n_weeks
    recent = recent * n_weeks + prior
    # Without a prior an item that nobody liked for four weeks has no users to divide by.
    return nw.when(whole > 0).then(recent * MICRO // whole).otherwise(nw.lit(0, nw.Int64))


def _conversion(features: FeatureSettings) -> nw.Expr:
    """Clicks per impression, drawn to the prior; just the prior for what was never shown."""
    prior = features.conversion_prior_impressions
    prior_micro = round(features.conversion_prior_share * MICRO) * prior
    shown, clicked = nw.col("n_impressions"), nw.col("n_clicks")
    answered = nw.when(clicked < shown).then(clicked).otherwise(shown)
    return (answered * MICRO + prior_micro) // (shown + prior)
