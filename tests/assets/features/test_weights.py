"""What each event weighs."""

import pytest

from assets.features.weights import recency_table, weigh
from core.days import DAY_US
from core.engine import Engine
from core.schemas import CLEAN_EVENTS, ITEMS
from core.transform_settings import ActionSettings, FeatureSettings
from tests import toy

NOW = toy.BEFORE_US


def test_a_recent_event_counts_three_times_an_old_one() -> None:
    by_age = dict(recency_table(FeatureSettings()).iter_rows())
    assert by_age[0] == 3_000_000
    assert by_age[30] == 2_000_000
    assert by_age[60] == 1_500_000
    assert by_age[300] == 1_001_953  # 1 + 2 / 1024
    assert by_age[max(by_age)] == 1_000_000
    assert list(by_age) == list(range(len(by_age)))


def test_the_half_life_is_configurable() -> None:
    by_age = dict(recency_table(FeatureSettings(half_life_days=7, recent_factor=2)).iter_rows())
    assert (by_age[0], by_age[7], by_age[14]) == (2_000_000, 1_500_000, 1_250_000)
    flat = dict(recency_table(FeatureSettings(recent_factor=1)).iter_rows())
    assert set(flat.values()) == {1_000_000}


@pytest.mark.parametrize("half_life_days", [0.001, 1 / 3, 3650.0])
def test_the_table_ends_where_nothing_extra_is_left(half_life_days: float) -> None:
    table = recency_table(FeatureSettings(half_life_days=half_life_days, recent_factor=1000))
    assert table["recency_micro"][-1] == 1_000_000
    assert table["recency_micro"].is_sorted(descending=True)


def test_actions_ratings_and_ages(engine: Engine) -> None:
    rows = [
        ("impression", None, 0, None),
        ("click", None, 0, 3_000_000),
        ("view", 30.0, 30, 2_000_000),
        ("purchase", 9.5, 60, 7_500_000),
        ("like", None, 5_000, 4_000_000),
        ("dislike", None, 30, -8_000_000),
        ("hide", None, 60, -7_500_000),
        ("rating", 4.0, 0, 12_000_000),
        ("rating", 3.99, 0, 0),
        ("rating", 2.01, 0, 0),
        ("rating", 2.0, 30, -8_000_000),
        ("rating", 0.5, 0, -12_000_000),
        ("rating", None, 0, 0),
    ]
    events = [
        toy.event(f"e{n:02}", f"u{n:02}", "x", action, NOW - age * DAY_US - 1, value=value)
        for n, (action, value, age, _) in enumerate(rows)
    ]
    found = weigh(
        engine.from_polars(toy.rows_of(CLEAN_EVENTS, events)),
        engine.from_polars(toy.rows_of(ITEMS, [{"item_id": "x"}])),
        engine.from_polars(recency_table(FeatureSettings())),
        NOW,
        ActionSettings(),
    )
    weights = engine.collect(found).sort("user_id").select("user_id", "weight_micro").rows()
    assert weights == [
        (f"u{n:02}", weight) for n, (*_, weight) in enumerate(rows) if weight is not None
    ]


def test_whole_days_of_age_are_counted_from_the_cut(engine: Engine) -> None:
    moments = {"a": NOW - 1, "b": NOW - DAY_US, "c": NOW - DAY_US - 1, "d": NOW, "e": NOW + DAY_US}
    events = [toy.event(user, user, "x", "click", moment) for user, moment in moments.items()]
    by_age = dict(recency_table(FeatureSettings()).iter_rows())
    found = weigh(
        engine.from_polars(toy.rows_of(CLEAN_EVENTS, events)),
        engine.from_polars(toy.rows_of(ITEMS, [{"item_id": "x"}])),
        engine.from_polars(recency_table(FeatureSettings())),
        NOW,
        ActionSettings(),
    )
    weights = dict(engine.collect(found).select("user_id", "weight_micro").iter_rows())
    assert weights == {"a": by_age[0], "b": by_age[1], "c": by_age[1]}
