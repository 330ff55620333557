"""The cuts, on every engine; expected rows are written out."""

import random
from collections.abc import Iterator

import polars as pl
import pytest

from assets.evaluation.holdout import (
    held_out_events,
    newcomers_truth,
    per_user_holdout,
    rolling_pairs,
    training_events,
    truth,
)
from assets.evaluation.protocol import per_user, rolling, time_split
from core.days import DAY_US
from core.engine import Engine, open_engine
from core.schemas import CLEAN_EVENTS, HOLDOUT, INTERACTIONS
from tests import toy

NONE = pl.DataFrame(schema=HOLDOUT.polars)


@pytest.fixture
def polars_engine() -> Iterator[Engine]:
    """The default engine, for what does not depend on the engine."""
    with open_engine("polars") as engine:
        yield engine


def clean(rows: list[tuple[str, str, str, int, str]]) -> pl.DataFrame:
    """Returns CLEAN_EVENTS of (event_id, user_id, item_id, day before D, action)."""
    return toy.rows_of(
        CLEAN_EVENTS,
        [
            {
                "event_id": event_id, "user_id": user_id, "item_id": item_id, "action": action,
                "occurred_us": toy.BEFORE_US - days * DAY_US,
            }
            for event_id, user_id, item_id, days, action in rows
        ],
    )  # fmt: skip


def pairs(rows: list[tuple[str, str, int]]) -> pl.DataFrame:
    """Returns INTERACTIONS of (user_id, item_id, weight in millionths)."""
    return toy.rows_of(
        INTERACTIONS,
        [{"user_id": user, "item_id": item, "weight_micro": micro} for user, item, micro in rows],
    )


def levels(engine: Engine, events: pl.DataFrame, share: float = 0.1) -> dict[str, int]:
    found = engine.collect(per_user_holdout(engine.from_polars(events), share))
    assert found.schema == pl.Schema({"event_id": pl.String, "level": pl.Int32})
    assert found["event_id"].is_unique().all()
    return dict(found.sort("event_id").rows())


def test_time_folds_cut_at_their_moments(engine: Engine) -> None:
    rows = [("old", 15), ("first", 14), ("mid", 8), ("cut", 7), ("last", 1), ("now", 0)]
    events = clean([(name, "u", name, days, "click") for name, days in rows])
    frame, none = engine.from_polars(events), engine.from_polars(NONE)
    found = {
        fold.name: tuple(
            sorted(engine.collect(part(frame, none, fold))["event_id"])
            for part in (training_events, held_out_events)
        )
        for fold in time_split(toy.BEFORE_US, 7).folds
    }
    assert found == {
        "label": (["old"], ["first", "mid"]),
        "test": (["first", "mid", "old"], ["cut", "last"]),
        "release": (["cut", "first", "last", "mid", "old"], []),
    }


def test_a_microsecond_decides(engine: Engine) -> None:
    label = time_split(toy.BEFORE_US, 7).of("label")[0]
    events = clean([("in", "u", "a", 0, "click"), ("out", "u", "b", 0, "click")]).with_columns(
        occurred_us=pl.Series([label.fit_before_us - 1, label.fit_before_us])
    )
    frame, none = engine.from_polars(events), engine.from_polars(NONE)
    assert engine.collect(training_events(frame, none, label))["event_id"].to_list() == ["in"]
    assert engine.collect(held_out_events(frame, none, label))["event_id"].to_list() == ["out"]


def test_per_user_folds_hide_their_levels(engine: Engine) -> None:
    events = clean(
        [(name, "u", name, days, "click") for name, days in (("a", 3), ("b", 2), ("c", 1))]
    )
    holdout = pl.DataFrame({"event_id": ["c", "b"], "level": [1, 2]}, schema=HOLDOUT.polars)
    frame, held = engine.from_polars(events), engine.from_polars(holdout)
    found = {
        fold.name: tuple(
            sorted(engine.collect(part(frame, held, fold))["event_id"])
            for part in (training_events, held_out_events)
        )
        for fold in per_user(toy.BEFORE_US).folds[:2]
    }
    assert found == {"label": (["a"], ["b"]), "test": (["a", "b"], ["c"])}
    release = per_user(toy.BEFORE_US).release
    whole = engine.collect(training_events(frame, held, release))
    assert sorted(whole["event_id"]) == ["a", "b", "c"]


