import numpy as np
import pytest

from assets.world.growth import Growth


@pytest.mark.parametrize(("n_last", "n_days", "share"), [(100, 10, 0.02), (997, 45, 0.006)])
def test_counts_and_arrival_days_agree(n_last, n_days, share):
    growth = Growth.towards(n_last, n_days=n_days, share_per_day=share)
    assert growth.count_at(n_days - 1) == n_last
    numbers = np.arange(growth.count_at(3 * n_days))
    days = growth.arrival_day(numbers)
    assert (days[: growth.n_first] == -1).all()
    counts = [int((days <= day).sum()) for day in range(3 * n_days + 1)]
    assert counts == [growth.count_at(day) for day in range(3 * n_days + 1)]


def test_at_least_one_a_day_and_at_most_half():
    assert Growth.towards(1_000, n_days=30, share_per_day=0.0) == Growth(970, 30, 30)
    assert Growth.towards(1_000, n_days=30, share_per_day=0.9) == Growth(500, 500, 30)
