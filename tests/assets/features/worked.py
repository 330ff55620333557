"""The toy world's clean events and items at D, from which features are worked out by hand.

Recency multipliers: 1 + 2 · 2^(-age / 30), in millionths, by whole days of age at D.
"""

import polars as pl

from core.schemas import CLEAN_EVENTS, ITEMS
from tests import toy

DAY_0 = 3_000_000
DAY_1 = 2_954_320
DAY_4 = 2_823_445
DAY_5 = 2_781_797
DAY_8 = 2_662_476


def clean_events() -> pl.DataFrame:
    """CLEAN_EVENTS of the toy world, those from D on included: no feature may see them."""
    people = toy.events().filter(pl.col("user_id").is_in(["ann", "ben", "fay"]))
    return people.select(CLEAN_EVENTS.names)


def items() -> pl.DataFrame:
    """ITEMS of the toy world; `delta`, which is not out yet, is none of them."""
    return toy.rows_of(
        ITEMS,
        [
            {"item_id": "alpha", "category": "Drama", "released_us": toy.us("2024-02-09")},
            {"item_id": "beta", "category": "Comedy"},
            {"item_id": "epsilon"},
            {"item_id": "gamma", "category": "Drama"},
            {"item_id": "omega"},
        ],
    )


def interactions() -> pl.DataFrame:
    """INTERACTIONS of the toy world at D."""
    rows = [
        # A click eight days ago and a purchase on the last day.
        ("ann", "alpha", DAY_8 + 5 * DAY_0, 2, 0, toy.us("2024-03-09 10:00")),
        ("ann", "beta", DAY_8, 1, 0, toy.us("2024-03-01 10:01")),
        ("ann", "gamma", 0, 1, 0, toy.us("2024-02-01 08:00")),
        ("ben", "beta", 4 * DAY_5, 1, 0, toy.us("2024-03-04 20:00")),
        # A dislike outweighs the view an hour before.
        ("ben", "gamma", -4 * DAY_4 + DAY_4, 2, 1, toy.us("2024-03-05 20:00")),
        ("fay", "omega", DAY_8, 1, 0, toy.us("2024-03-01 09:00")),
    ]
    names = ["user_id", "item_id", "weight_micro", "n_events", "n_negative", "last_us"]
    return pl.DataFrame(rows, schema=names, orient="row")
