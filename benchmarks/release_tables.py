"""Tables for a release of any size, with the columns, types and skew of real ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from core import schemas
from core.tables import write_batches, write_table

ROWS = 50
"""Rows of every user's list."""
TABLES = (
    "lists", "segment_lists", "neighbour_lists", "items", "explanations", "recent_items", "users",
)  # fmt: skip
_MOST_REASONS = 60
_RECENT = 10
_USERS_AT_ONCE = 20_000


class _Catalogue:
    """Items and the sentences about each: 30 an item on average."""

    def __init__(self, n_items: int, rng: np.random.Generator) -> None:
        self.ids = np.array([f"item-{n:07d}" for n in range(n_items)])
        self.n_reasons = rng.integers(1, _MOST_REASONS + 1, n_items)
        self.firsts = np.cumsum(self.n_reasons) - self.n_reasons
        self.targets = np.repeat(np.arange(n_items), self.n_reasons)
        numbers = rng.integers(1 << 62, 1 << 63, self.targets.size)
        self.keys = np.array([f"{n:032x}" for n in numbers])


def write_tables(folder: Path, n_users: int, n_items: int, seed: int) -> None:
    """Writes `<table>.parquet` for each of TABLES, a block of users at a time."""
    rng = np.random.default_rng(seed)
    catalogue = _Catalogue(n_items, rng)
    for table, rows in _shared(catalogue, rng):
        write_table(_whole(table, rows), table, folder / f"{table.name}.parquet")
    users = [
        np.arange(start, min(start + _USERS_AT_ONCE, n_users))
        for start in range(0, n_users, _USERS_AT_ONCE)
    ]
    makers = {schemas.LISTS: _lists, schemas.RECENT_ITEMS: _recent, schemas.USERS: _people}
    for table, make in makers.items():
        blocks: Iterator[pa.Table] = (
            _whole(table, make(catalogue, some, rng)).to_arrow() for some in users
        )
        write_batches(blocks, table, folder / f"{table.name}.parquet")


def _whole(table: schemas.Table, rows: dict[str, Any]) -> pl.DataFrame:
    """Returns rows with all of the table's columns; those not given are null."""
    assert rows.keys() <= table.polars.keys(), rows.keys() - table.polars.keys()
    return pl.DataFrame(rows).select(
        (pl.col(name) if name in rows else pl.lit(None)).cast(kind).alias(name)
        for name, kind in table.polars.items()
    )


def _shared(
    catalogue: _Catalogue, rng: np.random.Generator
) -> Iterator[tuple[schemas.Table, dict[str, Any]]]:
    ids, targets = catalogue.ids, catalogue.targets
    sources = ids[rng.integers(0, ids.size, targets.size)]
    yield (
        schemas.EXPLANATIONS,
        {
            "explanation_key": catalogue.keys,
            "target_item_id": ids[targets],
            "reason_num": np.arange(targets.size) - catalogue.firsts[targets],
            "source_item_id": sources,
            "reason_type": _same("same_theme", targets.size),
            "locale": _same("en", targets.size),
            "text": np.char.add(np.char.add("Because you enjoyed ", sources), " and its mood."),
            "origin": _same("template", targets.size),
            "facts_hash": catalogue.keys,
        },
    )
    titles = np.char.add("The title of ", ids)
    yield (
        schemas.ITEMS,
        {
            "item_id": ids,
            "title": titles,
            "category": _categories(ids.size),
            "in_catalogue": np.ones(ids.size, bool),
        },
    )
    n_top = min(100, ids.size)
    yield (
        schemas.SEGMENT_LISTS,
        {
            "segment": _same("trending", n_top),
            "rank": np.arange(1, n_top + 1),
            "item_id": ids[:n_top],
            "score": np.linspace(100, 1, n_top),
        },
    )
    yield (
        schemas.NEIGHBOUR_LISTS,
        {
            "item_id": np.repeat(ids, 20),
            "rank": np.tile(np.arange(1, 21), ids.size),
            "neighbour_id": ids[rng.integers(0, ids.size, 20 * ids.size)],
            "score": rng.random(20 * ids.size),
        },
    )


def _categories(n_items: int) -> pl.Series:
    """Returns a category an item; of twenty, the commonest holds a fifth of all items."""
    places = (np.arange(n_items) * 7919 % 1000 / 1000) ** 2 * 20
    return pl.Series([f"category-{place:02}" for place in places.astype(np.int64)])


def _lists(catalogue: _Catalogue, users: Any, rng: np.random.Generator) -> dict[str, Any]:
    items = _picked(catalogue, users.size, ROWS, rng)
    reasons = rng.integers(0, 1 << 30, items.size) % catalogue.n_reasons[items]
    scores = np.sort(rng.random((users.size, ROWS)), axis=1)[:, ::-1]
    told = pl.Series(np.round(rng.random(items.size), 4)).cast(pl.String)
    return {
        "user_id": np.repeat(_names(users), ROWS),
        "rank": np.tile(np.arange(1, ROWS + 1), users.size),
        "item_id": catalogue.ids[items],
        "score": scores.ravel(),
        "stage": _same("full", items.size),
        "sources": pl.Series([["als", "neighbours"]]).new_from_index(0, items.size),
        "source_scores": '{"als":' + told + "}",
        "seed_item_id": catalogue.ids[rng.integers(0, catalogue.ids.size, items.size)],
        "seed_contribution": rng.random(items.size),
        "ranker_score": rng.random(items.size),
        "rules": pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, items.size),
        "reason_type": _same("same_theme", items.size),
        "explanation_key": catalogue.keys[catalogue.firsts[items] + reasons],
        "item_num": items,
        "reason_num": reasons,
    }


def _recent(catalogue: _Catalogue, users: Any, rng: np.random.Generator) -> dict[str, Any]:
    items = _picked(catalogue, users.size, _RECENT, rng)
    return {
        "user_id": np.repeat(_names(users), _RECENT),
        "rank": np.tile(np.arange(1, _RECENT + 1), users.size),
        "item_id": catalogue.ids[items],
        "last_us": np.zeros(items.size, np.int64),
    }


def _people(catalogue: _Catalogue, users: Any, rng: np.random.Generator) -> dict[str, Any]:
    return {"user_id": _names(users), "opted_out": np.zeros(users.size, bool)}


def _names(users: Any) -> Any:
    return np.array([f"u{n:08d}" for n in users])


def _same(value: str, n: int) -> pl.Series:
    return pl.Series([value]).new_from_index(0, n)


def _picked(catalogue: _Catalogue, n_users: int, n: int, rng: np.random.Generator) -> Any:
    """Returns n distinct items a user, flat: a skewed start and random steps from there."""
    n_items = catalogue.ids.size
    begin = (rng.random(n_users) ** 3 * n_items).astype(np.int64)
    steps = np.cumsum(rng.integers(1, max(2, n_items // 200), (n_users, n)), axis=1)
    return ((begin[:, None] + steps) * 7919 % n_items).ravel()
