from datetime import date

import polars as pl
import pytest

from assets.explanations.signals import item_signals
from core.days import DAY_US, day_start_us
from core.explanation_settings import ExplanationSettings
from core.schemas import WEEKS_BEFORE

D = 1_000 * DAY_US


def test_marks_hold_exactly_where_their_definition_does() -> None:
    items = pl.DataFrame({
        "item_id": ["a", "b", "c", "d", "e"],
        "released_us": [D - 30 * DAY_US, D - 30 * DAY_US - 1, None, D, None],
        "available_from_us": [None, None, D - 1, None, None],
    })  # fmt: skip
    features = pl.DataFrame({
        "item_id": ["a", "b", "c", "d"],
        "n_users_7d": [9, 15, 15, 0],
        "n_users_7_14d": [0, 0, 0, 0],
        "n_users_14_21d": [0, 10, 11, 0],
        "n_users_21_28d": [0, 3, 0, 0],
        "n_users": [50, 40, 40, 0],
    })  # fmt: skip
    found = item_signals(items, features, D, ExplanationSettings(popular_top=2))
    assert found.rows() == [
        ("a", True, False, True),  # exactly 30 days old; one user short of trending
        ("b", False, True, True),  # a microsecond older; 15 is 1.5 times its busiest week's 10
        # Only available since yesterday; a busier week before; ties with b, whose id is lower.
        ("c", False, False, False),
        ("d", False, False, False),  # not out before D; nobody chose it
        ("e", False, False, False),  # nothing known
    ]


def test_a_loyal_audience_is_no_trend() -> None:
    items = pl.DataFrame({"item_id": ["x"], "released_us": [None]}).cast({"released_us": pl.Int64})
    same = pl.DataFrame({"item_id": ["x"], "n_users_7d": [20], "n_users": [20]})
    features = same.with_columns(pl.lit(20).alias(name) for name in WEEKS_BEFORE)
    assert not item_signals(items, features, D, ExplanationSettings())["is_trending"].item()


@pytest.mark.parametrize(
    ("released_us", "is_new"),
    [
        (day_start_us(date(2016, 1, 1)), False),  # all that is known is the year
        (day_start_us(date(2016, 1, 1)) + 1, True),
        (day_start_us(date(2016, 1, 2)), True),
        (day_start_us(date(2015, 12, 31)), True),
    ],
)
def test_what_came_out_in_a_mere_year_is_never_new(released_us: int, is_new: bool) -> None:
    items = pl.DataFrame({"item_id": ["x"], "released_us": [released_us]})
    features = pl.DataFrame(
        {name: [0] for name in ("n_users_7d", *WEEKS_BEFORE, "n_users")}
    ).with_columns(item_id=pl.lit("x"))
    found = item_signals(items, features, day_start_us(date(2016, 1, 20)), ExplanationSettings())
    assert found["is_new"].to_list() == [is_new]
