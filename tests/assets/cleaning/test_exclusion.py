"""Each accepted event has exactly one fate, and the account of them balances."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning import exclusion
from assets.cleaning.latest import latest_users
from core.engine import Engine, Frame
from core.errors import CheckFailed
from core.schemas import CLEAN_EVENTS, EXCLUDED_EVENTS
from tests import toy

PEOPLE_BEFORE_D = ["a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "f1", "f2"]


def bot_scores(*bots: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"user_id": ["ann", "dot", *bots], "is_bot": [False, False, *[True] * len(bots)]}
    )


def excluded_users(engine: Engine, *bots: str) -> Frame:
    users = latest_users(engine.from_polars(toy.user_rows()))
    return exclusion.excluded_users(users, engine.from_polars(bot_scores(*bots)))


def test_who_is_excluded_and_why(engine: Engine) -> None:
    found = engine.collect(excluded_users(engine, "bot")).sort("user_id")
    assert found.rows() == [("bot", "bot"), ("cai", "opted_out")]


def test_who_opted_out_and_is_a_bot_is_excluded_once(engine: Engine) -> None:
    found = engine.collect(excluded_users(engine, "bot", "cai")).sort("user_id")
    assert found.rows() == [("bot", "bot"), ("cai", "opted_out")]


def test_clean_events_are_peoples_events_before_d(engine: Engine) -> None:
    events = engine.from_polars(toy.events())
    found = engine.collect(
        exclusion.clean_events(events, excluded_users(engine, "bot"), toy.BEFORE_US)
    )
    expected = toy.events().filter(pl.col("event_id").is_in(PEOPLE_BEFORE_D))
    assert_frame_equal(found.sort("event_id"), expected.select(CLEAN_EVENTS.names))


def test_excluded_events_keep_their_columns_and_reason(engine: Engine) -> None:
    events = engine.from_polars(toy.events())
    found = engine.collect(
        exclusion.excluded_events(events, excluded_users(engine, "bot"), toy.BEFORE_US)
    ).sort("event_id")
    by_bot = toy.events().filter(user_id="bot").with_columns(reason=pl.lit("bot"))
    by_cai = toy.events().filter(event_id="c1").with_columns(reason=pl.lit("opted_out"))
    expected = pl.concat([by_cai, by_bot]).select(EXCLUDED_EVENTS.names).sort("event_id")
    assert_frame_equal(found, expected)


def test_every_event_has_one_fate(engine: Engine) -> None:
    events = engine.from_polars(toy.events())
    counts = engine.collect(
        exclusion.count_events(events, excluded_users(engine, "bot"), toy.BEFORE_US)
    )
    assert sorted(counts.rows()) == [
        ("bot", 60),
        ("clean", 11),
        ("not_before", 2),
        ("opted_out", 1),
    ]


def test_an_excluded_users_later_event_is_not_before_d(engine: Engine) -> None:
    later = toy.rows_of(toy.EVENTS, [toy.event("l1", "bot", "alpha", "click", "2024-03-11 00:00")])
    counts = engine.collect(
        exclusion.count_events(
            engine.from_polars(later), excluded_users(engine, "bot"), toy.BEFORE_US
        )
    )
    assert counts.rows() == [("not_before", 1)]


def test_the_account_balances() -> None:
    counts = pl.DataFrame(
        {"fate": ["not_before", "clean", "bot"], "n_events": [2, 11, 60]},
    )
    account = exclusion.read_account(counts, accepted=73)
    assert account == exclusion.Account(accepted=73, clean=11, bot=60, opted_out=0, not_before=2)
    assert account.as_facts() == {
        "accepted": 73, "clean": 11, "bot": 60, "opted_out": 0, "not_before": 2,
    }  # fmt: skip
    exclusion.check_account(account)


@pytest.mark.parametrize("accepted", [72, 74])
def test_a_lost_or_doubled_event_fails_the_account(accepted: int) -> None:
    account = exclusion.Account(accepted, clean=11, bot=60, opted_out=0, not_before=2)
    with pytest.raises(
        CheckFailed, match=rf"accepted {accepted} events, cleaning found 73 \(clean"
    ):
        exclusion.check_account(account)
