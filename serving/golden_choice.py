"""Chooses a release's golden answers and computes them from the tables alone."""

from typing import Any

import polars as pl
import pyarrow.parquet as pq

from serving.fragments import segment_reasons
from serving.golden import row_digest
from serving.layout import GENRE_PREFIX, MAX_ROWS, TRENDING
from serving.release_inputs import ReleaseInputs

_N_USERS = 8
_COUNT = 10


def choose_golden(inputs: ReleaseInputs, as_of_us: int) -> list[dict[str, Any]]:
    """Returns the answers for up to eight users spread over the lists, and for an unknown one.

    Args:
        inputs: the release's tables.
        as_of_us: when availability is judged, microseconds UTC.
    """
    answers = [_personal(inputs, user, as_of_us) for user in _spread_users(inputs)]
    return [*(x for x in answers if x is not None), _trending(inputs, as_of_us)]


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


def _personal(inputs: ReleaseInputs, user: str, as_of_us: int) -> dict[str, Any] | None:
    mine = pl.col("user_id") == user
    recent = pl.scan_parquet(inputs.recent_items).filter(mine).select("item_id")
    rows = (
        pl.scan_parquet(inputs.lists)
        .filter(mine)
        .sort("rank")
        .head(MAX_ROWS)
        .join(recent, on="item_id", how="anti", maintain_order="left")
        .join(pl.scan_parquet(inputs.items).filter(_can_be_had(as_of_us)), on="item_id")
        .join(
            pl.scan_parquet(inputs.explanations).select("explanation_key", "text"),
            on="explanation_key",
        )
        .sort("rank")
        .head(_COUNT)
        .select("item_id", "title", "reason_type", "text")
        .collect()
    )
    return _answer(user, "personal", rows) if rows.height else None


def _trending(inputs: ReleaseInputs, as_of_us: int) -> dict[str, Any]:
    reason = segment_reasons([TRENDING], GENRE_PREFIX).lazy().select("reason_type", "text")
    rows = (
        pl.scan_parquet(inputs.segment_lists)
        .filter(pl.col("segment") == TRENDING)
        .join(pl.scan_parquet(inputs.items).filter(_can_be_had(as_of_us)), on="item_id")
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
