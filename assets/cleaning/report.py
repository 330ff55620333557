"""Who was excluded, why, and what that changed in popularity."""

from typing import Any

import narwhals as nw
import polars as pl

from core.days import DAY_US, day_of_us
from core.engine import Engine, Frame

TOP_ITEMS = 20


def exclusion_report(
    engine: Engine, clean_events: Frame, excluded_events: Frame, bot_scores: Frame
) -> dict[str, Any]:
    """Returns what cleaning left out, as JSON values.

    Args:
        engine: the frames' engine.
        clean_events: CLEAN_EVENTS.
        excluded_events: EXCLUDED_EVENTS.
        bot_scores: BOT_SCORES.

    Returns:
        excluded: users and events by reason of exclusion; bots_by_reason: bots by signal that
        fired, a bot once for each; popularity: each item that is among the 20 most touched before
        or after bots were left out, with rank and number of touches both ways, most touched
        first; n_replaced: how many of the 20 are others now.
    """
    popularity = compare_popularity(
        engine.collect(_touches(clean_events)),
        engine.collect(_touches(excluded_events.filter(nw.col("reason") == "bot"))),
    )
    return {
        "excluded": engine.collect(_by_reason(excluded_events)).sort("reason").to_dicts(),
        "bots_by_reason": bots_by_reason(engine, bot_scores),
        "popularity": popularity.to_dicts(),
        "n_replaced": popularity.filter(pl.col("rank_after") > TOP_ITEMS).height,
    }


def bots_by_reason(engine: Engine, bot_scores: Frame) -> dict[str, int]:
    """Returns how many bots each signal fired for, most first."""
    bots = engine.collect(bot_scores.filter(nw.col("is_bot")).select("reasons"))
    counts = (
        bots.select(reason=pl.col("reasons").str.split("|"))
        .explode("reason", empty_as_null=False)
        .group_by("reason")
        .agg(n_users=pl.len().cast(pl.Int64))
        .sort(-pl.col("n_users"), "reason")
    )
    return dict(counts.iter_rows())


def events_a_day(engine: Engine, events: Frame) -> dict[str, int]:
    """Returns the number of events on each day that has any, by ISO date."""
    days = events.select((nw.col("occurred_us") // DAY_US).alias("day"))
    counts = engine.collect(days.group_by("day").agg(nw.len().cast(nw.Int64).alias("n"))).sort(
        "day"
    )
    return {day_of_us(day * DAY_US).isoformat(): n for day, n in counts.iter_rows()}


def compare_popularity(clean: pl.DataFrame, bots: pl.DataFrame) -> pl.DataFrame:
    """Returns the most touched items with and without bots; equal counts by item id.

    Args:
        clean: item_id, n_touches by people.
        bots: item_id, n_touches by bots.

    Returns:
        item_id, rank_before, rank_after, touches_before, touches_after.
    """
    both = pl.concat([clean, bots]).group_by("item_id").agg(touches_before=pl.sum("n_touches"))
    joined = both.join(clean.rename({"n_touches": "touches_after"}), on="item_id", how="left")
    ranked = joined.with_columns(pl.col("touches_after").fill_null(0))
    for side in ("after", "before"):
        ranked = ranked.sort(-pl.col(f"touches_{side}"), "item_id").with_columns(
            pl.int_range(1, pl.len() + 1).alias(f"rank_{side}")
        )
    top = ranked.filter(pl.min_horizontal("rank_before", "rank_after") <= TOP_ITEMS)
    return top.sort("rank_before").select(
        "item_id", "rank_before", "rank_after", "touches_before", "touches_after"
    )


def _by_reason(excluded_events: Frame) -> Frame:
    users = excluded_events.group_by("reason", "user_id").agg(
        nw.len().cast(nw.Int64).alias("n_events")
    )
    return users.group_by("reason").agg(
        nw.len().cast(nw.Int64).alias("n_users"), nw.col("n_events").sum().cast(nw.Int64)
    )


def _touches(events: Frame) -> Frame:
    counted = events.filter(nw.col("action") != "impression").group_by("item_id")
    return counted.agg(nw.len().cast(nw.Int64).alias("n_touches"))
