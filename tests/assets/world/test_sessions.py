from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from crawleruseragents import is_crawler

from assets.world.truth import open_world
from assets.world.vocabulary import BROWSERS, COUNTRIES, CRAWLERS


@pytest.fixture(scope="module")
def world(written):
    return open_world(written.truth)


@pytest.fixture(scope="module")
def human(written):
    return written.once.join(written.users.filter(~pl.col("is_bot")), "user_id", "semi")


def test_events_lie_in_their_day_or_came_late(written, world):
    delay = (written.events["file_day"] - written.events["occurred_at"].dt.date()).dt.total_days()
    on_their_day = delay == 0
    assert on_their_day.mean() > 0.97
    assert set(delay) == {0, 1, 2, 3}
    assert written.events["occurred_at"].min().date() >= world.first_day


def test_nobody_acts_before_the_account_or_the_item_exists(written, world):
    users = pl.DataFrame(
        {
            "user_id": written.users["user_id"],
            "created_us": world.people.created_us[: len(written.users)],
        }
    )
    items = pl.read_parquet(written.truth / "items.parquet")
    events = written.events.join(users, "user_id").join(items, "item_id")
    assert len(events) == len(written.events)
    assert (events["occurred_at"].dt.epoch("us") > events["created_us"]).all()
    assert (events["occurred_at"] >= events["released_at"]).all()
    assert (world.people.created_day >= 0).any()
    assert (events["released_at"].dt.date() >= world.first_day).any()


def test_expired_items_are_not_shown(written, world):
    items = pl.DataFrame(
        {
            "item_id": [f"i{number:05}" for number in range(len(world.items))],
            "last_day": world.items.last_day,
        }
    ).filter(pl.col("last_day") < world.n_days)
    events = written.events.join(items, "item_id")
    number = (events["occurred_at"].dt.date() - world.first_day).dt.total_days()
    assert len(items) > 5
    assert (number <= events["last_day"]).all()


def test_people_sleep_by_their_own_clock(human, world):
    hours = np.array([hours for _, hours in COUNTRIES.values()])
    ahead = pl.DataFrame(
        {
            "user_id": [f"u{number:06}" for number in range(len(world.people))],
            "ahead": hours[world.people.country],
        }
    )
    local = human.join(ahead, "user_id").select(
        hour=(pl.col("occurred_at").dt.hour() + pl.col("ahead")) % 24
    )["hour"]
    assert local.is_in([2, 3, 4]).mean() < 0.05
    assert local.is_in([19, 20, 21]).mean() > 0.25


def test_the_top_of_a_page_is_seen_more(human):
    rates = (
        human.filter(pl.col("action").is_in(["impression", "click"]))
        .group_by("position")
        .agg(rate=(pl.col("action") == "click").sum() / (pl.col("action") == "impression").sum())
        .sort("position")["rate"]
        .to_list()
    )
    assert len(rates) == 14
    assert rates[0] > 1.5 * rates[4] > 0
    assert rates[4] > rates[9]


def test_actions_follow_from_one_another(human):
    pairs = human.group_by("session_id", "item_id").agg(pl.col("action"), pl.col("occurred_at"))
    has = {
        action: pairs["action"].list.contains(action)
        for action in ("impression", "click", "view", "purchase", "like", "dislike", "hide")
    }
    assert has["impression"].all()
    for later, earlier in (("view", "click"), ("purchase", "view"), ("like", "view")):
        assert has[later].any()
        assert not (has[later] & ~has[earlier]).any()
    assert not (has["like"] & has["dislike"]).any()
    assert not (has["hide"] & has["click"]).any()
    assert "rating" not in set(human["action"])
    values = human.group_by("action").agg(
        pl.col("value").is_not_null().mean().alias("given"), pl.col("value").min()
    )
    given = dict(values.select("action", "given").iter_rows())
    assert {action for action, share in given.items() if share == 1.0} == {"view", "purchase"}
    assert set(given.values()) == {0.0, 1.0}


def test_no_item_stands_twice_on_a_page(human):
    shown = human.filter(pl.col("action") == "impression")
    assert not shown.select("session_id", "item_id").is_duplicated().any()
    assert not shown.select("session_id", "position").is_duplicated().any()
    places = shown.group_by("session_id").agg(pl.col("position").max(), pl.len())
    assert (places["position"] == places["len"]).all()


def test_popularity_is_skewed(human):
    clicks = human.filter(pl.col("action") == "click")["item_id"].value_counts(sort=True)["count"]
    assert clicks.head(len(clicks) // 20).sum() / clicks.sum() > 0.35
    assert clicks.median() <= 5


def test_browsers_are_no_crawlers_and_crawlers_are():
    assert not [agent for agent in BROWSERS if is_crawler(agent)]
    assert all(is_crawler(agent) for agent in CRAWLERS)
    assert len(set(BROWSERS)) == len(BROWSERS)


def test_some_are_late_by_the_days_planned(written):
    delays = (
        written.once.with_columns(
            delay=(pl.col("file_day") - pl.col("occurred_at").dt.date()).dt.total_days()
        )
        .filter(pl.col("delay") > 0)["delay"]
        .value_counts()
        .sort("delay")["count"]
    )
    assert delays[0] > delays[1] > delays[2] > 0
    assert timedelta(days=len(delays)) == timedelta(days=3)
