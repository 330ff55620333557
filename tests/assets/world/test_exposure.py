from datetime import date

import numpy as np
import pytest

from assets.world.exposure import draw_rows, popularity_at
from assets.world.pages import examination, liking
from assets.world.world import World


@pytest.fixture(scope="module")
def world(parameters):
    return World.create(parameters, n_users=1_000, seed=5, n_days=30, last_day=date(2025, 3, 31))


def test_draws_by_row_follow_each_rows_shares():
    shares = np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])
    drawn = draw_rows(shares, (np.arange(1_000) + 0.5).reshape(1, -1).repeat(2, 0) / 1_000)
    assert np.bincount(drawn[0], minlength=3).tolist() == [0, 250, 750]
    assert np.bincount(drawn[1], minlength=3).tolist() == [1_000, 0, 0]


def test_items_are_drawn_by_popularity_within_their_niche(world):
    exposure, rng = world.exposure(3), np.random.default_rng(0)
    niche = int(np.argmax(exposure.niche_weight))
    drawn = exposure.draw_items(np.full(200_000, niche), rng.random(200_000))
    assert set(world.items.niche[drawn]) == {niche}
    expected = np.where(world.items.niche == niche, exposure.weight, 0.0)
    expected /= expected.sum()
    assert np.bincount(drawn, minlength=len(expected)) / 200_000 == pytest.approx(
        expected, abs=0.005
    )


def test_what_is_not_there_is_never_shown(world):
    weight = popularity_at(world.parameters, world.items, 0)
    away = (world.items.release_day > 0) | (world.items.last_day < 0)
    assert away.any()
    assert ((weight > 0) == ~away).all()


def test_a_launch_fades(world):
    items = world.items
    new = int(np.flatnonzero((items.release_day == 0) & (items.last_day > 60))[0])
    plain = items.appeal[new] * np.exp(
        world.parameters.catalogue.trend_strength
        * np.sin(2 * np.pi * (np.array([0, 30]) / items.trend_period[new] + items.trend_phase[new]))
    )
    boosts = [popularity_at(world.parameters, items, day)[new] for day in (0, 30)] / plain
    assert boosts == pytest.approx([4.0, 1 + 3 * np.exp(-3.0)])


def test_taste_decides_between_niches(world):
    exposure = world.exposure(0)
    shares = exposure.niche_shares(world.space.niche_vectors)
    assert shares.sum(axis=1) == pytest.approx(np.ones(world.space.n_niches))
    assert (np.diag(shares) > 3 * exposure.popular_shares()).all()


def test_liking_and_examination(parameters):
    sessions = parameters.sessions
    at_zero = 1 / (1 + np.exp(-sessions.base_logit))
    assert liking(sessions, np.zeros(1), np.zeros(1)) == pytest.approx([at_zero])
    assert (np.diff(liking(sessions, np.linspace(-1, 1, 9), np.zeros(9))) > 0).all()
    looks = examination(sessions, 14)
    assert looks[0] == 1.0
    assert (np.diff(looks) < 0).all()
