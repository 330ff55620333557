"""What each event weighs: its action times how recent it is, in exact integers."""

import math

import narwhals as nw
import polars as pl

from core.days import DAY_US
from core.engine import Frame
from core.transform_settings import MICRO, ActionSettings, FeatureSettings

_BY_NAME = ("click", "view", "purchase", "like", "dislike", "hide")


def recency_table(features: FeatureSettings) -> pl.DataFrame:
    """Returns the recency multiplier in millionths by whole days of age.

    1 + (recent_factor - 1) · 2^(-age / half_life_days), rounded once, here, so that no engine's
    powers matter. Greater ages than the last row's have
    the multiplier 1.

    Returns:
        age_days int64 from 0 without gaps, recency_micro int64.
    """
    extra = (features.recent_factor - 1) * MICRO
    # From the age at which the extra weight rounds to nothing.
    last = math.ceil(features.half_life_days * math.log2(max(extra * 2, 1))) + 1
    ages = range(last + 1)
    micro = [MICRO + round(extra * 2 ** (-age / features.half_life_days)) for age in ages]
    return pl.DataFrame(
        {"age_days": list(ages), "recency_micro": micro},
        schema={"age_days": pl.Int64, "recency_micro": pl.Int64},
    )


def seen_events(events: Frame, items: Frame, now_us: int) -> Frame:
    """Returns the events before the cut that concern an item of ITEMS.

    An event can name an item that is not out yet (a leak, a wrong clock); no feature may know it.
    """
    earlier = events.filter(nw.col("occurred_us") < now_us)
    return earlier.join(items.select("item_id"), on="item_id", how="semi")


def touches(events: Frame, items: Frame, now_us: int) -> Frame:
    """Returns the seen events in which a user did something: no impressions."""
    return seen_events(events.filter(nw.col("action") != "impression"), items, now_us)


def action_weight(actions: ActionSettings) -> nw.Expr:
    """Returns the weight of an event's action in millionths, from `action` and `value`."""
    stars = nw.col("value")
    rating = (
        nw.when(stars >= actions.rating_positive_from)
        .then(nw.lit(actions.micro("rating_positive"), nw.Int64))
        .when(stars <= actions.rating_negative_to)
        .then(nw.lit(actions.micro("rating_negative"), nw.Int64))
        .otherwise(nw.lit(actions.micro("rating_neutral"), nw.Int64))
    )
    by_name = nw.col("action").replace_strict(
        ["impression", *_BY_NAME],
        [actions.micro(name) for name in ("impression", *_BY_NAME)],
        default=0,
        return_dtype=nw.Int64,
    )
    return nw.when(nw.col("action") == "rating").then(rating).otherwise(by_name)


def weigh(
    events: Frame, items: Frame, recency: Frame, now_us: int, actions: ActionSettings
) -> Frame:
    """Returns each touch before the cut with `action_micro` and `weight_micro`.

    Args:
        events: CLEAN_EVENTS.
        items: ITEMS.
        recency: `recency_table` on the events' engine.
        now_us: the cut; only events before it are seen.
        actions: what each action is worth.

    Returns:
        user_id, item_id, occurred_us, action_micro int64, weight_micro int64. The product of
        both factors is divided event by event, so that sums of a million events fit in 64 bits.
    """
    aged = touches(events, items, now_us).select(
        "user_id",
        "item_id",
        "occurred_us",
        action_weight(actions).alias("action_micro"),
        ((now_us - nw.col("occurred_us")) // DAY_US).alias("age_days"),
    )
    joined = aged.join(recency, on="age_days", how="left")
    weight = nw.col("action_micro") * nw.col("recency_micro").fill_null(MICRO) // MICRO
    return joined.select(
        "user_id", "item_id", "occurred_us", "action_micro", weight.alias("weight_micro")
    )
