"""How long a fit that starts from an earlier one runs."""

import pytest

from assets.evaluation.protocol import Fold
from assets.models.stage import Earlier
from core.days import DAY_US
from core.model_settings import TwoTowerSettings

SETTINGS = TwoTowerSettings(epochs=20, refit_epochs=8)


def fold(day: int) -> Fold:
    return Fold(f"day-{day}", "test", day * DAY_US, (day + 1) * DAY_US)


def test_the_first_fit_runs_all_epochs() -> None:
    earlier = Earlier(horizon_days=7)
    assert earlier.model is None
    assert earlier.refit(SETTINGS, fold(100)) == SETTINGS


@pytest.mark.parametrize(
    ("days", "epochs"), [(1, 4), (3, 4), (4, 5), (6, 7), (7, 8), (30, 8), (0, 8)]
)
def test_a_nearer_cut_gets_fewer_epochs(days: int, epochs: int) -> None:
    earlier = Earlier(horizon_days=7)
    earlier.replace(fold(100), "model")
    assert earlier.refit(SETTINGS, fold(100 + days)).epochs == epochs
    assert earlier.model == "model"


def test_a_refit_never_runs_longer_than_a_first_fit() -> None:
    earlier = Earlier(horizon_days=7)
    earlier.replace(fold(100), "model")
    short = TwoTowerSettings(epochs=1, refit_epochs=8)
    assert earlier.refit(short, fold(107)).epochs == 1


def test_it_is_the_last_fit_that_counts() -> None:
    earlier = Earlier(horizon_days=7)
    earlier.replace(fold(100), "old")
    earlier.replace(fold(106), "new")
    assert (earlier.model, earlier.refit(SETTINGS, fold(107)).epochs) == ("new", 4)
