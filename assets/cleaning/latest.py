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
