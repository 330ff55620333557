import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from assets.world.oracle import Oracle
from assets.world.truth import open_world
from core.errors import InputError

DAYS_HELD_OUT = 7


@pytest.fixture(scope="module")
def world(written):
    return open_world(written.truth)


def _touched(events: pl.DataFrame, oracle: Oracle, shape: tuple[int, int]) -> np.ndarray:
    touched = np.zeros(shape, dtype=bool)
    pairs = events.select("user_id", "item_id").unique()
    touched[oracle.user_numbers(pairs["user_id"]), oracle.item_numbers(pairs["item_id"])] = True
    return touched


def _ndcg_at_10(scores: np.ndarray, truth: np.ndarray) -> float:
    top = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    hits = np.take_along_axis(truth, top, axis=1)
    discount = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discount)[np.minimum(truth.sum(axis=1), 10) - 1]
    return float((hits @ discount / ideal).mean())


def test_true_tastes_beat_popularity_by_far_on_the_last_week(written, world):
    people = written.users.filter(~pl.col("is_bot"))
    liked = written.once.join(people, "user_id", "semi").filter(
        pl.col("action").is_in(["click", "view", "purchase", "like"])
    )
    cut = world.last_day - timedelta(days=DAYS_HELD_OUT - 1)
    before = liked.filter(pl.col("occurred_at").dt.date() < cut)
    after = liked.filter(pl.col("occurred_at").dt.date() >= cut)
    oracle = Oracle(world, cut)
    shape = (len(world.people), len(world.items))
    seen = _touched(before, oracle, shape)
    truth = _touched(after, oracle, shape) & ~seen
    users = np.flatnonzero(truth.any(axis=1) & seen.any(axis=1))
    assert len(users) > 200

    rate = oracle.interaction_rate(users)
    counts = before.group_by("item_id").len()
    popularity = np.zeros(shape[1])
    popularity[oracle.item_numbers(counts["item_id"])] = counts["len"]
    hidden = np.where(seen[users], -np.inf, 0.0)
    best = _ndcg_at_10(rate + hidden, truth[users])
    popular = _ndcg_at_10(popularity + hidden, truth[users])
    strangers = _ndcg_at_10(rate[::-1] + hidden, truth[users])
    assert best > 0.25
    assert best > 3 * popular
    assert strangers < 0.5 * best  # it is the person's own taste that wins


def test_the_rate_predicts_what_is_clicked(world):
    """The closed form and the simulation agree: what was clicked had a high rate."""
    oracle = Oracle(world, world.first_day)
    users = np.arange(200)
    rate = np.exp(oracle.interaction_rate(users).astype(np.float64))
    preference = oracle.preference(users)
    away = ~world.items.available(0)
    assert (rate[:, away] == 0).all()
    assert np.isneginf(preference[:, away]).all()
    assert ((preference[:, ~away] > 0) & (preference[:, ~away] < 1)).all()
    assert (rate[:, ~away] > 0).all()
    # Exposure is a distribution over the items: dividing the preference out must leave one.
    exposure = rate[:, ~away] / preference[:, ~away]
    assert exposure.sum(axis=1) == pytest.approx(np.ones(200), rel=1e-4)


def test_genre_shares_are_of_the_user_table(written, world):
    oracle = Oracle(world, world.last_day)
    shares = oracle.genre_shares(np.arange(len(world.people)))
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)), rel=1e-5)
    assert np.array(written.users["genre_shares"].to_list()) == pytest.approx(shares)
    assert (shares.max(axis=1) > 0.3).mean() > 0.6


def test_the_truth_rebuilds_the_world(written, world, parameters):
    assert world.parameters == parameters
    assert len(world.people) == written.summary.n_users == len(written.users)
    items = pl.read_parquet(written.truth / "items.parquet")
    assert items["popularity"].to_numpy() == pytest.approx(
        world.exposure(world.n_days - 1).weight[: len(items)]
    )
    later = open_world(written.truth, horizon=world.last_day + timedelta(days=9))
    assert later.day_number(world.last_day + timedelta(days=9)) == world.n_days + 8


def test_a_folder_without_a_world_is_refused(tmp_path):
    with pytest.raises(InputError, match="generate the world again"):
        open_world(tmp_path)
    (tmp_path / "world.json").write_text(json.dumps({"seed": 3}), "utf-8")
    with pytest.raises(InputError, match="no world's record"):
        open_world(tmp_path)
