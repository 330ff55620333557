"""Users' weighted relations to items."""

from polars.testing import assert_frame_equal

from assets.features.interactions import interactions, recent_items
from assets.features.weights import recency_table
from core.engine import Engine
from core.schemas import CLEAN_EVENTS, RECENT_ITEMS
from core.transform_settings import ActionSettings, FeatureSettings
from tests import toy
from tests.assets.features import worked


def test_interactions_of_the_toy_world(engine: Engine) -> None:
    found = interactions(
        engine.from_polars(worked.clean_events()),
        engine.from_polars(worked.items()),
        engine.from_polars(recency_table(FeatureSettings())),
        toy.BEFORE_US,
        ActionSettings(),
    )
    assert_frame_equal(engine.collect(found).sort("user_id", "item_id"), worked.interactions())


def test_a_million_events_on_one_item_do_not_overflow() -> None:
    import polars as pl

    from core.engine import open_engine

    n = 1_000_000
    flood = pl.DataFrame(
        {
            "user_id": ["u"] * n,
            "item_id": ["alpha"] * n,
            "action": ["purchase"] * n,
            "occurred_us": [toy.BEFORE_US - 1] * n,
            "value": pl.Series([None] * n, dtype=pl.Float64),
        }
    )
    with open_engine("polars") as engine:
        found = interactions(
            engine.from_polars(flood),
            engine.from_polars(worked.items()),
            engine.from_polars(recency_table(FeatureSettings(recent_factor=1000))),
            toy.BEFORE_US,
            ActionSettings(purchase=1000),
        )
        assert engine.collect(found)["weight_micro"].to_list() == [n * 1000 * 1000 * 1_000_000]


def test_recent_items_of_the_toy_world(engine: Engine) -> None:
    # Of ann's three the latest two; her tie does not matter here.
    found = recent_items(engine.from_polars(worked.interactions()), 2)
    expected = toy.rows_of(
        RECENT_ITEMS,
        [
            {"user_id": user_id, "rank": rank, "item_id": item_id, "last_us": toy.us(at)}
            for user_id, rank, item_id, at in (
                ("ann", 1, "alpha", "2024-03-09 10:00"),
                ("ann", 2, "beta", "2024-03-01 10:01"),
                ("ben", 1, "gamma", "2024-03-05 20:00"),
                ("ben", 2, "beta", "2024-03-04 20:00"),
                ("fay", 1, "omega", "2024-03-01 09:00"),
            )
        ],
    )
    assert_frame_equal(engine.collect(found).sort("user_id", "rank"), expected)


def test_equal_times_are_ranked_by_item(engine: Engine) -> None:
    clicks = [
        toy.event(f"e{item}", "u", item, "click", "2024-03-01 10:00") for item in ("é", "b", "Z")
    ]
    items = worked.items()[:3].with_columns(item_id=worked.pl.Series(["Z", "b", "é"]))
    pairs = interactions(
        engine.from_polars(toy.rows_of(CLEAN_EVENTS, clicks)),
        engine.from_polars(items),
        engine.from_polars(recency_table(FeatureSettings())),
        toy.BEFORE_US,
        ActionSettings(),
    )
    found = engine.collect(recent_items(pairs, 10)).sort("rank")
    assert found["item_id"].to_list() == ["Z", "b", "é"]
    assert found["rank"].to_list() == [1, 2, 3]
