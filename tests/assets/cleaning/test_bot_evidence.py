"""The counts that bot signals judge."""

import polars as pl
from polars.testing import assert_frame_equal

from assets.cleaning.bot_evidence import user_evidence
from core.days import DAY_US, SECOND_US
from core.engine import Engine
from core.schemas import EVENTS
from core.transform_settings import BotSettings
from tests import toy

CRAWLERS = pl.DataFrame({"user_agent": [toy.CRAWLER]})
COUNTS = [
    "n_rows", "n_events", "n_crawler_rows", "n_reused", "n_acts", "n_moves", "n_fast_moves",
    "n_timed_days", "n_even_days", "max_day_acts", "n_quarter_0", "n_quarter_1", "n_quarter_2",
    "n_quarter_3", "n_items", "n_unprompted", "n_shown", "n_answered", "n_pushed",
]  # fmt: skip
NO_REUSE = pl.DataFrame(schema={"user_id": pl.String, "n_reused": pl.Int64})


def evidence(engine: Engine, events: pl.DataFrame, reused: pl.DataFrame = NO_REUSE) -> pl.DataFrame:
    found = user_evidence(
        engine.from_polars(events),
        engine.from_polars(CRAWLERS),
        engine.from_polars(reused),
        engine,
        BotSettings(),
    )
    return engine.collect(found).sort("user_id").select("user_id", *COUNTS)


def test_evidence_of_the_toy_world(engine: Engine) -> None:
    events = toy.events().filter(pl.col("occurred_us") < toy.BEFORE_US)
    reused = pl.DataFrame({"user_id": ["cai", "gone"], "n_reused": [7, 9]})
    rows = {
        #       rows ev cr re ac mo fa ti ev max q0 q1 q2 q3 it un sh an pu
        "ann": [5, 4, 0, 0, 3, 0, 0, 0, 0, 2, 0, 3, 0, 0, 2, 1, 1, 1, 0],
        "ben": [4, 3, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 1, 0, 0],
        "bot": [60, 60, 60, 0, 60, 59, 0, 1, 1, 60, 60, 0, 0, 0, 3, 60, 0, 0, 0],
        "cai": [1, 1, 0, 7, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0],
        "fay": [2, 2, 0, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0, 2, 2, 0, 0, 0],
    }
    expected = pl.DataFrame(
        [[user, *counts] for user, counts in rows.items()],
        schema={"user_id": pl.String} | {name: pl.Int64() for name in COUNTS},
        orient="row",
    )
    assert_frame_equal(evidence(engine, events, reused), expected)


def clicks(user_id: str, start_us: int, gaps_s: list[float], items: list[str]) -> pl.DataFrame:
    at, rows = start_us, []
    for n, item_id in enumerate(items):
        rows.append(toy.event(f"{user_id}{n:03}", user_id, item_id, "click", at))
        at += round((gaps_s[n] if n < len(gaps_s) else 0) * SECOND_US)
    return toy.rows_of(EVENTS, rows)


def test_gaps_are_taken_within_a_day_between_different_items(engine: Engine) -> None:
    noon = toy.us("2024-03-05 12:00")
    events = pl.concat(
        [
            # Fast moves at 0.5 s; 0.999 s is fast, 1.0 s is not; a repeat is no move; no gap at 0.
            clicks("fast", noon, [0.5, 0.999, 1.0, 0.2, 0.0], ["a", "b", "c", "d", "d", "e"]),
            # Two acts half a second apart, on two days.
            clicks("late", toy.us("2024-03-06") - SECOND_US // 4, [0.5], ["a", "b"]),
        ]
    )
    found = evidence(engine, events).select("user_id", "n_moves", "n_fast_moves", "max_day_acts")
    assert found.rows() == [("fast", 3, 2, 6), ("late", 0, 0, 1)]


def test_days_are_even_where_gaps_hardly_differ(engine: Engine) -> None:
    noon, items = toy.us("2024-03-05 12:00"), [f"i{n}" for n in range(9)]
    events = pl.concat(
        [
            clicks("clock", noon, [30.0] * 8, items),
            clicks("clock", noon + DAY_US, [30.0] * 7, items[:8]).with_columns(
                event_id="x" + pl.col("event_id")
            ),
            # Half the gaps 1 ± 0.24 of the mean lie within the spread of 0.25; 1 ± 0.26 do not.
            clicks("near", noon, [76.0, 124.0] * 4, items),
            clicks("wide", noon, [74.0, 126.0] * 4, items),
        ]
    )
    found = evidence(engine, events).select("user_id", "n_timed_days", "n_even_days")
    assert found.rows() == [("clock", 1, 1), ("near", 1, 1), ("wide", 1, 0)]


def test_a_million_events_on_one_day_do_not_overflow() -> None:
    from core.engine import open_engine

    n = 1_000_000
    events = pl.DataFrame(
        {
            "event_id": pl.int_range(n, eager=True).cast(pl.String),
            "user_id": ["flood"] * n,
            "item_id": (pl.int_range(n, eager=True) % 7).cast(pl.String),
            "action": ["dislike"] * n,
            "occurred_us": toy.us("2024-03-05") + pl.int_range(n, eager=True) * 86_399,
            "user_agent": pl.Series([None] * n, dtype=pl.String),
            "ip_prefix": ["192.0.2.0/24"] * n,
        }
    )
    with open_engine("polars") as engine:
        found = evidence(engine, events).row(0, named=True)
    assert found["max_day_acts"] == n
    assert (found["n_moves"], found["n_fast_moves"]) == (n - 1, n - 1)
    assert (found["n_timed_days"], found["n_even_days"]) == (1, 1)
    assert sum(found[f"n_quarter_{quarter}"] for quarter in range(4)) == n
