"""What the world's people truly want, for tests and benchmarks only."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.world.keys import numbers_of
from assets.world.pages import liking
from assets.world.space import GENRE_NAMES
from assets.world.world import World


@dataclass(frozen=True)
class Oracle:
    """The truth of a world on one day. U users asked for, I items of the whole world.

    Columns are item numbers (`world.items`); items that are away on that day score −inf.
    """

    world: World
    day: date

    def preference(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the probability that each user, seeing the item, clicks it, (U, I) float32.

        This is taste and quality alone: what the person likes, wherever it stands.
        """
        items, number = self.world.items, self.world.day_number(self.day)
        affinity = self.world.people.taste_at(users, number) @ items.vectors.T
        score = liking(self.world.parameters.sessions, affinity, items.quality)
        score[:, ~items.available(number)] = -np.inf
        return score.astype(np.float32)

    def interaction_rate(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the logarithm of how often each user will click the item, (U, I) float32.

        Up to a constant for each user: exposure on that day times preference. Ranking by it is the
        best that any model can do on what the logs will hold, positions on the page aside.
        """
        world, number = self.world, self.world.day_number(self.day)
        exposure, items = world.exposure(number), world.items
        personal = exposure.niche_shares(world.people.taste_at(users, number))
        share = world.parameters.sessions.popular_share
        shown = share * exposure.popular_shares() + (1.0 - share) * personal  # (U, C)
        with np.errstate(divide="ignore", invalid="ignore"):
            within = np.log(exposure.weight / exposure.niche_weight[items.niche])
            rate = np.log(shown)[:, items.niche] + np.where(exposure.weight > 0, within, -np.inf)
            rate += np.log(self.preference(users))
        rate[:, ~items.available(number)] = -np.inf
        return rate.astype(np.float32)

    def genre_shares(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the share of each user's interest by genre, (U, G) in the order GENRE_NAMES."""
        world, number = self.world, self.world.day_number(self.day)
        niches = world.exposure(number).niche_shares(world.people.taste_at(users, number))
        shares = np.zeros((len(users), len(GENRE_NAMES)))
        np.add.at(shares.T, world.space.niche_genre, niches.T)
        return shares.astype(np.float32)

    def user_numbers(self, user_ids: pl.Series) -> NDArray[np.int64]:
        """Returns the numbers, as the other functions take them, of external user ids."""
        return numbers_of(user_ids)

    def item_numbers(self, item_ids: pl.Series) -> NDArray[np.int64]:
        """Returns the columns of external item ids."""
        return numbers_of(item_ids)
