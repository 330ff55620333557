"""Users' weighted relations to items, and which of them are the latest."""

import narwhals as nw

from assets.features.weights import weigh
from core.engine import Frame
from core.transform_settings import ActionSettings


def interactions(
    events: Frame, items: Frame, recency: Frame, now_us: int, actions: ActionSettings
) -> Frame:
    """Returns INTERACTIONS as of the cut: one row for each user and item that they touched.

    Args:
        events: CLEAN_EVENTS.
        items: ITEMS; events of any other item are left out.
        recency: `weights.recency_table` on the events' engine.
        now_us: the cut; only events before it are seen.
        actions: what each action is worth; an event of negative worth counts in `n_negative`.
    """
    weighed = weigh(events, items, recency, now_us, actions)
    return weighed.group_by("user_id", "item_id").agg(
        nw.col("weight_micro").sum().cast(nw.Int64),
        nw.len().cast(nw.Int64).alias("n_events"),
        (nw.col("action_micro") < 0).cast(nw.Int64).sum().cast(nw.Int64).alias("n_negative"),
        nw.col("occurred_us").max().alias("last_us"),
    )


def recent_items(interactions: Frame, n_items: int) -> Frame:
    """Returns RECENT_ITEMS: each user's latest items, equal times by item id.

    Args:
        interactions: INTERACTIONS; its cut is this table's.
        n_items: how many to keep for a user.
    """
    newest_first = interactions.with_columns((-nw.col("last_us")).alias("age_order"))
    rank = nw.col("item_id").cum_count().over("user_id", order_by=["age_order", "item_id"])
    ranked = newest_first.with_columns(rank.cast(nw.Int32).alias("rank"))
    return ranked.filter(nw.col("rank") <= n_items).select("user_id", "rank", "item_id", "last_us")
