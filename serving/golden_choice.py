"""Chooses a release's golden answers and computes them from the tables alone."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from serving.capped_rows import capped_rows
from serving.fragments import segment_reasons
from serving.golden import row_digest
from serving.layout import GENRE_PREFIX, MAX_ROWS, TRENDING
from serving.release_inputs import ReleaseInputs

_N_USERS = 8
_COUNT = 10


def choose_golden(inputs: ReleaseInputs, as_of_us: int, cap: int) -> list[dict[str, Any]]:
    """Returns the answers for up to eight users spread over the lists, and for an unknown one.

    Args:
        inputs: the release's tables.
        as_of_us: when availability is judged, microseconds UTC.
        cap: most items of one category among the first ten.
    """
    at_hand = pl.scan_parquet(inputs.items).filter(_can_be_had(as_of_us))
    answers = [_answer(user, "personal", rows) for user, rows in _personal(inputs, at_hand, cap)]
    return [*answers, _trending(inputs, at_hand)]


def _spread_users(inputs: ReleaseInputs) -> list[str]:
    """Returns the first users of row groups spread over the file, and its last user."""
    lists = pq.ParquetFile(inputs.lists)
    n_groups = lists.num_row_groups
    chosen: set[str] = set()
    for group in sorted({n_groups * step // _N_USERS for step in range(_N_USERS)}):
        if group < n_groups and (column := lists.read_row_group(group, ["user_id"])["user_id"]):
            chosen |= {column[0].as_py(), column[-1].as_py()}
    return sorted(chosen)[:_N_USERS]


def _can_be_had(as_of_us: int) -> pl.Expr:
    begin, end = pl.col("available_from_us"), pl.col("available_until_us")
    return (begin.is_null() | (begin <= as_of_us)) & (end.is_null() | (end > as_of_us))


def _personal(
    inputs: ReleaseInputs, at_hand: pl.LazyFrame, cap: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yields the chosen users and what they must get; those who get nothing are left out."""
    mine = pl.col("user_id").is_in(_spread_users(inputs))
    columns = ["user_id", "rank", "item_id", "reason_type", "explanation_key"]
    listed = pl.scan_parquet(inputs.lists).filter(mine).select(columns).collect()
    recent = pl.scan_parquet(inputs.recent_items).filter(mine)
    texts = pl.scan_parquet(inputs.explanations).filter(
        pl.col("explanation_key").is_in(listed["explanation_key"].unique().to_list())
    )
    rows = (
        listed.lazy()
        .with_columns(place=pl.col("rank").rank("ordinal").over("user_id"))
        .filter(pl.col("place") <= MAX_ROWS)
        .join(recent, on=["user_id", "item_id"], how="anti")
        .join(at_hand, on="item_id")
        .join(texts.select("explanation_key", "text"), on="explanation_key")
        .sort("user_id", "rank")
        .select("user_id", "place", "category", "item_id", "title", "reason_type", "text")
        .collect()
    )
    ordered = capped_rows(rows, cap, _COUNT)
    for (user,), some in ordered.group_by("user_id", maintain_order=True):
        yield str(user), some.head(_COUNT).drop("user_id", "place", "category")


def _trending(inputs: ReleaseInputs, at_hand: pl.LazyFrame) -> dict[str, Any]:
    reason = segment_reasons([TRENDING], GENRE_PREFIX).lazy().select("reason_type", "text")
    rows = (
        pl.scan_parquet(inputs.segment_lists)
        .filter(pl.col("segment") == TRENDING)
        .join(at_hand, on="item_id")
        .join(reason, how="cross")
        .sort("rank")
        .head(_COUNT)
        .select("item_id", "title", "reason_type", "text")
        .collect()
    )
    return _answer("", TRENDING, rows)


def _answer(user: str, rung: str, rows: pl.DataFrame) -> dict[str, Any]:
    return {
        "user_id": user,
        "count": max(rows.height, 1),
        "rung": rung,
        "sha256": row_digest([list(row) for row in rows.rows()]),
    }
