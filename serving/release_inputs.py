"""The tables that a release is made of, and how they are read."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from core.errors import CheckFailed
from serving.scores import decimals_for


@dataclass(frozen=True)
class ReleaseInputs:
    """Where the tables lie; their schemas stand in `core/schemas.py`.

    Attributes:
        lists: `lists`, with reason types and explanation keys.
        segment_lists: `segment_lists`; `trending` must be among them.
        neighbour_lists: `neighbour_lists`.
        items: `items`; a row's place is its item_num.
        explanations: `explanations`, one for every key in the lists.
        recent_items: `recent_items`.
        users: `users`, for their stated preferences.
    """

    lists: Path
    segment_lists: Path
    neighbour_lists: Path
    items: Path
    explanations: Path
    recent_items: Path
    users: Path


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Returns columns of a Parquet file in stored order."""
    frame = pl.from_arrow(pq.read_table(path, columns=columns))
    assert isinstance(frame, pl.DataFrame)
    return frame


def score_decimals(path: Path) -> int:
    """Returns the decimal places that suit a table's scores; see `decimals_for`.

    Raises:
        CheckFailed: a score is not finite.
    """
    score = pl.scan_parquet(path).select(
        largest=pl.col("score").abs().max().fill_null(0.0),
        finite=pl.col("score").is_finite().all(),
    )
    largest, finite = score.collect().row(0)
    return decimals_for(largest if finite else float("nan"))


def with_item_num(rows: pl.DataFrame, column: str, nums: pl.DataFrame, table: str) -> pl.DataFrame:
    """Returns the rows, in their order, with the number of the item that a column names.

    Args:
        rows: any rows.
        column: the column with item ids.
        nums: item_id, item_num.
        table: the rows' table, for the message.

    Raises:
        CheckFailed: an item is not among the items.
    """
    found = rows.join(nums, left_on=column, right_on="item_id", how="left", maintain_order="left")
    if found["item_num"].null_count():
        lost = found.filter(pl.col("item_num").is_null())[column][0]
        raise CheckFailed(f"{table} names item {lost!r}, which is not in the items table")
    return found
