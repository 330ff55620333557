"""A hand-made world of six users and seven items, as the tables that a release is made of."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.schemas import (
    EXPLANATIONS,
    ITEMS,
    LISTS,
    NEIGHBOUR_LISTS,
    RECENT_ITEMS,
    SEGMENT_LISTS,
    USERS,
    Table,
)
from core.tables import write_table
from serving.builder import ReleaseInputs, build_release

DAY_US = 86_400_000_000
DAY_10 = 10 * DAY_US

# m6 is gone before the tenth day, m7 comes after it.
ITEM_ROWS = [
    ("m1", "Heat", None, None),
    ("m2", 'Say "Hi" \\ <b>', None, None),
    ("m3", None, None, None),
    ("m4", "Amélie", 0, 20 * DAY_US),
    ("m5", "日本", None, None),
    ("m6", "Gone", None, DAY_10),
    ("m7", "Not yet", DAY_10 + 1, None),
]
# user, items best first; the sentence of (ann, m2) has a seed, the others have none
LIST_ROWS = {"ann": ["m2", "m1", "m3"], "bob": ["m1", "m6", "m4"], "zoë": ["m5"]}
SEGMENT_ROWS = {
    "genre:Comedy": ["m4", "m2"],
    "genre:Drama": ["m5", "m4"],
    "trending": ["m1", "m2", "m3", "m4", "m5", "m7"],
}
RECENT_ROWS = {"ann": ["m4"], "rex": ["m1", "m2"]}
PREFERENCES = {
    "ann": ["Comedy"],
    "cat": ["Drama", "Comedy", "Unheard of"],
    "out": ["Drama"],
}
NEIGHBOUR_ROWS = {"m1": ["m2", "m6", "m3"], "m4": ["m5"]}


@dataclass(frozen=True)
class Tables:
    """The frames, each of which a test may replace before they are written."""

    lists: pl.DataFrame
    segment_lists: pl.DataFrame
    neighbour_lists: pl.DataFrame
    items: pl.DataFrame
    explanations: pl.DataFrame
    recent_items: pl.DataFrame
    users: pl.DataFrame

    def write(self, folder: Path) -> ReleaseInputs:
        kinds: dict[str, Table] = {
            "lists": LISTS,
            "segment_lists": SEGMENT_LISTS,
            "neighbour_lists": NEIGHBOUR_LISTS,
            "items": ITEMS,
            "explanations": EXPLANATIONS,
            "recent_items": RECENT_ITEMS,
            "users": USERS,
        }
        paths = {}
        for name, table in kinds.items():
            paths[name] = folder / f"{name}.parquet"
            write_table(getattr(self, name), table, paths[name])
        return ReleaseInputs(**paths)


def _whole(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        [{name: row.get(name) for name in table.names} for row in rows], schema=table.polars
    )


def toy_tables(suffix: str = "") -> Tables:
    """Returns the toy world; a suffix in every sentence tells one release from another."""
    lists = [
        {
            "user_id": user, "rank": rank, "item_id": item, "score": 1.25 - rank / 4,
            "stage": "full", "sources": ["als"], "source_scores": '{"als":1}', "rules": [],
            "reason_type": "same_theme" if (user, item) == ("ann", "m2") else "popular",
            "explanation_key": f"ann-m2{suffix}" if (user, item) == ("ann", "m2") else item,
            "item_num": int(item[1]) - 1, "reason_num": int((user, item) == ("ann", "m2")),
        }
        for user, items in LIST_ROWS.items()
        for rank, item in enumerate(items, 1)
    ]  # fmt: skip
    explanations = [
        {
            "explanation_key": item, "target_item_id": item, "reason_num": 0,
            "reason_type": "popular",
            "locale": "en", "text": f"Many like {item}.{suffix}", "origin": "template",
            "facts_hash": "f",
        }
        for item, *_ in ITEM_ROWS
    ]  # fmt: skip
    explanations.append(
        {
            **explanations[1], "explanation_key": f"ann-m2{suffix}", "source_item_id": "m4",
            "reason_num": 1, "reason_type": "same_theme", "text": f'Like "Amélie".{suffix}',
        }
    )  # fmt: skip
    return Tables(
        lists=_whole(LISTS, lists),
        segment_lists=_whole(SEGMENT_LISTS, _ranked("segment", "item_id", SEGMENT_ROWS)),
        neighbour_lists=_whole(
            NEIGHBOUR_LISTS, _ranked("item_id", "neighbour_id", NEIGHBOUR_ROWS)
        ),
        items=_whole(
            ITEMS,
            [
                {
                    "item_id": item, "title": title, "available_from_us": begin,
                    "available_until_us": end, "in_catalogue": True,
                }
                for item, title, begin, end in ITEM_ROWS
            ],
        ),
        explanations=_whole(EXPLANATIONS, explanations),
        recent_items=_whole(
            RECENT_ITEMS,
            [{**row, "last_us": DAY_US} for row in _ranked("user_id", "item_id", RECENT_ROWS)],
        ),
        users=_whole(
            USERS,
            [
                {"user_id": user, "preferences": wanted, "opted_out": user == "out"}
                for user, wanted in PREFERENCES.items()
            ],
        ),
    )  # fmt: skip


def _ranked(owner: str, member: str, rows: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [
        {owner: name, "rank": rank, member: item, "score": 100.0 - rank}
        for name, items in rows.items()
        for rank, item in enumerate(items, 1)
    ]


def publish_toy(
    root: Path, as_of: str, seed: int, tables: Tables | None = None, *, log: bool = True
) -> str:
    """Builds a toy release under `root`, logs it and returns its id; the seed tells them apart."""
    releases = ReleaseStore(root)
    writer = ReleaseWriter(releases)
    plan = ReleasePlan(as_of=as_of, inputs={}, config={}, seed=seed)
    inputs = (tables or toy_tables(f" #{seed}")).write(root.parent / f"tables-{plan.version}")
    staging = writer.begin(plan)
    build_release(staging, inputs, date(1970, 1, 11), n_shards=2)
    writer.commit(plan, staging)
    if log:
        releases.log.append("publish", plan.version, as_of, reason="toy")
    return plan.version


class Toy:
    """What tests ask of the toy world."""

    tables = staticmethod(toy_tables)
    publish = staticmethod(publish_toy)
    replace = staticmethod(replace)


@pytest.fixture(scope="session")
def toy() -> type[Toy]:
    return Toy