def test_the_last_event_and_the_one_before_it_are_held_out(engine: Engine) -> None:
    events = clean([(f"e{days:02}", "u", f"i{days}", days, "click") for days in range(1, 6)])
    assert levels(engine, events) == {"e01": 1, "e02": 2}


@pytest.mark.parametrize(
    ("n_events", "n_test", "n_label"),
    [(1, 1, 0), (2, 1, 1), (3, 1, 1), (19, 1, 1), (20, 2, 1), (30, 3, 2), (100, 10, 9)],
)
def test_a_tenth_but_at_least_one_twice_over(
    polars_engine: Engine, n_events: int, n_test: int, n_label: int
) -> None:
    events = clean([(f"e{days:03}", "u", f"i{days}", days, "click") for days in range(n_events)])
    found = levels(polars_engine, events)
    expected = {f"e{days:03}": 1 for days in range(n_test)}
    expected |= {f"e{days:03}": 2 for days in range(n_test, n_test + n_label)}
    assert found == expected


def test_the_share_is_a_setting(engine: Engine) -> None:
    events = clean([(f"e{days}", "u", f"i{days}", days, "click") for days in range(8)])
    assert levels(engine, events, 0.25) == {"e0": 1, "e1": 1, "e2": 2}
    assert levels(engine, events, 0.999) == {f"e{n}": 1 if n < 7 else 2 for n in range(8)}
    assert levels(engine, events, 0.0001) == {"e0": 1, "e1": 2}


def test_equal_times_are_broken_by_item_then_event(engine: Engine) -> None:
    events = clean(
        [
            ("z", "u", "alpha", 1, "click"),
            ("y", "u", "beta", 1, "click"),
            ("x", "u", "gamma", 1, "click"),
            ("c", "v", "alpha", 1, "click"),
            ("b", "v", "alpha", 1, "view"),
            ("a", "v", "beta", 1, "click"),
        ]
    )
    assert levels(engine, events) == {"z": 1, "y": 2, "b": 1, "c": 2}


def test_impressions_are_never_held_out_nor_counted(engine: Engine) -> None:
    events = clean(
        [
            ("seen1", "u", "a", 1, "impression"),
            ("seen2", "u", "b", 2, "impression"),
            ("act", "u", "c", 3, "click"),
            ("lurker", "v", "a", 1, "impression"),
        ]
    )
    assert levels(engine, events) == {"act": 1}


def test_users_do_not_meet_and_rows_may_be_shuffled(engine: Engine) -> None:
    draw = random.Random(7)
    rows = [
        (f"e{n:03}", f"u{draw.randrange(6)}", f"i{draw.randrange(20)}", draw.randrange(9), "click")
        for n in range(120)
    ]
    whole = levels(engine, clean(rows))
    assert levels(engine, clean(rows).sample(fraction=1, shuffle=True, seed=1)) == whole
    apart = [
        levels(engine, clean([row for row in rows if row[1] in ids]))
        for ids in ("u0u1u2", "u3u4u5")
    ]
    assert apart[0] | apart[1] == whole
    by_user = {row[0]: row[1] for row in rows}
    assert {by_user[event_id] for event_id in whole} == {f"u{n}" for n in range(6)}


def test_who_has_one_event_keeps_it_for_the_test_and_is_unknown_there(engine: Engine) -> None:
    events = clean([("one", "u", "a", 1, "click")])
    holdout = engine.collect(per_user_holdout(engine.from_polars(events), 0.1))
    assert holdout.rows() == [("one", 1)]
    test = per_user(toy.BEFORE_US).of("test")[0]
    training = training_events(engine.from_polars(events), engine.from_polars(holdout), test)
    assert engine.collect(training).is_empty()


