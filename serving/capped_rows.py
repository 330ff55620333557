"""The cap on categories over tables: what `ladder.choose` does one list at a time."""

import polars as pl

from core.list_settings import TOP


def capped_rows(rows: pl.DataFrame, cap: int, count: int) -> pl.DataFrame:
    """Returns what is left of lists, in the order in which a server shows the first rows.

    A list keeps its order unless something before those rows was left out.

    Args:
        rows: at least `user_id`, `place` (1 for a list's first row) and `category` (null: exempt),
            each user's rows best first.
        cap: most items of one category among the first ten; more move behind the tenth place.
        count: how many rows are shown, of a shorter list all.
    """
    last = pl.col("place").head(count).max().over("user_id")
    is_whole = last == pl.min_horizontal(pl.len().over("user_id"), count)
    nth = pl.int_range(1, pl.len() + 1).over("user_id", "category")
    over = is_whole.not_() & pl.col("category").is_not_null() & (nth > cap)
    kept = pl.col("over").not_().cum_sum().over("user_id")
    ordered = rows.with_columns(over=over).with_columns(behind=pl.col("over") | (kept > TOP))
    return ordered.sort("user_id", "behind", maintain_order=True).drop("over", "behind")
