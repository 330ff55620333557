"""Each signal fires at its limit, not below it, and not without enough to judge by."""

import polars as pl
import pytest

from assets.cleaning.bot_signals import signals
from assets.cleaning.bots import score_users
from core.engine import Engine, open_engine
from core.transform_settings import BotSettings

COUNTS = [
    "n_rows", "n_events", "n_crawler_rows", "n_reused", "n_acts", "n_moves", "n_fast_moves",
    "n_timed_days", "n_even_days", "max_day_acts", "n_quarter_0", "n_quarter_1", "n_quarter_2",
    "n_quarter_3", "n_items", "n_unprompted", "n_shown", "n_answered", "n_pushed",
]  # fmt: skip
SETTINGS = BotSettings()
# Behaviour at each signal's limit, then the step below it, then too little to judge.
CASES = {
    "crawler_agent": [
        {"n_rows": 4, "n_crawler_rows": 2},
        {"n_rows": 5, "n_crawler_rows": 2},
        {"n_rows": 0, "n_crawler_rows": 0},
    ],
    "reused_ids": [
        {"n_rows": 6, "n_reused": 6},
        {"n_rows": 7, "n_reused": 6},
        {"n_rows": 1, "n_reused": 4},
    ],
    "fast_gaps": [
        {"n_moves": 8, "n_fast_moves": 4},
        {"n_moves": 9, "n_fast_moves": 4},
        {"n_moves": 7, "n_fast_moves": 7},
    ],
    "regular_gaps": [
        {"n_timed_days": 4, "n_even_days": 2},
        {"n_timed_days": 5, "n_even_days": 2},
        {"n_timed_days": 0, "n_even_days": 0},
    ],
    "shared_prefix": [
        {"n_acts": 10, "n_pushed": 5},
        {"n_acts": 11, "n_pushed": 5},
        {"n_acts": 9, "n_pushed": 9},
    ],
    "unprompted": [
        {"n_acts": 10, "n_unprompted": 8},
        {"n_acts": 11, "n_unprompted": 8},
        {"n_acts": 9, "n_unprompted": 9},
    ],
    "clicks_all": [
        {"n_shown": 10, "n_answered": 9},
        {"n_shown": 11, "n_answered": 9},
        {"n_shown": 9, "n_answered": 9},
    ],
    "ignores_all": [
        {"n_shown": 200, "n_acts": 0},
        {"n_shown": 200, "n_acts": 1},
        {"n_shown": 199, "n_acts": 0},
    ],
    "high_rate": [
        {"n_acts": 250, "max_day_acts": 250, "n_items": 125},
        {"n_acts": 250, "max_day_acts": 249, "n_items": 125},
        {"n_acts": 9, "max_day_acts": 300},
    ],
    "few_items": [
        {"n_acts": 40, "n_items": 12},
        {"n_acts": 40, "n_items": 13},
        {"n_acts": 39, "n_items": 1},
    ],
    "all_items": [
        {"n_acts": 40, "n_items": 38},
        {"n_acts": 40, "n_items": 37},
        {"n_acts": 39, "n_items": 39},
    ],
    "no_night": [
        {"n_acts": 40, "n_items": 20, **{f"n_quarter_{q}": 6 + 16 * (q == 3) for q in range(4)}},
        {"n_acts": 40, "n_items": 20, **{f"n_quarter_{q}": 5 + 20 * (q == 3) for q in range(4)}},
        {"n_acts": 39, "n_items": 20, **{f"n_quarter_{q}": 9 for q in range(4)}},
    ],
}


def evidence(rows: list[dict[str, int]]) -> pl.DataFrame:
    # `n_items` of half the acts is no habit; everything else is zero where a row is silent.
    return pl.DataFrame(
        [
            {
                "user_id": f"u{n:02}",
                **dict.fromkeys(COUNTS, 0),
                "n_rows": 1,
                "n_items": row.get("n_acts", 0) // 2,
                **row,
            }
            for n, row in enumerate(rows)
        ]
    )


def reasons(engine: Engine, rows: list[dict[str, int]]) -> list[str]:
    scores = score_users(engine.from_polars(evidence(rows)), engine, SETTINGS)
    return engine.collect(scores).sort("user_id")["reasons"].to_list()


def test_every_signal_has_a_case() -> None:
    assert list(CASES) == [signal.name for signal in signals(SETTINGS)]


def test_signals_fire_at_their_limits(engine: Engine) -> None:
    rows = [row for case in CASES.values() for row in case]
    expected = [reason for name in CASES for reason in (name, "", "")]
    assert reasons(engine, rows) == expected


def test_points_add_up_and_reasons_keep_their_order(engine: Engine) -> None:
    rows = [
        {"n_timed_days": 1, "n_even_days": 1, "n_acts": 10, "n_unprompted": 10},  # 7 + 4
        {"n_acts": 10, "n_unprompted": 10},  # 4
        {"n_rows": 2, "n_crawler_rows": 2},  # 10
        {"n_moves": 9, "n_fast_moves": 9, "n_acts": 40, "n_items": 40},  # 7 + 2
        {},
    ]
    scores = score_users(engine.from_polars(evidence(rows)), engine, SETTINGS)
    found = engine.collect(scores).sort("user_id")
    assert found.select("score", "is_bot", "reasons").rows() == [
        (11.0, True, "regular_gaps|unprompted"),
        (4.0, False, "unprompted"),
        (10.0, True, "crawler_agent"),
        (9.0, False, "fast_gaps|all_items"),
        (0.0, False, ""),
    ]


@pytest.mark.parametrize(("n_unprompted", "expected"), [(4, "unprompted"), (5, "")])
def test_a_signal_that_most_fire_is_switched_off(n_unprompted: int, expected: str) -> None:
    people = [{"n_acts": 10}] * (8 - n_unprompted)
    with open_engine("polars") as engine:
        found = reasons(engine, [{"n_acts": 10, "n_unprompted": 10}] * n_unprompted + people)
    assert found[:n_unprompted] == [expected] * n_unprompted


def test_a_signal_that_few_fire_stays_however_few_there_are() -> None:
    with open_engine("polars") as engine:
        assert reasons(engine, [{"n_acts": 10, "n_unprompted": 10}] * 3) == ["unprompted"] * 3
        assert reasons(engine, [{"n_acts": 10, "n_unprompted": 10}] * 4) == [""] * 4


def test_what_a_machine_says_of_itself_is_never_switched_off() -> None:
    with open_engine("polars") as engine:
        crawlers = reasons(engine, [{"n_rows": 1, "n_crawler_rows": 1}] * 9)
    assert crawlers == ["crawler_agent"] * 9
