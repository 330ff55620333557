"""The latest statement about each item and user."""

import narwhals as nw

from core import schemas
from core.engine import Frame


def latest_items(item_rows: Frame) -> Frame:
    """Returns ITEM_ROWS with each item's latest statement only, without where it came from."""
    return _latest(item_rows, "item_id").select(schemas.ITEMS.names[:-2])


def latest_users(user_rows: Frame) -> Frame:
    """Returns USERS rows: each user's latest statement only, whenever they joined."""
    return _latest(user_rows, "user_id").select(schemas.USERS.names)


def _latest(rows: Frame, key: str) -> Frame:
    """Keeps the greatest (ingested_us, line): a later file, or a later line of the same file."""
    # Negated, because `keep="first"` in ascending order agrees on every engine.
    newest_first = rows.with_columns(
        (-nw.col("ingested_us")).alias("file_order"), (-nw.col("line")).alias("line_order")
    )
    return newest_first.unique(subset=key, keep="first", order_by=["file_order", "line_order"])


def with_opt_outs(latest_users: Frame, opted_out: Frame) -> Frame:
    """Returns USERS rows in which some users have opted out, whatever they stated or if at all.

    Args:
        latest_users: USERS rows, as `latest_users` returns them.
        opted_out: user_id, each once.
    """
    others = latest_users.join(opted_out, on="user_id", how="anti")
    stated = opted_out.join(latest_users, on="user_id", how="left").with_columns(
        nw.lit(True).alias("opted_out")
    )
    return nw.concat([others, stated.select(schemas.USERS.names)])
