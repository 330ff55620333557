"""What the gate asks of a release that only its lists can tell."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from core.release_tables import released_table
from core.schemas import ITEMS, LISTS
from serving.list_changes import COLUMNS, compare_lists


def list_measurements(
    lists: Path, users: Path, interactions: Path, segments: Path
) -> dict[str, float]:
    """Returns what holds of the lists by themselves.

    Args:
        lists: LISTS.
        users: USERS.
        interactions: INTERACTIONS.
        segments: SEGMENT_LISTS.

    Returns:
        users_covered: people with a list of their own; empty_list_share: share of the people with
        a history who have none; seen_items: rows that show what the user touched;
        non_finite_numbers: scores that are NaN or infinite.
    """
    rows = pl.scan_parquet(lists)
    touched = pl.scan_parquet(interactions)
    people = pl.scan_parquet(users).filter(~pl.col("opted_out"))
    known = touched.select("user_id").unique().join(people, on="user_id", how="semi").collect()
    listed = rows.select("user_id").unique().collect()
    empty = known.join(listed, on="user_id", how="anti").height
    seen = rows.select("user_id", "item_id").join(
        touched.select("user_id", "item_id"), on=["user_id", "item_id"], how="semi"
    )
    numbers = ("score", "ranker_score", "seed_contribution")
    bad = rows.select(pl.sum_horizontal(pl.col(n).is_finite().not_().sum() for n in numbers))
    bad_segments = pl.scan_parquet(segments).select(pl.col("score").is_finite().not_().sum())
    return {
        "users_covered": float(listed.height),
        "empty_list_share": empty / known.height if known.height else 0.0,
        "seen_items": float(seen.select(pl.len()).collect().item()),
        "non_finite_numbers": float((bad.collect().item() or 0) + bad_segments.collect().item()),
    }


def storable(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Returns measurements as JSON can hold them: what is not finite becomes null, as if missing.

    >>> storable({"coverage_ratio": float("nan"), "comparison": {"lower": float("-inf")}})
    {'coverage_ratio': None, 'comparison': {'lower': None}}
    """
    found: dict[str, Any] = {}
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            found[name] = storable(value)
        else:
            odd = isinstance(value, float) and not math.isfinite(value)
            found[name] = None if odd else value
    return found


def against_champion(lists: Path, n_items: int, champion: Path) -> dict[str, float | None]:
    """Returns how a release compares with the lists of the one before it.

    Args:
        lists: the challenger's LISTS.
        n_items: rows of its ITEMS.
        champion: the champion's release folder.

    Returns:
        users_covered_ratio, items_ratio, list_overlap (mean Jaccard of the top tens of the users
        in both); None where the champion has nothing to compare with.

    Raises:
        IntegrityError: one of the champion's tables, or its manifest, is gone or damaged.
    """
    old_lists = released_table(champion, LISTS, COLUMNS)
    old_items = pl.scan_parquet(released_table(champion, ITEMS)).select(pl.len()).collect().item()
    changes = compare_lists(old_lists, lists)
    return {
        "users_covered_ratio": changes.n_after / changes.n_before if changes.n_before else None,
        "items_ratio": n_items / old_items if old_items else None,
        "list_overlap": changes.mean_overlap,
    }
