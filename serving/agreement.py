"""Whether the packed release answers what its tables say, for a sample of users.

The golden answers ask this of nine users whenever a release is opened; here a thousand or more are
asked, item for item, word for word and number for number.
"""

from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from core.errors import IntegrityError
from serving.answer import item_rows
from serving.capped_rows import capped_rows
from serving.ladder import choose
from serving.layout import MAX_COUNT, MAX_ROWS
from serving.release import Release

_TABLES = ("lists", "items", "explanations")


def unlike_tables(release: Release, recent_items: Path, n_users: int) -> list[str]:
    """Returns the users, of up to `n_users` spread over the lists, who read anything else.

    Args:
        release: an open release; its tables lie beside its packed files.
        recent_items: `recent_items`, which no answer repeats.
        n_users: how many to ask.

    Raises:
        IntegrityError: a table is gone or cannot be read.
    """
    folder = release.folder / "tables"
    try:
        wanted = _expected(release, folder, recent_items, n_users)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise IntegrityError(f"{folder} cannot be read ({error}); rebuild the release") from error
    return [user for user, rows in wanted.items() if not _is_answered(release, user, rows)]


def _expected(
    release: Release, folder: Path, recent_items: Path, n_users: int
) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of each sampled user, from the tables alone."""
    lists, items, texts = (pl.scan_parquet(folder / f"{name}.parquet") for name in _TABLES)
    known = lists.select(pl.col("user_id").unique().sort()).collect()["user_id"]
    users = known.gather_every(max(1, -(-known.len() // n_users)))
    mine = pl.col("user_id").is_in(users.to_list())
    begin, end = pl.col("available_from_us"), pl.col("available_until_us")
    as_of_us = release.layout.as_of_us
    had = (begin.is_null() | (begin <= as_of_us)) & (end.is_null() | (end > as_of_us))
    reasons = texts.select(
        "explanation_key", "source_item_id", "text", "origin", type_of_text="reason_type"
    )
    rows = (
        lists.filter(mine)
        .with_columns(place=pl.col("rank").rank("ordinal").over("user_id"))
        .filter(pl.col("place") <= MAX_ROWS)
        .join(pl.scan_parquet(recent_items).filter(mine), on=["user_id", "item_id"], how="anti")
        .join(items.filter(had).select("item_id", "title", "category"), on="item_id", how="inner")
        .join(reasons, on="explanation_key", how="left")
        .sort("user_id", "rank")
        .select(
            "user_id", "place", "category", "item_id", "title", "score", "source_item_id", "text",
            "origin", "type_of_text",
        )
        .collect()
    )  # fmt: skip
    found: dict[str, list[dict[str, Any]]] = {user: [] for user in users}
    ordered = capped_rows(rows, release.layout.category_cap, MAX_COUNT)
    for (user,), part in ordered.partition_by("user_id", as_dict=True).items():
        found[str(user)] = part.head(MAX_COUNT).to_dicts()
    return found


def _is_answered(release: Release, user: str, wanted: list[dict[str, Any]]) -> bool:
    if not wanted:  # all of the list is out of reach: nothing of it may be shown
        return choose(release, user, 1).rung != "personal"
    try:
        rows = msgspec.json.decode(item_rows(release, choose(release, user, len(wanted))))
    except (msgspec.MsgspecError, ValueError, IndexError):
        return False
    tolerance = 0.51 * 10.0**-release.layout.list_decimals
    return len(rows) == len(wanted) and all(
        row["rung"] == "personal"
        and (row["item_id"], row["title"]) == (want["item_id"], want["title"])
        and row["reason"]
        == {
            "type": want["type_of_text"],
            "source_item_id": want["source_item_id"],
            "text": want["text"],
            "origin": want["origin"],
        }
        and abs(row["score"] - want["score"]) <= tolerance
        for row, want in zip(rows, wanted, strict=True)
    )
