"""Users' habits and tastes at D."""

import polars as pl
from polars.testing import assert_frame_equal

from assets.features.user_features import user_categories, user_features
from core.engine import Engine
from core.schemas import USER_CATEGORIES, USER_FEATURES
from tests import toy
from tests.assets.features import worked
from tests.assets.features.worked import DAY_0, DAY_5, DAY_8


def test_user_features_of_the_toy_world(engine: Engine) -> None:
    found = user_features(
        engine.from_polars(worked.clean_events()),
        engine.from_polars(worked.items()),
        engine.from_polars(worked.interactions()),
        toy.BEFORE_US,
    )
    names = [
        "user_id", "n_events", "n_items", "n_positive", "n_active_days", "n_events_7d",
        "recency_days", "tenure_days", "last_us",
    ]  # fmt: skip
    assert names == USER_FEATURES.names
    rows = [
        ("ann", 4, 3, 2, 3, 1, 0, 37, toy.us("2024-03-09 10:00")),
        ("ben", 3, 2, 1, 2, 3, 4, 5, toy.us("2024-03-05 20:00")),
        # Her click on `delta`, which is not out yet, is not seen.
        ("fay", 1, 1, 1, 1, 0, 8, 8, toy.us("2024-03-01 09:00")),
    ]
    expected = pl.DataFrame(rows, schema=USER_FEATURES.polars, orient="row")
    assert_frame_equal(engine.collect(found).sort("user_id"), expected)


def test_user_categories_of_the_toy_world(engine: Engine) -> None:
    found = user_categories(
        engine.from_polars(worked.interactions()), engine.from_polars(worked.items())
    )
    drama = DAY_8 + 5 * DAY_0
    # Ben's dislike counts for no category; fay's item has none.
    rows = [
        ("ann", "Comedy", DAY_8, DAY_8 / (DAY_8 + drama)),
        ("ann", "Drama", drama, drama / (DAY_8 + drama)),
        ("ben", "Comedy", 4 * DAY_5, 1.0),
    ]
    expected = pl.DataFrame(rows, schema=USER_CATEGORIES.polars, orient="row")
    assert_frame_equal(
        engine.collect(found).sort("user_id", "category"), expected, check_exact=True
    )
