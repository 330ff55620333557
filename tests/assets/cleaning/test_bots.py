"""Who is a machine in the toy world."""

import polars as pl
from polars.testing import assert_frame_equal

from assets.cleaning.bots import bot_scores
from core.engine import Engine
from core.schemas import BOT_SCORES, EVENTS
from core.transform_settings import BotSettings
from tests import toy


def test_bot_scores_of_the_toy_world(engine: Engine) -> None:
    events = engine.from_polars(toy.events())
    found = engine.collect(bot_scores(events, engine, toy.BEFORE_US, BotSettings()))
    rows = [
        ("ann", 0.0, False, "", 4),
        ("ben", 0.0, False, "", 3),
        # 10 + 7 + 4 + 2; the prefix is its own, and the acts repeat three items.
        ("bot", 23.0, True, "crawler_agent|regular_gaps|unprompted|few_items", 60),
        ("cai", 0.0, False, "", 1),
        ("fay", 0.0, False, "", 2),
    ]
    expected = pl.DataFrame(rows, schema=BOT_SCORES.polars, orient="row")
    assert_frame_equal(found.sort("user_id").select(BOT_SCORES.names), expected)


def test_reused_ids_count(engine: Engine) -> None:
    reused = engine.from_polars(pl.DataFrame({"user_id": ["ben"], "n_reused": [5]}))
    found = engine.collect(
        bot_scores(engine.from_polars(toy.events()), engine, toy.BEFORE_US, BotSettings(), reused)
    )
    assert found.filter(user_id="ben").select("score", "is_bot", "reasons").rows() == [
        (10.0, True, "reused_ids")
    ]


def test_events_from_d_on_say_nothing(engine: Engine) -> None:
    before = toy.events().filter(pl.col("occurred_us") < toy.us("2024-03-07"))
    frames = (toy.events(), before)
    full, cut = (
        engine.collect(
            bot_scores(engine.from_polars(frame), engine, toy.us("2024-03-07"), BotSettings())
        ).sort("user_id")
        for frame in frames
    )
    assert "bot" not in full["user_id"]
    assert_frame_equal(full, cut)


def test_lists_that_the_server_logged_hide_no_machine(engine: Engine) -> None:
    shown = toy.rows_of(
        EVENTS,
        [
            toy.event(f"s{n}", "bot", f"shown-{n}", "impression", "2024-03-05 12:00",
                      position=n, release="r", rung="trending", user_agent=None)
            for n in range(150)
        ],
    )  # fmt: skip
    reused = engine.from_polars(pl.DataFrame({"user_id": ["bot"], "n_reused": [60]}))
    events = engine.from_polars(pl.concat([toy.events(), shown]))
    found = engine.collect(bot_scores(events, engine, toy.BEFORE_US, BotSettings(), reused))
    (reasons,) = found.filter(user_id="bot")["reasons"]
    assert reasons == "crawler_agent|reused_ids|regular_gaps|unprompted|few_items"
