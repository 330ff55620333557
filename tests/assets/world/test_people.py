from datetime import date

import numpy as np
import pytest

from assets.world.roles import BOT_KINDS
from assets.world.world import World
from core.errors import UsageError

SIZES = {"n_users": 20_000, "seed": 5, "n_days": 45, "last_day": date(2025, 3, 31)}


@pytest.fixture(scope="module")
def world(parameters):
    return World.create(parameters, **SIZES)


def test_tastes_drift_slowly_and_keep_their_length(world):
    users = np.arange(5_000)
    start, week, end = (world.people.taste_at(users, day) for day in (0, 7, 44))
    for taste in (start, week, end):
        assert np.linalg.norm(taste, axis=1) == pytest.approx(np.ones(5_000), abs=1e-5)
    near, far = (start * week).sum(axis=1), (start * end).sum(axis=1)
    assert near.mean() > 0.95
    assert 0.4 < far.mean() < 0.85


def test_shares_are_the_parameters(world, parameters):
    people, given = world.people, parameters.people
    assert len(people) == 20_000
    assert people.is_bot.mean() == pytest.approx(parameters.bots.share, abs=0.003)
    assert people.is_heavy.mean() == pytest.approx(given.heavy_share, abs=0.0015)
    states = (people.stated_preferences >= 0).any(axis=1).mean()
    assert states == pytest.approx(parameters.taste.stated_preferences_share, abs=0.02)
    assert (people.created_day >= 0).mean() == pytest.approx(0.27, abs=0.01)
    assert (people.opt_out_day < 1 << 30).mean() == pytest.approx(0.02, abs=0.004)


def test_stated_preferences_tell_of_the_taste(world):
    people, space = world.people, world.space
    first = people.stated_preferences[:, 0]
    states = first >= 0
    affinity = people.taste @ space.genre_vectors.T
    rank = (-affinity[states]).argsort(axis=1).argsort(axis=1)
    assert rank[np.arange(states.sum()), first[states]].mean() < 2.0
    both = states & (people.stated_dislikes[:, 0] >= 0)
    liked, disliked = people.stated_preferences[both], people.stated_dislikes[both]
    assert not ((liked[:, :, None] == disliked[:, None, :]) & (liked >= 0)[:, :, None]).any()


def test_bots_come_in_four_kinds_and_farms_share_an_address(world, parameters):
    people = world.people
    kinds = np.bincount(people.bot_kind[people.is_bot], minlength=len(BOT_KINDS))
    assert kinds.max() - kinds.min() <= 1
    assert people.bot_is_slow[people.is_bot].mean() == pytest.approx(0.36, abs=0.02)
    assert (people.bot_kind[~people.is_bot] == -1).all()
    assert (people.sessions_per_day[people.is_bot] == 0).all()
    for farm in range(people.farm.max() + 1):
        members = people.farm == farm
        assert members.sum() <= parameters.bots.farm_size
        assert len(np.unique(people.address[members])) == 1
        assert not np.isin(people.address[~members], people.address[members]).any()


def test_more_people_start_with_the_same(parameters, world):
    later = World.create(parameters, **SIZES, horizon=date(2025, 5, 31)).people
    assert len(later) > 20_000
    for name, values in vars(world.people).items():
        assert (getattr(later, name)[:20_000] == values).all(), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_users": 99}, "n_users 99 is not between 100"),
        ({"n_users": -5}, "n_users -5"),
        ({"n_items": 7}, "n_items 7"),
        ({"n_days": 0}, "n_days 0"),
        ({"horizon": date(2024, 1, 1)}, "horizon 2024-01-01"),
    ],
)
def test_sizes_that_cannot_be_meant_are_refused(parameters, change, message):
    with pytest.raises(UsageError, match=message):
        World.create(parameters, **{**SIZES, **change})


def test_a_day_beyond_the_horizon_is_refused(world):
    assert world.day_number(world.first_day) == 0
    with pytest.raises(UsageError, match="later horizon"):
        world.day_number(date(2025, 4, 1))
