"""Who is known at D."""

from polars.testing import assert_frame_equal

from assets.cleaning.latest import latest_users
from assets.cleaning.users import users_at
from core.engine import Engine
from core.schemas import BOT_SCORES, CLEAN_EVENTS, USERS
from tests import toy


def test_users_at_d(engine: Engine) -> None:
    users = latest_users(engine.from_polars(toy.user_rows()))
    people = toy.events().filter(user_id="ann").vstack(toy.events().filter(user_id="fay"))
    scores = toy.rows_of(
        BOT_SCORES,
        [
            {"user_id": "bot", "score": 10.0, "is_bot": True, "reasons": "x", "n_events": 60},
            {"user_id": "ann", "score": 2.0, "is_bot": False, "reasons": "", "n_events": 4},
        ],
    )
    found = users_at(
        users,
        engine.from_polars(people.select(CLEAN_EVENTS.names)),
        engine.from_polars(scores),
        toy.BEFORE_US,
    )
    joined = {"created_us": toy.us("2024-01-01"), "opted_out": False}
    # `eve` joins after D, `bot` is one; `cai` stays, marked; `fay` is known by her events.
    expected = toy.rows_of(
        USERS,
        [
            {"user_id": "ann", "country": "FR", **joined},
            {"user_id": "ben", "dislikes": ["Horror"], **joined},
            {"user_id": "cai", **joined, "opted_out": True},
            {"user_id": "dot", "preferences": ["Comedy"], **joined},
            {"user_id": "fay", "opted_out": False},
        ],
    )
    assert_frame_equal(engine.collect(found).sort("user_id"), expected)


def test_events_before_joining_make_a_user_known(engine: Engine) -> None:
    users = latest_users(engine.from_polars(toy.user_rows()))
    early = toy.rows_of(
        CLEAN_EVENTS, [toy.event("e1", "eve", "alpha", "click", "2024-03-01 00:00")]
    )
    found = users_at(users, engine.from_polars(early), engine.scan([], BOT_SCORES), toy.BEFORE_US)
    known = engine.collect(found).sort("user_id")
    assert known["user_id"].to_list() == ["ann", "ben", "bot", "cai", "dot", "eve"]
    assert known.filter(user_id="eve")["created_us"].to_list() == [toy.us("2024-03-12")]


def test_who_was_shown_something_is_not_known_for_it(engine: Engine) -> None:
    shown = toy.rows_of(
        CLEAN_EVENTS,
        [
            toy.event("e1", user, "alpha", "impression", "2024-03-01 00:00")
            for user in ("stranger", "eve", "ann")
        ],
    )
    users = latest_users(engine.from_polars(toy.user_rows()))
    found = users_at(users, engine.from_polars(shown), engine.scan([], BOT_SCORES), toy.BEFORE_US)
    known = engine.collect(found)["user_id"].sort().to_list()
    assert known == ["ann", "ben", "bot", "cai", "dot"]
