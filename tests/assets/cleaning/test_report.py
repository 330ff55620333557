"""What the report says of the excluded, and of popularity with and without bots."""

import polars as pl

from assets.cleaning.exclusion import clean_events, excluded_events
from assets.cleaning.report import (
    bots_by_reason,
    compare_popularity,
    events_a_day,
    exclusion_report,
)
from core.engine import Engine
from core.schemas import BOT_SCORES
from tests import toy

SCORES = pl.DataFrame(
    [
        ("ann", 0.0, False, "high_rate", 4),
        ("b1", 11.0, True, "regular_gaps|unprompted", 9),
        ("b2", 12.0, True, "fast_gaps|clicks_all", 9),
        ("bot", 23.0, True, "crawler_agent|regular_gaps|unprompted|few_items", 60),
    ],
    schema=BOT_SCORES.polars,
    orient="row",
)
EXCLUDED = pl.DataFrame({"user_id": ["bot", "cai"], "reason": ["bot", "opted_out"]})


def test_bots_are_counted_by_every_reason(engine: Engine) -> None:
    found = bots_by_reason(engine, engine.from_polars(SCORES))
    assert list(found.items()) == [
        ("regular_gaps", 2),
        ("unprompted", 2),
        ("clicks_all", 1),
        ("crawler_agent", 1),
        ("fast_gaps", 1),
        ("few_items", 1),
    ]


def test_without_bots_there_are_no_reasons(engine: Engine) -> None:
    assert bots_by_reason(engine, engine.from_polars(SCORES[:1])) == {}


def test_report_of_the_toy_world(engine: Engine) -> None:
    events, excluded = engine.from_polars(toy.events()), engine.from_polars(EXCLUDED)
    report = exclusion_report(
        engine,
        clean_events(events, excluded, toy.BEFORE_US),
        excluded_events(events, excluded, toy.BEFORE_US),
        engine.from_polars(SCORES[-1:]),
    )
    columns = ("item_id", "rank_before", "rank_after", "touches_before", "touches_after")
    # People touched alpha 2, beta 2, gamma 3 times, delta and omega once; the bot 20 each.
    rows = [
        ("gamma", 1, 1, 23, 3),
        ("alpha", 2, 2, 22, 2),
        ("beta", 3, 3, 22, 2),
        ("delta", 4, 4, 1, 1),
        ("omega", 5, 5, 1, 1),
    ]
    assert report == {
        "excluded": [
            {"reason": "bot", "n_users": 1, "n_events": 60},
            {"reason": "opted_out", "n_users": 1, "n_events": 1},
        ],
        "bots_by_reason": {
            "crawler_agent": 1,
            "few_items": 1,
            "regular_gaps": 1,
            "unprompted": 1,
        },
        "popularity": [dict(zip(columns, row, strict=True)) for row in rows],
        "n_replaced": 0,
    }


def test_pushed_items_fall_out_of_the_top() -> None:
    clean = pl.DataFrame(
        {"item_id": [f"i{n:02}" for n in range(21)], "n_touches": [100 - n for n in range(21)]}
    )
    bots = pl.DataFrame({"item_id": ["i20", "ghost"], "n_touches": [500, 400]})
    found = compare_popularity(clean, bots)
    assert found.height == 22
    assert found.select("item_id", "rank_before", "rank_after").rows()[:3] == [
        ("i20", 1, 21),
        ("ghost", 2, 22),
        ("i00", 3, 1),
    ]
    assert found.row(-1) == ("i19", 22, 20, 81, 81)


def test_events_a_day(engine: Engine) -> None:
    days = events_a_day(engine, engine.from_polars(toy.events()))
    assert list(days.items()) == [
        ("2024-02-01", 1),
        ("2024-03-01", 4),
        ("2024-03-04", 1),
        ("2024-03-05", 3),
        ("2024-03-06", 1),
        ("2024-03-07", 60),
        ("2024-03-08", 1),
        ("2024-03-09", 1),
        ("2024-03-10", 1),
        ("2024-03-11", 1),
    ]
