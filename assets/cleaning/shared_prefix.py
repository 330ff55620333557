"""Users behind one address prefix who push the same items."""

import narwhals as nw

from core.engine import Engine, Frame
from core.transform_settings import BotSettings


def pushed_acts(acts: Frame, engine: Engine, settings: BotSettings) -> Frame:
    """Returns how many of each user's acts push an item that their prefix pushes.

    A user pushes an item by acting on it several times. A prefix pushes it where several of its
    users do, and many more than so many users of the whole population would: a carrier's or an
    office's prefix has thousands of users, who like what everyone likes.

    Args:
        acts: user_id, item_id, ip_prefix of EVENTS; acts without a prefix say nothing.
        engine: the frame's engine.
        settings: how many acts, users and how great an excess it takes.

    Returns:
        user_id, n_pushed int64: users who push nothing are absent.
    """
    placed = acts.filter(~nw.col("ip_prefix").is_null())
    touched = placed.group_by("ip_prefix", "user_id", "item_id").agg(
        nw.len().cast(nw.Int64).alias("n")
    )
    touched = engine.persist(touched)
    pushed = engine.persist(_pushed_items(touched, engine, settings))
    pushing = touched.join(pushed, on=["ip_prefix", "item_id"], how="inner")
    return pushing.group_by("user_id").agg(nw.col("n").sum().cast(nw.Int64).alias("n_pushed"))


def _pushed_items(touched: Frame, engine: Engine, settings: BotSettings) -> Frame:
    """Returns ip_prefix, item_id of the items that each prefix pushes."""
    users = touched.select("ip_prefix", "user_id").unique()
    n_users = int(engine.collect(users.select(nw.len().alias("n")))["n"][0])
    by_prefix = users.group_by("ip_prefix").agg(nw.len().cast(nw.Int64).alias("n_prefix_users"))
    pushers = touched.filter(nw.col("n") >= settings.pushes_from)
    by_item = pushers.group_by("item_id").agg(nw.len().cast(nw.Int64).alias("n_item_pushers"))
    together = pushers.group_by("ip_prefix", "item_id").agg(
        nw.len().cast(nw.Int64).alias("n_pushers")
    )
    together = together.filter(nw.col("n_pushers") >= settings.pushes_from)
    # As many as chance would put behind the prefix: the item's pushers times its share of users.
    by_chance = nw.col("n_item_pushers") * nw.col("n_prefix_users")
    lift = (nw.col("n_pushers") * n_users).cast(nw.Float64) / by_chance.cast(nw.Float64)
    compared = together.join(by_item, on="item_id", how="inner").join(
        by_prefix, on="ip_prefix", how="inner"
    )
    return compared.filter(lift >= settings.push_lift).select("ip_prefix", "item_id")
