"""Nothing from D on, and no order of rows, changes a feature at D."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.features.interactions import interactions, recent_items
from assets.features.item_features import item_features
from assets.features.user_features import user_categories, user_features
from assets.features.weights import recency_table
from core.days import DAY_US
from core.engine import Engine
from core.manifest import hash_file
from core.schemas import (
    CLEAN_EVENTS,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    RECENT_ITEMS,
    USER_CATEGORIES,
    USER_FEATURES,
)
from core.staging import Staging
from core.transform_settings import ActionSettings, FeatureSettings
from tests import toy

ACTIONS = ["impression", "click", "view", "purchase", "rating", "like", "dislike", "hide"]
N_EVENTS, N_USERS, N_ITEMS = 3_000, 60, 40


def random_events() -> pl.DataFrame:
    """Returns CLEAN_EVENTS from 60 days before D to 10 days after, many at the same moment."""
    draw = np.random.default_rng(8)
    hours = draw.integers(-60 * 24, 10 * 24, N_EVENTS)
    return pl.DataFrame(
        {
            "event_id": [f"e{n:05}" for n in range(N_EVENTS)],
            "user_id": [f"u{n}" for n in draw.integers(0, N_USERS, N_EVENTS)],
            "item_id": [f"i{n}" for n in draw.integers(0, N_ITEMS, N_EVENTS)],
            "action": draw.choice(ACTIONS, N_EVENTS),
            "occurred_us": toy.BEFORE_US + hours * (DAY_US // 24),
            "value": draw.integers(1, 11, N_EVENTS) / 2,
            "session_id": [None] * N_EVENTS,
            "position": [None] * N_EVENTS,
            "surface": [None] * N_EVENTS,
        },
        schema=CLEAN_EVENTS.polars,
    )


def random_items() -> pl.DataFrame:
    """Returns ITEMS; two of them without events, some items of events missing."""
    draw = np.random.default_rng(9)
    return toy.rows_of(
        ITEMS,
        [
            {
                "item_id": f"i{n}",
                "category": None if n % 7 == 0 else f"c{draw.integers(0, 5)}",
                "released_us": None if n % 3 == 0 else toy.BEFORE_US - n * DAY_US,
            }
            for n in range(5, N_ITEMS + 2)
        ],
    )


def feature_hashes(
    engine: Engine, events: pl.DataFrame, items: pl.DataFrame, folder: Path
) -> dict[str, str]:
    """Returns the hash of every feature table's file."""
    staging, now_us = Staging(folder), toy.BEFORE_US
    clean, known = engine.from_polars(events), engine.from_polars(items)
    recency = engine.from_polars(recency_table(FeatureSettings()))
    pairs = engine.persist(interactions(clean, known, recency, now_us, ActionSettings()))
    tables = {
        INTERACTIONS: pairs,
        RECENT_ITEMS: recent_items(pairs, 10),
        USER_FEATURES: user_features(clean, known, pairs, now_us),
        USER_CATEGORIES: user_categories(pairs, known),
        ITEM_FEATURES: item_features(clean, known, pairs, now_us, FeatureSettings()),
    }
    for table, frame in tables.items():
        assert engine.sink(frame, table, staging) > 30, table.name
    return {table.name: hash_file(staging.file(f"{table.name}.parquet")) for table in tables}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hashes that Polars gives for the whole log."""
    from core.engine import open_engine

    with open_engine("polars") as engine:
        folder = tmp_path_factory.mktemp("reference")
        return feature_hashes(engine, random_events(), random_items(), folder)


def test_shuffled_rows_give_the_same_bytes_on_every_engine(
    engine: Engine, reference: dict[str, str], tmp_path: Path
) -> None:
    events = random_events().sample(fraction=1, shuffle=True, seed=3)
    items = random_items().sample(fraction=1, shuffle=True, seed=4)
    assert feature_hashes(engine, events, items, tmp_path) == reference


def test_events_from_d_on_change_nothing(
    engine: Engine, reference: dict[str, str], tmp_path: Path
) -> None:
    before = random_events().filter(pl.col("occurred_us") < toy.BEFORE_US)
    assert 0 < before.height < N_EVENTS
    assert feature_hashes(engine, before, random_items(), tmp_path) == reference


def test_an_event_before_d_does_change_features(reference: dict[str, str], tmp_path: Path) -> None:
    from core.engine import open_engine

    events = random_events()
    lost = events.filter(
        (pl.col("occurred_us") < toy.BEFORE_US) & (pl.col("action") == "purchase")
    )["event_id"][0]
    with open_engine("polars") as engine:
        changed = feature_hashes(
            engine, events.filter(pl.col("event_id") != lost), random_items(), tmp_path
        )
    assert changed["interactions"] != reference["interactions"]
    assert changed["item_features"] != reference["item_features"]
