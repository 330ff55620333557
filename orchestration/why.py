"""One user followed from events to list, as one release had it.

The list, its reasons and why-records, titles and sentences come from the release alone, so any
release that is kept can be asked. What else happened that night is told as far as the artefacts
of that night are kept.
"""

from typing import Any

import polars as pl

from core.days import iso
from core.errors import NotFound
from core.home import Home
from core.ids import check_utf8
from core.release_store import ReleaseStore
from core.schemas import (
    BOT_SCORES,
    CLEAN_EVENTS,
    EXCLUDED_EVENTS,
    EXPLANATIONS,
    INTERACTIONS,
    ITEMS,
    LISTS,
    RECENT_ITEMS,
    USER_CATEGORIES,
    USER_FEATURES,
    USERS,
    Table,
)
from orchestration.release_past import ReleasePast, chosen_release
from orchestration.why_candidates import best_by_source, candidates_of
from orchestration.why_item import fate

_FOLD = "release"


def follow(
    home: Home,
    user_id: str,
    item_id: str | None = None,
    release: str | None = None,
    day: str | None = None,
) -> dict[str, Any]:
    """Returns everything stored about how a user's list came to be.

    Args:
        home: the home.
        user_id: the user.
        item_id: tell only of this item's candidates and rows, and why it is on the list or not.
        release: which release, published or not; by default the current one.
        day: where no release is given, the one that was current when this day (`YYYY-MM-DD`,
            UTC) ended.

    Returns:
        release, status, served (spans of since, until) and list (rows of LISTS with titles and
        sentences), item (see `fate`; None unless one was asked for); user, bot, n_events,
        n_excluded, events, interactions, recent_items, features, categories, candidates, each
        None where the artefact that would tell is kept no more; and gone, those artefacts.

    Raises:
        UsageError: the day is none, or has not come; or an id is no UTF-8.
        NotFound: the release is not there, or it knows nothing of the user or of the item; a user
            who opted out or is erased is one that no release knows.
        IntegrityError: a file that tells of the user, or the tombstone log, is damaged.
    """
    for what, text in (("the user's id", user_id), ("the item's id", item_id or "")):
        check_utf8(text, what)
    past = ReleasePast(home, chosen_release(home, release, day))
    mine = pl.col("user_id") == user_id
    titles = past.released(ITEMS).select("item_id", "title").collect()
    if item_id is not None and item_id not in titles["item_id"]:
        raise NotFound(f"release {past.release} knows no item {item_id!r}; check the id")

    def rows(kind: str, table: Table, part: str = "") -> pl.DataFrame | None:
        stored = past.rows(kind, table, part)
        found = stored.filter(mine).collect() if stored is not None else None
        return _titled(found, titles) if found is not None else None

    listed = past.released(LISTS).filter(mine).sort("rank").collect()
    account = rows("users", USERS)
    events, excluded = rows("clean_events", CLEAN_EVENTS), rows("clean_events", EXCLUDED_EVENTS)
    hidden = ReleaseStore(home.releases).tombstones.state()
    told = () if hidden.hides(user_id) else (listed, account, events, excluded)
    _check_known(past, user_id, told)
    interactions = rows("interactions", INTERACTIONS, _FOLD)
    candidates = candidates_of(past, user_id, titles)
    of_item = pl.lit(True) if item_id is None else pl.col("item_id") == item_id
    story = {
        "release": past.release,
        **past.standing(),
        "user": _first(account),
        "bot": _first(rows("bot_scores", BOT_SCORES)),
        "n_events": _height(events),
        "n_excluded": _height(excluded),
        "events": _latest(events),
        "interactions": _dicts(interactions, "weight_micro", descending=True),
        "recent_items": _dicts(rows("interactions", RECENT_ITEMS, _FOLD), "rank"),
        "features": _first(rows("user_features", USER_FEATURES, _FOLD)),
        "categories": _dicts(
            rows("user_features", USER_CATEGORIES, _FOLD), "share", descending=True
        ),
        "candidates": None if candidates is None else best_by_source(candidates.filter(of_item)),
        "list": _explained(past, listed.filter(of_item), titles),
        "item": None
        if item_id is None
        else fate(past, item_id, listed, account, interactions, candidates),
    }
    return {**story, "gone": past.gone}


def _check_known(past: ReleasePast, user_id: str, told: tuple[pl.DataFrame | None, ...]) -> None:
    """Checks that something tells of the user; raises NotFound otherwise."""
    if any(rows is not None and rows.height for rows in told):
        return
    if past.gone:
        raise NotFound(
            f"release {past.release} has no list of user {user_id!r}, and {', '.join(past.gone)} "
            "that would tell whether they were known are kept no more; check the id"
        )
    raise NotFound(f"release {past.release} knows no user {user_id!r}; check the id")


def _titled(rows: pl.DataFrame, titles: pl.DataFrame) -> pl.DataFrame:
    if "item_id" not in rows.columns:
        return rows
    return rows.join(titles, on="item_id", how="left", maintain_order="left")


def _first(rows: pl.DataFrame | None) -> dict[str, Any] | None:
    return None if rows is None else next(iter(rows.to_dicts()), None)


def _height(rows: pl.DataFrame | None) -> int | None:
    return None if rows is None else rows.height


def _dicts(
    rows: pl.DataFrame | None, by: str, *, descending: bool = False
) -> list[dict[str, Any]] | None:
    """Returns the first twenty rows by a column, ties in stored order."""
    if rows is None:
        return None
    return rows.sort(by, descending=descending, maintain_order=True).head(20).to_dicts()


def _latest(events: pl.DataFrame | None) -> list[dict[str, Any]] | None:
    if events is None:
        return None
    rows = _dicts(events.filter(pl.col("action") != "impression"), "occurred_us", descending=True)
    return [{**row, "occurred_at": iso(row["occurred_us"])} for row in rows or []]


def _explained(
    past: ReleasePast, listed: pl.DataFrame, titles: pl.DataFrame
) -> list[dict[str, Any]]:
    """Returns list rows with the titles of item and seed and the sentence."""
    keys = listed["explanation_key"].unique().implode()
    texts = (
        past.released(EXPLANATIONS)
        .filter(pl.col("explanation_key").is_in(keys))
        .select("explanation_key", "text", "origin")
        .collect()
    )
    seeds = titles.rename({"item_id": "seed_item_id", "title": "seed_title"})
    found = _titled(listed, titles).join(texts, on="explanation_key", how="left")
    return found.join(seeds, on="seed_item_id", how="left").sort("rank").to_dicts()
