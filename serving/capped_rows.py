"""The cap on categories over tables: what `session_blend.capped` does one list at a time."""

import polars as pl

from core.list_settings import TOP


def capped_rows(rows: pl.DataFrame, cap: int) -> pl.DataFrame:
    """Returns lists in the order in which they are shown when something of them was left out.

    Args:
        rows: at least `user_id` and `category` (null: exempt), each user's rows best first.
        cap: most items of one category among the first ten; more move behind the tenth place.
    """
    nth = pl.int_range(1, pl.len() + 1).over("user_id", "category")
    over = pl.col("category").is_not_null() & (nth > cap)
    behind = pl.col("over") | (pl.col("over").not_().cum_sum().over("user_id") > TOP)
    ordered = rows.with_columns(over=over).with_columns(behind=behind)
    return ordered.sort("user_id", "behind", maintain_order=True).drop("over", "behind")
