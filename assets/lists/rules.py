"""The rules that turn a ranking into a list: each one pure function over whole blocks of users.

A block is a frame sorted by (user_num, place) with columns user_num, item_num, score, place
(int32, from 1) and whatever the rule reads; a rule returns the block in its new order and sets
its own Boolean mark on the rows that it moved.
"""

import polars as pl

from core.list_settings import TOP, most_of_a_category

RULES = ("category_cap", "fresh_slot")


def in_order(block: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Returns the block sorted by user and keys (ascending), with `place` numbered anew."""
    placed = block.sort("user_num", *keys)
    return placed.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user_num"))


def ranked(block: pl.DataFrame) -> pl.DataFrame:
    """Returns the block by descending score, ties by item number, without marks."""
    marks = {f"rule_{name}": pl.lit(False) for name in RULES}
    return in_order(block.with_columns(minus=-pl.col("score"), **marks), "minus", "item_num").drop(
        "minus"
    )


def without_disliked(block: pl.DataFrame) -> pl.DataFrame:
    """Returns the block without items of a category that the user said they dislike.

    Reads `disliked` (bool).
    """
    return in_order(block.filter(~pl.col("disliked")), "place")


def category_cap(block: pl.DataFrame, max_share: float) -> pl.DataFrame:
    """Returns the block with at most `max_share` of one primary category in the top ten.

    Reads `category_num` (int32; −1: no category, exempt). Items over the cap move directly
    behind the tenth place in their order; where too few others exist they fill up the top ten,
    since a shorter list serves nobody.
    """
    limit = most_of_a_category(max_share)
    counted = block.with_columns(
        nth=pl.int_range(1, pl.len() + 1).over("user_num", "category_num")
    ).with_columns(over=(pl.col("category_num") >= 0) & (pl.col("nth") > limit))
    kept = pl.col("over").not_().cast(pl.Int32).cum_sum().over("user_num")
    top = counted.with_columns(behind=pl.col("over") | (kept > TOP))
    moved = in_order(top.with_columns(before=pl.col("place")), "behind", "place")
    return moved.with_columns(
        rule_category_cap=pl.col("rule_category_cap")
        | ((pl.col("before") <= TOP) & (pl.col("place") > TOP))
    ).drop("nth", "over", "behind", "before")


def fresh_slot(block: pl.DataFrame, share: float, max_share: float) -> pl.DataFrame:
    """Returns the block with the best fresh items lifted into the top ten's last places.

    Reads `is_fresh` (bool) and `category_num`. Only as many are lifted as the share asks for and
    the top ten lacks, and none whose category has its full share of the top ten already. Each
    takes the place of the last item there that is not fresh.
    """
    limit = most_of_a_category(max_share)
    wanted = round(share * TOP)
    for _ in range(wanted):  # one at a time, as each changes what the top ten holds
        block = _lift_one(block, wanted, limit)
    return block


def _lift_one(block: pl.DataFrame, wanted: int, limit: int) -> pl.DataFrame:
    top, fresh = pl.col("place") <= TOP, pl.col("is_fresh")
    found = (
        block.with_columns(
            n_fresh=(fresh & top).sum().over("user_num"),
            n_category=top.sum().over("user_num", "category_num"),
            last_stale=pl.col("place").filter(top & ~fresh).max().over("user_num"),
        )
        .with_columns(
            open=fresh
            & ~top
            & (pl.col("n_fresh") < wanted)
            & ((pl.col("category_num") < 0) | (pl.col("n_category") < limit))
        )
        .with_columns(first=pl.col("place").filter("open").min().over("user_num"))
        .with_columns(lift=pl.col("open") & (pl.col("place") == pl.col("first")))
    )
    # The lifted row becomes the tenth, the row that it displaces the eleventh.
    displaced = pl.col("first").is_not_null() & (pl.col("place") == pl.col("last_stale"))
    key = pl.when("lift").then(2 * TOP + 1).when(displaced).then(2 * TOP + 2)
    moved = in_order(found.with_columns(key=key.otherwise(2 * pl.col("place"))), "key", "place")
    return moved.with_columns(rule_fresh_slot=pl.col("rule_fresh_slot") | pl.col("lift")).drop(
        "n_fresh", "n_category", "last_stale", "open", "first", "lift", "key"
    )
