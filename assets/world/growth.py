"""When users and items arrive: a stock on the first day and a steady stream after it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Growth:
    """Numbers count up in the order of arrival; day 0 is the world's first day.

    The stream goes on at the same rate after the last day, so that a world can be continued.

    >>> growth = Growth.towards(100, n_days=10, share_per_day=0.02)
    >>> growth.count_at(-3), growth.count_at(0), growth.count_at(9), growth.count_at(10)
    (80, 82, 100, 102)
    """

    n_first: int
    n_new: int
    n_days: int

    @classmethod
    def towards(cls, n_last: int, *, n_days: int, share_per_day: float) -> Self:
        """Returns the growth that has `n_last` on the last of `n_days` days.

        At least one arrives each day, and at most half arrive within the days.
        """
        n_new = min(n_last // 2, max(n_days, round(n_last * share_per_day * n_days)))
        return cls(n_first=n_last - n_new, n_new=n_new, n_days=n_days)

    def count_at(self, day: int) -> int:
        """Returns how many have arrived by the end of a day; before day 0, the stock."""
        return self.n_first + max(0, day + 1) * self.n_new // self.n_days

    def arrival_day(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the day on which each number arrives, −1 for the stock."""
        nth = numbers - self.n_first + 1
        day = (nth * self.n_days + self.n_new - 1) // self.n_new - 1
        return np.where(nth > 0, day, -1)
