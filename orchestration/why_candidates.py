"""What the sources proposed to one user, as the candidates of that night have it."""

import json
from typing import Any

import polars as pl

from core.schemas import CANDIDATES, SOURCES, USERS
from orchestration.release_past import ReleasePast

_PER_SOURCE = 10


def candidates_of(past: ReleasePast, user_id: str, titles: pl.DataFrame) -> pl.DataFrame | None:
    """Returns the user's rows of CANDIDATES with item_id and title; None where they are gone.

    Args:
        past: the release.
        user_id: the user.
        titles: item_id, title, in order of item_num.
    """
    users, stored = past.rows("users", USERS), past.rows("candidates", CANDIDATES, "release")
    if users is None or stored is None:
        return None
    ids = users.select("user_id").collect()["user_id"]
    place = ids.search_sorted(user_id)
    known = place < len(ids) and ids[place] == user_id
    found = stored.filter(pl.col("user_num") == (place if known else -1)).collect()
    numbers = found["item_num"].to_numpy()
    return found.with_columns(item_id=titles["item_id"][numbers], title=titles["title"][numbers])


def best_by_source(candidates: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Returns each source's best proposals, with the scores that all sources gave them."""
    return {
        source: candidates.filter(pl.col(f"{source}_rank") > 0)
        .sort(f"{source}_rank")
        .head(_PER_SOURCE)
        .select("item_id", "title", f"{source}_rank", *(f"{name}_score" for name in SOURCES))
        .to_dicts()
        for source in SOURCES
    }


def proposals(candidates: pl.DataFrame, item_id: str) -> dict[str, dict[str, Any]]:
    """Returns the place and the score that an item had in each source that proposed it."""
    rows = candidates.filter(pl.col("item_id") == item_id).to_dicts()
    return {
        source: {"rank": row[f"{source}_rank"], "score": row[f"{source}_score"]}
        for row in rows
        for source in SOURCES
        if row[f"{source}_rank"] > 0
    }


def listed_proposals(row: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Returns the same from an item's own row of LISTS, which holds no places in the sources."""
    scores = json.loads(row["source_scores"][0])
    return {name: {"rank": None, "score": scores.get(name)} for name in row["sources"][0]}
