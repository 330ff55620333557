"""What two releases' tables tell as wholes: shares of rows, items in and out, sentences.

Each number is a streamed aggregate: what is held in memory has the size of the catalogue or of
the sentences, never of the lists. Files are ones that the caller has verified.
"""

from pathlib import Path
from typing import Any

import polars as pl

LISTED = ("item_id", "sources", "reason_type", "rules")
"""What is read of LISTS."""
EXPLAINED = ("source_item_id", "target_item_id", "reason_type", "locale", "text")
"""What is read of EXPLANATIONS."""
_REASON = list(EXPLAINED[:-1])
_OF_A_PREFERENCE = "matches_preference"
_SHOWN, _EXAMPLES = 10, 3


def row_shares(before: Path, after: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Returns the share of list rows by source, reason type and rule.

    Returns:
        `by_source`, `by_reason_type`, `by_rule`: by name, `before` and `after`, in [0, 1]. A row
        has one reason type, and any number of sources that proposed it and of rules that moved it.
    """
    columns = {"by_source": "sources", "by_reason_type": "reason_type", "by_rule": "rules"}
    sides = {"before": before, "after": after}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, column in columns.items():
        shares = {side: _shares(path, column) for side, path in sides.items()}
        names = sorted(set(shares["before"]) | set(shares["after"]))
        found[name] = {one: {s: shares[s].get(one, 0.0) for s in sides} for one in names}
    return found


def _shares(path: Path, column: str) -> dict[str, float]:
    rows = pl.scan_parquet(path)
    values = rows.select(pl.col(column).explode() if column != "reason_type" else column)
    counts = values.drop_nulls().group_by(column).len().collect(engine="streaming")
    n_rows = rows.select(pl.len()).collect().item()
    return {name: n / n_rows for name, n in counts.iter_rows()}


def item_changes(
    lists: tuple[Path, Path], items: tuple[Path, Path]
) -> dict[str, int | list[dict[str, Any]]]:
    """Returns how the items that stand in lists changed.

    Args:
        lists: the files of LISTS, before and after.
        items: the files of ITEMS, for titles.

    Returns:
        before, after (items in at least one list), came_in, went_out (of them); gained and lost:
        the ten items with the largest change in the number of lists each way, ties by id, as
        item_id, title, before, after.
    """
    counts = [
        pl.scan_parquet(path).group_by("item_id").agg(pl.len().cast(pl.Int64).alias(side))
        for path, side in zip(lists, ("before", "after"), strict=True)
    ]
    both = (
        counts[0]
        .join(counts[1], on="item_id", how="full", coalesce=True)
        .with_columns(pl.col("before", "after").fill_null(0))
        .with_columns(change=pl.col("after") - pl.col("before"))
        .collect(engine="streaming")
    )
    gained = both.filter(pl.col("change") > 0).sort(-pl.col("change"), "item_id").head(_SHOWN)
    lost = both.filter(pl.col("change") < 0).sort("change", "item_id").head(_SHOWN)
    stood, stands = pl.col("before") > 0, pl.col("after") > 0
    in_both = both.filter(stood, stands).height
    n_before, n_after = both.filter(stood).height, both.filter(stands).height
    return {
        "before": n_before,
        "after": n_after,
        "came_in": n_after - in_both,
        "went_out": n_before - in_both,
        "gained": _titled(gained, items),
        "lost": _titled(lost, items),
    }


def _titled(rows: pl.DataFrame, items: tuple[Path, Path]) -> list[dict[str, Any]]:
    ids = rows["item_id"].implode()
    known = [
        pl.scan_parquet(path).select("item_id", "title").filter(pl.col("item_id").is_in(ids))
        for path in reversed(items)
    ]
    titles = pl.concat(known).collect().unique("item_id", keep="first", maintain_order=True)
    return (
        rows.join(titles, on="item_id", how="left", maintain_order="left")
        .select("item_id", "title", "before", "after")
        .to_dicts()
    )


def text_changes(before: Path, after: Path) -> dict[str, int | list[dict[str, Any]]]:
    """Returns whether the same reasons are told in other words.

    A reason is its type, its seed item, the item that it recommends and the language; it is told
    otherwise where none of its sentences stayed. Reasons of a stated preference are left out of
    these two counts: the table does not say which preference, so another one would read as other
    words.

    Returns:
        before, after (sentences), reasons_in_both, told_otherwise, and three examples as
        reason_type, source_item_id, target_item_id, locale, before, after (a sentence of each).
    """
    old, new = (
        pl.scan_parquet(path)
        .filter(pl.col("reason_type") != _OF_A_PREFERENCE)
        .select(EXPLAINED)
        .unique()
        for path in (before, after)
    )
    both = old.select(_REASON).unique().join(new, on=_REASON, how="semi", nulls_equal=True)
    same = old.join(new, on=[*_REASON, "text"], how="semi", nulls_equal=True)
    changed = both.join(same, on=_REASON, how="anti", nulls_equal=True)
    n_before, n_after, n_both, n_changed = (
        frame.select(pl.len()).collect(engine="streaming").item()
        for frame in (pl.scan_parquet(before), pl.scan_parquet(after), both, changed)
    )
    first = changed.collect(engine="streaming").sort(_REASON).head(_EXAMPLES)
    examples = first
    for side, texts in (("before", old), ("after", new)):
        told = first.lazy().join(texts, on=_REASON, how="inner", nulls_equal=True)
        one = told.group_by(_REASON).agg(pl.col("text").min().alias(side)).collect()
        examples = examples.join(one, on=_REASON, how="left", nulls_equal=True)
    return {
        "before": n_before,
        "after": n_after,
        "reasons_in_both": n_both,
        "told_otherwise": n_changed,
        "examples": examples.sort(_REASON).to_dicts(),
    }
