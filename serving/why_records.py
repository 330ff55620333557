"""Why an item is on a user's list, read from a release's tables; never on the hot path."""

from pathlib import Path
from typing import Any

from serving.layout import WHY_RECORDS


def why_rows(release: Path, user_id: str, item_id: str | None = None) -> list[dict[str, Any]]:
    """Returns a user's list rows with their why-records and sentences, best first.

    Args:
        release: the release's folder.
        user_id: whose list.
        item_id: only this item's row.

    Returns:
        One dict a row: the columns of `lists`, title, text and origin; none for a user without a
        personal list. `source_scores` is the JSON text as stored.
    """
    import polars as pl

    rows = pl.scan_parquet(release / WHY_RECORDS).filter(pl.col("user_id") == user_id)
    if item_id is not None:
        rows = rows.filter(pl.col("item_id") == item_id)
    items = pl.scan_parquet(release / "tables/items.parquet").select("item_id", "title")
    texts = pl.scan_parquet(release / "tables/explanations.parquet").select(
        "explanation_key", "text", "origin"
    )
    found = (
        rows.join(items, on="item_id", how="left")
        .join(texts, on="explanation_key", how="left")
        .sort("rank")
        .collect()
    )
    return found.to_dicts()
