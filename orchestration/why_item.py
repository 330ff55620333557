"""Why one item is on a user's list, or why it is not, as far as that is stored."""

from typing import Any

import polars as pl

from assets.models.labels import item_labels, label
from core.days import day_start_us, parse_day
from core.schemas import ITEMS
from orchestration.release_past import ReleasePast
from orchestration.why_candidates import listed_proposals, proposals


def fate(
    past: ReleasePast,
    item_id: str,
    listed: pl.DataFrame,
    account: pl.DataFrame | None,
    interactions: pl.DataFrame | None,
    candidates: pl.DataFrame | None,
) -> dict[str, Any]:
    """Returns what became of an item that the release knows, for one user.

    Args:
        past: the release.
        item_id: the item.
        listed: the user's rows of LISTS.
        account: of USERS; like the following None where it is kept no more.
        interactions: of INTERACTIONS.
        candidates: of CANDIDATES, with item_id.

    Returns:
        item_id, title; rank (None where it is not on the list); proposed_by: place and score by
        source (the place None where only the list is kept, all None where nothing tells);
        because: one sentence.
    """
    item = past.released(ITEMS).filter(pl.col("item_id") == item_id).collect()
    row = listed.filter(pl.col("item_id") == item_id)
    rank = row["rank"][0] if row.height else None
    proposed: dict[str, dict[str, Any]] | None
    if candidates is not None:
        proposed = proposals(candidates, item_id)
    else:
        proposed = listed_proposals(row) if row.height else None
    if rank is not None:
        because = f"it stands at place {rank} of {listed.height}"
    elif not listed.height:
        because = "the user has no list of their own: the segment lists and trending answer"
    elif proposed is None:
        because = "it is not on the list; candidates, which would tell why, are kept no more"
    elif proposed:
        because = _left_out(item, account, listed.height)
    else:
        because = _not_proposed(past, item, interactions)
    return {
        "item_id": item_id,
        "title": item["title"][0],
        "rank": rank,
        "proposed_by": proposed,
        "because": because,
    }


def _left_out(item: pl.DataFrame, account: pl.DataFrame | None, n_rows: int) -> str:
    """Says why a proposed item is not on the list: the rule that takes items out, or its score."""
    if account is None:
        return (
            f"it was proposed, and is not among the {n_rows} of the list; users, which would tell "
            "whether the user dislikes its kind, are kept no more"
        )
    stated = account.select(label=pl.col("dislikes")).explode("label").drop_nulls()
    disliked = set(stated.with_columns(label("label"))["label"]) & set(item_labels(item)["label"])
    if disliked:
        named = ", ".join(sorted(disliked))
        return f"the rule against what the user dislikes took it out: {named}"
    return f"it was proposed, and ranked behind the {n_rows} of the list"


def _not_proposed(past: ReleasePast, item: pl.DataFrame, interactions: pl.DataFrame | None) -> str:
    """Says why no source proposed an item, where that is stored."""
    until = item["available_until_us"][0]
    if until is not None and until <= day_start_us(parse_day(past.manifest.as_of)):
        return "no source proposed it: it could not be had any more"
    if interactions is None:
        return (
            "no source proposed it; interactions, which would tell whether the user had touched "
            "it, are kept no more"
        )
    touched = interactions.filter(pl.col("item_id") == item["item_id"][0])
    if touched.height:
        n_events = touched["n_events"][0]
        return f"no source proposed it: the user had touched it ({n_events} events)"
    k = past.manifest.config["lists"]["candidates_per_source"]
    return f"no source had it among its {k} best for the user"
