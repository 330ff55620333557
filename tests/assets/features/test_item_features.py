"""Items' reception at D."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.features.interactions import interactions
from assets.features.item_features import item_features
from assets.features.weights import recency_table
from core.days import DAY_US
from core.engine import Engine, open_engine
from core.schemas import CLEAN_EVENTS, INTERACTIONS, ITEM_FEATURES, ITEMS, WEEKS_BEFORE
from core.transform_settings import ActionSettings, FeatureSettings
from tests import toy
from tests.assets.features import worked
from tests.assets.features.worked import DAY_0, DAY_4, DAY_5, DAY_8

NOW = toy.BEFORE_US


def test_item_features_of_the_toy_world(engine: Engine) -> None:
    found = item_features(
        engine.from_polars(worked.clean_events()),
        engine.from_polars(worked.items()),
        engine.from_polars(worked.interactions()),
        NOW,
        FeatureSettings(),
    )
    names = [
        "item_id", "n_users_1d", "n_users_7d", "n_users_30d", "n_users", *WEEKS_BEFORE,
        "weight_micro", "trend_micro", "n_impressions", "n_clicks", "n_purchases",
        "conversion_micro", "age_days",
    ]  # fmt: skip
    assert names == ITEM_FEATURES.names
    # Trend: (n7 · 4 + 10) / ((n of four weeks + 10) · 4); conversion: (clicks + 2.5) /
    # (shown + 50), of clicks as many as were shown. All in millionths, rounded down.
    rows = [
        # ann touched alpha in both weeks and counts in both.
        ("alpha", 1, 1, 1, 1, 1, 0, 0, DAY_8 + 5 * DAY_0, 291_666, 2, 1, 1, 67_307, 30),
        ("beta", 0, 1, 2, 2, 1, 0, 0, DAY_8 + 4 * DAY_5, 291_666, 0, 1, 0, 50_000, 8),
        ("gamma", 0, 0, 0, 0, 0, 0, 0, -3 * DAY_4, 250_000, 0, 1, 0, 50_000, 37),
        ("omega", 0, 0, 1, 1, 1, 0, 0, DAY_8, 227_272, 0, 1, 0, 50_000, 8),
    ]
    expected = pl.DataFrame(rows, schema=ITEM_FEATURES.polars, orient="row")
    assert_frame_equal(engine.collect(found).sort("item_id"), expected)


def features_of(
    last_days: list[int], settings: FeatureSettings, **item: object
) -> dict[str, object]:
    """Returns the features of one item that users bought so many days ago, to the microsecond."""
    pairs = [
        {"user_id": f"u{n}", "item_id": "x", "weight_micro": 1, "n_events": 1, "n_negative": 0,
         "last_us": NOW - days * DAY_US}
        for n, days in enumerate(last_days)
    ]  # fmt: skip
    seen = [
        toy.event("e", "u0", "x", "impression", NOW - 40 * DAY_US),
        *(
            toy.event(f"e{n}", f"u{n}", "x", "purchase", NOW - days * DAY_US)
            for n, days in enumerate(last_days)
            if days <= 40
        ),
    ]
    with open_engine("polars") as engine:
        found = item_features(
            engine.from_polars(toy.rows_of(CLEAN_EVENTS, seen)),
            engine.from_polars(toy.rows_of(ITEMS, [{"item_id": "x", **item}])),
            engine.from_polars(toy.rows_of(INTERACTIONS, pairs)),
            NOW,
            settings,
        )
        return engine.collect(found).row(0, named=True)


def test_horizons_include_their_first_moment() -> None:
    found = features_of([1, 2, 7, 8, 30, 31], FeatureSettings())
    assert [found[f"n_users{horizon}"] for horizon in ("_1d", "_7d", "_30d", "")] == [1, 3, 5, 6]


def test_a_user_counts_in_every_week_in_which_they_came(engine: Engine) -> None:
    # Twenty people come every week for four weeks, one of them twice; the last day of each week
    # is its first moment. One more disliked it every time, one only saw it.
    came = [(f"u{n:02}", day) for n in range(20) for day in (7, 14, 21, 28)] + [("u00", 10)]
    seen = [("view", *visit) for visit in came]
    seen += [(act, act, day) for act in ("dislike", "impression") for day in (3, 10, 17, 24, 29)]
    events = engine.from_polars(
        toy.rows_of(
            CLEAN_EVENTS,
            [
                toy.event(f"e{n}", user, "x", act, NOW - day * DAY_US)
                for n, (act, user, day) in enumerate(seen)
            ],
        )
    )
    items = engine.from_polars(toy.rows_of(ITEMS, [{"item_id": "x"}]))
    recency = engine.from_polars(recency_table(FeatureSettings()))
    pairs = interactions(events, items, recency, NOW, ActionSettings())
    settings = FeatureSettings(trend_prior_users=0)
    found = engine.collect(item_features(events, items, pairs, NOW, settings))
    assert found.select("n_users_7d", *WEEKS_BEFORE, "n_users_30d").row(0) == (20, 20, 20, 20, 20)
    assert found["trend_micro"].item() == 250_000


def test_priors_can_be_weak() -> None:
    settings = FeatureSettings(trend_prior_users=0, conversion_prior_impressions=1)
    assert features_of([31], settings)["trend_micro"] == 0
    assert features_of([1, 20], settings)["trend_micro"] == 500_000
    assert features_of([1], settings)["conversion_micro"] == 25_000


@pytest.mark.parametrize(
    ("released_days_ago", "age"), [(None, 40), (100, 100), (40, 40), (10, 40), (-5, 40)]
)
def test_age_counts_from_release_or_first_sight(released_days_ago: int | None, age: int) -> None:
    released = None if released_days_ago is None else NOW - released_days_ago * DAY_US
    assert features_of([], FeatureSettings(), released_us=released)["age_days"] == age
