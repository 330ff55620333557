"""A world: everything that does not change from call to call, built from a seed."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Self

from assets.world.columns import epoch_us
from assets.world.exposure import Exposure
from assets.world.growth import Growth
from assets.world.items import Items, draw_items
from assets.world.parameters import WorldParameters
from assets.world.people import People, draw_people
from assets.world.space import TasteSpace, draw_space
from core.errors import UsageError
from core.seeds import derive_seed

MAX_DAYS = 10_000
_FEWEST_USERS = 100
_ITEMS_PER_CREATOR = 6


@dataclass(frozen=True)
class World:
    """The people and items of a world up to its horizon; days are counted from its first day.

    A world is determined by its parameters, seed, sizes and days; the horizon only says how far it
    has been drawn, and a world with a later horizon starts with the same people and items. What a
    person costs here is about 0.3 kB; events exist only a block of users at a time.
    """

    parameters: WorldParameters
    seed: int
    n_users: int
    n_items: int
    n_days: int
    last_day: date
    horizon: int
    user_growth: Growth
    item_growth: Growth
    space: TasteSpace
    items: Items
    people: People
    _exposures: dict[int, Exposure] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def create(
        cls,
        parameters: WorldParameters,
        *,
        n_users: int,
        seed: int,
        n_days: int,
        last_day: date,
        n_items: int | None = None,
        horizon: date | None = None,
    ) -> Self:
        """Returns the world in which `n_users` accounts exist at the end of `last_day`.

        Args:
            parameters: What the world is like.
            n_users: Accounts at the end of `last_day`, bots among them; at least 100.
            seed: The one root seed.
            n_days: Days from the first to `last_day`, both counted.
            last_day: The day at which the sizes hold. The world may be continued after it.
            n_items: Items at the end of `last_day`; by default as the parameters say.
            horizon: Last day for which people and items are drawn; by default `last_day`.

        Raises:
            UsageError: A size or day is out of range.
        """
        scale = parameters.scale
        if n_items is None:
            n_items = int(scale.items_per_sqrt_user * n_users**0.5) if n_users > 0 else 0
            n_items = min(max(n_items, scale.min_items), scale.max_items)
        for name, value, fewest, most in (
            ("n_users", n_users, _FEWEST_USERS, scale.users_per_block << 12),
            ("n_items", n_items, 100, 5_000_000),
            ("n_days", n_days, 1, MAX_DAYS),
        ):
            if not fewest <= value <= most:
                raise UsageError(f"{name} {value} is not between {fewest} and {most}; give another")
        first_day = last_day - timedelta(days=n_days - 1)
        end = ((horizon or last_day) - first_day).days
        if not 0 <= end < MAX_DAYS:
            raise UsageError(f"horizon {horizon} is not in the {MAX_DAYS} days from {first_day}")
        user_growth = Growth.towards(
            n_users, n_days=n_days, share_per_day=scale.new_users_share_per_day
        )
        item_growth = Growth.towards(
            n_items, n_days=n_days, share_per_day=scale.new_items_share_per_day
        )
        space = draw_space(parameters, seed, n_creators=max(48, n_items // _ITEMS_PER_CREATOR))
        items = draw_items(parameters, seed, space, item_growth, n_items=item_growth.count_at(end))
        people = draw_people(
            parameters,
            seed,
            space,
            user_growth,
            first_day_us=epoch_us(first_day, 0),
            n_users=user_growth.count_at(end),
            n_homes=max(1, int(n_users * parameters.people.addresses_per_user)),
            n_mobile=-(-n_users // parameters.people.users_per_mobile_address),
        )
        return cls(
            parameters=parameters,
            seed=seed,
            n_users=n_users,
            n_items=n_items,
            n_days=n_days,
            last_day=last_day,
            horizon=end,
            user_growth=user_growth,
            item_growth=item_growth,
            space=space,
            items=items,
            people=people,
        )

    @property
    def first_day(self) -> date:
        """Returns day 0."""
        return self.last_day - timedelta(days=self.n_days - 1)

    def day_number(self, day: date) -> int:
        """Returns how many days after the first day a day is.

        Raises:
            UsageError: The world has not been drawn for that day.
        """
        number = (day - self.first_day).days
        if not 0 <= number <= self.horizon:
            end = self.first_day + timedelta(days=self.horizon)
            raise UsageError(
                f"day {day} is not between {self.first_day} and {end}, the days of this world; "
                "create it with a later horizon"
            )
        return number

    def day_start_us(self, day: int) -> int:
        """Returns the UTC midnight that starts day number `day`, in microseconds since 1970."""
        return epoch_us(self.first_day, day)

    def blocks(self, day: int) -> range:
        """Returns the numbers of the blocks of users that exist on a day."""
        return range(-(-self.user_growth.count_at(day) // self.parameters.scale.users_per_block))

    def block_users(self, block: int, day: int) -> slice:
        """Returns the numbers of a block's users who exist by the end of a day."""
        size = self.parameters.scale.users_per_block
        end = min((block + 1) * size, self.user_growth.count_at(day))
        return slice(block * size, end)

    def exposure(self, day: int) -> Exposure:
        """Returns what is shown on a day; the last few days asked for are kept."""
        if day not in self._exposures:
            while len(self._exposures) > 8:
                self._exposures.pop(next(iter(self._exposures)))
            self._exposures[day] = Exposure.on(
                day, parameters=self.parameters, items=self.items, space=self.space
            )
        return self._exposures[day]

    def salt(self, name: str) -> int:
        """Returns a 63-bit number for keys and hashed draws of one purpose."""
        return derive_seed(self.seed, "salt", name)
