import polars as pl

from assets.explanations.signals import item_signals
from core.days import DAY_US
from core.explanation_settings import ExplanationSettings

D = 1_000 * DAY_US


def test_marks_hold_exactly_where_their_definition_does() -> None:
    items = pl.DataFrame({
        "item_id": ["a", "b", "c", "d", "e"],
        "released_us": [D - 30 * DAY_US, D - 30 * DAY_US - 1, None, D, None],
        "available_from_us": [None, None, D - 1, None, None],
    })  # fmt: skip
    features = pl.DataFrame({
        "item_id": ["a", "b", "c", "d"],
        "n_users_7d": [9, 10, 10, 0],
        "n_users_30d": [9, 28, 29, 0],
        "n_users": [50, 40, 40, 0],
    }).cast({"n_users_7d": pl.Int64})  # fmt: skip
    found = item_signals(items, features, D, ExplanationSettings(popular_top=2))
    assert found.rows() == [
        ("a", True, False, True),  # exactly 30 days old; one user short of trending
        ("b", False, True, True),  # a microsecond older; 10/7 is 1.53 times 28/30
        ("c", True, False, False),  # 10/7 is 1.48 times 29/30; ties with b, whose id is lower
        ("d", False, False, False),  # not out before D; nobody chose it
        ("e", False, False, False),  # nothing known
    ]
