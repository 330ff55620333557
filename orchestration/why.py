"""One user followed from events to list, through the very versions that a release was made of."""

from pathlib import Path
from typing import Any

import polars as pl

from assets.publication.lineage import lineage
from core.artefact import Artefact, open_artefact, table_file
from core.days import iso
from core.errors import NotFound
from core.home import Home
from core.manifest import verify_file
from core.release_store import ReleaseStore
from core.schemas import (
    BOT_SCORES,
    CANDIDATES,
    CLEAN_EVENTS,
    EXCLUDED_EVENTS,
    EXPLANATIONS,
    INTERACTIONS,
    ITEMS,
    LISTS,
    RECENT_ITEMS,
    SOURCES,
    USER_CATEGORIES,
    USER_FEATURES,
    USERS,
    Table,
)
from core.store import Store

_FOLD = "release"
_PER_SOURCE = 10


class ReleasePast:
    """The artefacts behind one release.

    Attributes:
        release: its id.
    """

    def __init__(self, home: Home, release: str | None) -> None:
        releases = ReleaseStore(home.releases)
        name = release or releases.log.current()
        if name is None:
            raise NotFound("no release stands; run `daybreak run`")
        self.release = name
        self._release = Artefact(releases.path(name), releases.manifest(name))
        self._store = Store(home.artefacts)
        self._versions = lineage(self._store, self._release)
        self._verified: set[Path] = set()

    def rows(self, kind: str, table: Table, part: str = "") -> pl.LazyFrame:
        """Returns an artefact's table at the version that the release was made of.

        Raises:
            IntegrityError: its file is gone or damaged.
        """
        as_of = self._release.manifest.as_of
        folder = self._store.root / kind / as_of / self._versions[kind]
        return self._scan(open_artefact(folder, kind, as_of), table_file(table, part))

    def released(self, table: Table) -> pl.LazyFrame:
        """Returns a table of the release itself; raises IntegrityError as `rows` does."""
        return self._scan(self._release, f"tables/{table_file(table)}")

    def _scan(self, artefact: Artefact, name: str) -> pl.LazyFrame:
        path = artefact.file(name)
        if path not in self._verified:
            verify_file(path, artefact.manifest.files[name])
            self._verified.add(path)
        return pl.scan_parquet(path)


def follow(home: Home, user_id: str, item_id: str | None, release: str | None) -> dict[str, Any]:
    """Returns everything stored about how a user's list came to be.

    Args:
        home: the home.
        user_id: the user.
        item_id: tell only of this item's candidates and rows.
        release: which release; the current one by default.

    Raises:
        NotFound: the release does not stand, or it knows nothing of the user (or of the item).
        IntegrityError: a file that tells of the user is gone or damaged.
    """
    past = ReleasePast(home, release)
    mine = pl.col("user_id") == user_id
    titles = past.rows("items", ITEMS).select("item_id", "title").collect()

    def rows(kind: str, table: Table, part: str = "", where: pl.Expr = mine) -> pl.DataFrame:
        found = past.rows(kind, table, part).filter(where).collect()
        named = "item_id" in found.columns and "title" not in found.columns
        return (
            found.join(titles, on="item_id", how="left", maintain_order="left") if named else found
        )

    account = rows("users", USERS)
    events = rows("clean_events", CLEAN_EVENTS).sort("occurred_us", descending=True)
    excluded = rows("clean_events", EXCLUDED_EVENTS)
    if not (account.height or events.height or excluded.height):
        raise NotFound(f"release {past.release} knows no user {user_id!r}; check the id")
    listed = _listed(past, mine, titles, item_id)
    return {
        "release": past.release,
        "user": account.to_dicts()[0] if account.height else None,
        "bot": next(iter(rows("bot_scores", BOT_SCORES).to_dicts()), None),
        "n_events": events.height,
        "n_excluded": excluded.height,
        "events": _with_times(events.filter(pl.col("action") != "impression").head(20)),
        "interactions": rows("interactions", INTERACTIONS, _FOLD)
        .sort("weight_micro", "item_id", descending=[True, False]).head(20).to_dicts(),
        "recent_items": rows("interactions", RECENT_ITEMS, _FOLD).sort("rank").to_dicts(),
        "features": next(iter(rows("user_features", USER_FEATURES, _FOLD).to_dicts()), None),
        "categories": rows("user_features", USER_CATEGORIES, _FOLD)
        .sort("share", descending=True).to_dicts(),
        "candidates": _candidates(past, user_id, titles, item_id),
        "list": listed,
    }  # fmt: skip


def _with_times(events: pl.DataFrame) -> list[dict[str, Any]]:
    return [{**row, "occurred_at": iso(row["occurred_us"])} for row in events.to_dicts()]


def _listed(
    past: ReleasePast, mine: pl.Expr, titles: pl.DataFrame, item_id: str | None
) -> list[dict[str, Any]]:
    rows = past.released(LISTS).filter(mine)
    if item_id is not None:
        rows = rows.filter(pl.col("item_id") == item_id)
    texts = past.released(EXPLANATIONS).select("explanation_key", "text", "origin")
    seeds = titles.lazy().rename({"item_id": "seed_item_id", "title": "seed_title"})
    found = (
        rows.join(texts, on="explanation_key", how="left")
        .join(titles.lazy(), on="item_id", how="left")
        .join(seeds, on="seed_item_id", how="left")
        .sort("rank")
    )
    return found.collect().to_dicts()


def _candidates(
    past: ReleasePast, user_id: str, titles: pl.DataFrame, item_id: str | None
) -> dict[str, list[dict[str, Any]]]:
    """Returns each source's best proposals, with the scores that all sources gave them."""
    ids = past.rows("users", USERS).select("user_id").collect()["user_id"]
    place = ids.search_sorted(user_id)
    if place >= len(ids) or ids[place] != user_id:
        return {}
    found = past.rows("candidates", CANDIDATES, _FOLD).filter(pl.col("user_num") == place).collect()
    named = found.with_columns(
        item_id=titles["item_id"][found["item_num"].to_numpy()],
        title=titles["title"][found["item_num"].to_numpy()],
    )
    if item_id is not None:
        if item_id not in titles["item_id"]:
            raise NotFound(f"release {past.release} knows no item {item_id!r}; check the id")
        named = named.filter(pl.col("item_id") == item_id)
    return {
        source: named.filter(pl.col(f"{source}_rank") > 0)
        .sort(f"{source}_rank")
        .head(_PER_SOURCE)
        .select("item_id", "title", f"{source}_rank", *(f"{name}_score" for name in SOURCES))
        .to_dicts()
        for source in SOURCES
    }
