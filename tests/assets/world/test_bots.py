import numpy as np
import polars as pl
import pytest

from assets.world.farms import farm_targets
from assets.world.truth import open_world
from assets.world.vocabulary import BROWSERS


@pytest.fixture(scope="module")
def bots(written):
    return written.users.filter("is_bot")


@pytest.fixture(scope="module")
def by_kind(written, bots):
    events = written.once.join(bots.select("user_id", "bot_kind"), "user_id")
    return {key[0]: part for key, part in events.group_by("bot_kind")}


def _gaps(events: pl.DataFrame) -> pl.DataFrame:
    """Seconds between one user's events of a day that are not impressions."""
    return (
        events.filter(pl.col("action") != "impression")
        .sort("user_id", "occurred_at")
        .with_columns(
            gap=pl.col("occurred_at").diff().dt.total_microseconds().over("user_id", "file_day")
            / 1e6
        )
        .drop_nulls("gap")
    )


def test_a_hundredth_are_bots_of_four_kinds(written, bots):
    assert 0.008 < len(bots) / len(written.users) < 0.025
    assert written.summary.n_bots == len(bots)
    assert set(bots["bot_kind"]) == {"scraper", "click_farm", "fast_clicker", "replayer"}


def test_a_fifth_of_bots_are_slower_than_the_busiest_people(written, bots):
    days = written.events.group_by("user_id", "file_day").len()
    people = days.join(written.users.filter(~pl.col("is_bot")), "user_id", "semi")["len"]
    bound = people.quantile(0.99)
    busiest = days.join(bots, "user_id").group_by("user_id").agg(pl.col("len").max())["len"]
    assert (busiest < bound).sum() >= 0.2 * len(bots)
    assert (busiest > bound).sum() >= 0.2 * len(bots)
    heavy = days.join(written.users.filter("is_heavy"), "user_id", "semi")["len"]
    fast = days.join(bots.filter(~pl.col("is_slow_bot")), "user_id", "semi")["len"]
    assert heavy.max() > fast.quantile(0.25)  # a rate alone does not tell them apart


def test_scrapers_walk_at_regular_gaps(by_kind):
    walks = (
        _gaps(by_kind["scraper"])
        .group_by("user_id", "file_day")
        .agg(
            spread=pl.col("gap").std() / pl.col("gap").mean(),
            distinct=pl.col("item_id").n_unique() / pl.len(),
        )
    )
    assert walks["spread"].max() < 0.2
    assert walks["distinct"].mean() > 0.95
    assert not (by_kind["scraper"]["action"] == "impression").any()


def test_some_scrapers_say_so(written, bots):
    agents = (
        written.once.join(bots, "user_id")
        .group_by("user_id", "bot_kind")
        .agg(pl.col("user_agent").unique())
    )
    assert (agents["user_agent"].list.len() == 1).all()
    says = (
        agents.with_columns(crawler=~pl.col("user_agent").list.first().is_in(list(BROWSERS)))
        .group_by("bot_kind")
        .agg(pl.col("crawler").sum())
    )
    told = dict(says.iter_rows())
    assert told.pop("scraper") >= 1
    assert set(told.values()) == {0}


def test_farms_push_their_items_from_one_address(written, by_kind, bots):
    events = by_kind["click_farm"].join(bots.select("user_id", "farm"), "user_id")
    assert events["ip_prefix"].n_unique() == events["farm"].n_unique()
    pushed = pl.read_parquet(written.truth / "items.parquet").filter("is_pushed")
    assert events["item_id"].is_in(pushed["item_id"].implode()).mean() > 0.7
    targets = farm_targets(open_world(written.truth), int(events["farm"].max()) + 1)
    assert len(pushed) == len(np.unique(targets))


def test_fast_clickers_click_everything_too_fast(by_kind):
    events = by_kind["fast_clicker"]
    assert (events["action"] == "click").mean() == pytest.approx(0.5, abs=0.01)
    assert _gaps(events)["gap"].median() < 0.5


def test_replayers_reuse_one_id(written, bots):
    replayers = bots.filter(pl.col("bot_kind") == "replayer")
    events = written.events.join(replayers, "user_id", "semi")
    per_user = events.group_by("user_id").agg(
        pl.col("event_id", "item_id", "occurred_at").n_unique(),
        rows=pl.len(),
        first=pl.col("occurred_at").min(),
        first_seen=pl.col("occurred_at").first(),
        days=pl.col("file_day").n_unique(),
    )
    assert (per_user["event_id"] == 1).all()
    assert (per_user["item_id"] == 1).all()
    assert (per_user["first"] == per_user["first_seen"]).all()  # the captured event comes first
    assert per_user["occurred_at"].min() > 5
    assert per_user["days"].max() > 1
    copies = events.drop("file_day").is_duplicated().sum()
    assert copies > len(per_user)


def test_bots_work_at_night(written, bots):
    hours = written.once.join(bots, "user_id", "semi")["occurred_at"].dt.hour()
    assert hours.is_in([2, 3, 4, 5]).mean() > 0.1