def test_truth_is_new_liked_and_of_known_users(engine: Engine) -> None:
    training = pairs(
        [("ann", "a", 2_000_000), ("ann", "b", -4_000_000), ("ann", "z", 0), ("ben", "a", 1)]
    )
    held_out = pairs(
        [
            ("ann", "a", 1_000_000),  # touched and liked before
            ("ann", "b", 9_000_000),  # touched and disliked before
            ("ann", "z", 9_000_000),  # touched and neither
            ("ann", "c", 1),  # the least that counts
            ("ann", "d", 0),  # says nothing
            ("ann", "e", -1),  # disliked
            ("ben", "b", 3_000_000),  # touched by another user only
            ("cai", "c", 5_000_000),  # a user without a past
        ]
    )
    found = engine.collect(truth(engine.from_polars(training), engine.from_polars(held_out)))
    assert sorted(found.rows()) == [("ann", "c", 1), ("ben", "b", 3_000_000)]


def test_newcomers_are_all_others(engine: Engine) -> None:
    training = pairs([("ann", "a", 1), ("ben", "a", -1)])
    held_out = pairs(
        [("ann", "b", 5), ("ben", "b", 5), ("cai", "a", 2), ("cai", "b", 0), ("dot", "c", -1)]
    )
    found = newcomers_truth(engine.from_polars(training), engine.from_polars(held_out))
    assert engine.collect(found).rows() == [("cai", "a", 2)]


def test_truth_without_a_past_or_a_future_is_empty(engine: Engine) -> None:
    some, none = pairs([("ann", "a", 1)]), pairs([])
    for training, held_out in ((some, none), (none, some), (some, some)):
        found = truth(engine.from_polars(training), engine.from_polars(held_out))
        assert engine.collect(found).is_empty()


def test_rolling_pairs_are_first_touches_of_users_known_before_that_day(engine: Engine) -> None:
    events = clean(
        [
            ("k1", "known", "a", 9, "click"),
            ("k2", "known", "a", 2, "click"),  # not the first touch of a
            ("k3", "known", "b", 2, "click"),
            ("k4", "known", "c", 2, "impression"),  # no touch
            ("k5", "known", "d", 4, "click"),  # before the span
            ("k6", "known", "e", 3, "dislike"),  # at its first moment; an upper bound counts it
            ("n1", "new", "a", 2, "click"),  # known only from this day on
            ("n2", "new", "b", 1, "click"),
            ("s1", "shown", "a", 9, "impression"),
            ("s2", "shown", "b", 1, "click"),  # nothing but impressions before
            ("f1", "known", "f", 0, "click"),  # at D
        ]
    )
    found = rolling_pairs(engine.from_polars(events), toy.BEFORE_US - 3 * DAY_US, toy.BEFORE_US)
    assert sorted(engine.collect(found).rows()) == [
        ("known", "b"), ("known", "e"), ("new", "b"),
    ]  # fmt: skip


def test_rolling_pairs_bound_what_the_folds_test(polars_engine: Engine) -> None:
    engine = polars_engine
    draw = random.Random(11)
    rows = [
        (
            f"e{n:03}",
            f"u{draw.randrange(8)}",
            f"i{draw.randrange(12)}",
            draw.randrange(1, 30),
            "click",
        )
        for n in range(150)
    ]
    events, none = engine.from_polars(clean(rows)), engine.from_polars(NONE)
    span = 5
    bound = rolling_pairs(events, toy.BEFORE_US - span * DAY_US, toy.BEFORE_US)
    allowed = set(engine.collect(bound).rows())
    tested = set()
    for fold in (
        *rolling(toy.BEFORE_US, span).of("test"),
        *time_split(toy.BEFORE_US, span).of("test"),
    ):
        sides = []
        for part in (training_events, held_out_events):
            chosen = engine.collect(part(events, none, fold))
            one = chosen.select("user_id", "item_id", weight_micro=pl.lit(1, pl.Int64)).unique()
            sides.append(engine.from_polars(one))
        tested |= set(engine.collect(truth(*sides)).select("user_id", "item_id").rows())
    assert tested
    assert tested <= allowed
