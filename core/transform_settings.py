"""What shapes the tables up to features: `[actions]`, `[cleaning]` and `[features]`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

MICRO = 1_000_000

_FROZEN = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
Weight = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]
Points = Annotated[int, Field(ge=0, le=1000)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class ActionSettings(BaseModel):
    """What one event of each action says about preference; negative: dislike."""

    model_config = _FROZEN

    impression: Weight = 0.0
    """An impression says nothing: it was Daybreak's choice, not the user's."""
    click: Weight = 1.0
    """A click."""
    view: Weight = 1.0
    """A view."""
    purchase: Weight = 5.0
    """A purchase."""
    like: Weight = 4.0
    """A like, bookmark, follow or comment."""
    dislike: Weight = -4.0
    """A dislike."""
    hide: Weight = -5.0
    """The user asked not to see the item again."""
    rating_positive: Weight = 4.0
    """A rating of at least `rating_positive_from` stars."""
    rating_neutral: Weight = 0.0
    """A rating between the two limits, or one without stars."""
    rating_negative: Weight = -4.0
    """A rating of at most `rating_negative_to` stars."""
    rating_positive_from: float = Field(default=4.0, allow_inf_nan=False)
    """Fewest stars of a positive rating."""
    rating_negative_to: float = Field(default=2.0, allow_inf_nan=False)
    """Most stars of a negative rating."""

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> "ActionSettings":
        if self.rating_negative_to >= self.rating_positive_from:
            raise ValueError(
                f"rating_negative_to {self.rating_negative_to} must lie below "
                f"rating_positive_from {self.rating_positive_from}"
            )
        return self

    def micro(self, name: str) -> int:
        """Returns one weight in millionths, by its field's name."""
        weight: float = getattr(self, name)
        return round(weight * MICRO)


class BotSettings(BaseModel):
    """Which users are machines.

    Signals that fire add their points. One alone never suffices, save for those that a machine
    says of itself; a signal that fires for most is a trait of the data and is switched off.
    """

    model_config = _FROZEN

    threshold: Points = 10
    """Points from which a user is taken for a machine."""
    common_share: Share = 0.5
    """A signal that fires for a greater share of the users it can judge is switched off: where
    impressions are not logged, a click without one says nothing. It must not be small: in the
    first days of a log, most users with enough events to be judged may be machines. The
    crawler's agent and reused ids are exempt."""
    common_floor: Count = 3
    """Up to this many users may fire a signal however few there are."""

    crawler_agent: Points = 10
    """Points: at least half of the user's events come from a listed crawler's user agent."""
    reused_ids: Points = 10
    """Points: ingest refused events of the user because their ids stood for other events."""
    reused_ids_from: Count = 5
    """Fewest refused events for `reused_ids`; also at least as many as were accepted."""
    fast_gaps: Points = 7
    """Points: most steps from one item to another are faster than a hand."""
    fast_gap_seconds: Positive = 1.0
    """A step below this is too fast."""
    fast_gap_share: Share = 0.5
    """Share of too fast steps for `fast_gaps`."""
    regular_gaps: Points = 7
    """Points: on most days the gaps between acts are as even as a clock's."""
    regular_gap_spread: Positive = 0.25
    """Standard deviation of a day's gaps, as a share of their mean, below which they are even."""
    regular_day_share: Share = 0.5
    """Share of the days with enough gaps that are even, for `regular_gaps`."""
    gaps_from: Count = 8
    """Fewest gaps by which a day's evenness, or a user's speed, is judged."""
    shared_prefix: Points = 8
    """Points: most acts push items that others behind the same address prefix push too."""
    shared_prefix_share: Share = 0.5
    """Share of a user's acts on such items for `shared_prefix`."""
    pushes_from: Count = 3
    """Fewest acts on an item by which a user pushes it, and fewest such users on a prefix."""
    push_lift: Positive = 5.0
    """How many times more pushers an item must have behind a prefix than its users make likely."""
    unprompted: Points = 4
    """Points: most acts are on items that the user was never shown."""
    unprompted_share: Share = 0.8
    """Share of such acts for `unprompted`."""
    clicks_all: Points = 5
    """Points: the user touched nearly every item shown."""
    clicks_all_share: Share = 0.9
    """Share of the shown items touched for `clicks_all`."""
    ignores_all: Points = 3
    """Points: many items were shown and not one was touched."""
    ignores_all_from: Count = 200
    """Fewest items shown for `ignores_all`."""
    high_rate: Points = 3
    """Points: on some day the user did more than nearly anyone does."""
    high_rate_from: Count = 250
    """Acts on one day for `high_rate`."""
    few_items: Points = 2
    """Points: the acts repeat the same few items."""
    few_items_ratio: Share = 0.3
    """Most distinct items per act for `few_items`."""
    all_items: Points = 2
    """Points: hardly an act returns to an item, as when a catalogue is walked."""
    all_items_ratio: Share = 0.95
    """Fewest distinct items per act for `all_items`."""
    no_night: Points = 2
    """Points: the user's quietest six hours of the day are hardly quieter than the others."""
    no_night_share: Share = 0.15
    """Share of acts in the quietest quarter of the (UTC) day for `no_night`; 0.25 is no rest."""
    acts_from: Count = 10
    """Fewest acts (or items shown) by which a share of them is judged."""
    habits_from: Count = 40
    """Fewest acts by which a habit (`few_items`, `all_items`, `no_night`) is judged."""


class CleaningSettings(BaseModel):
    """Which events count."""

    model_config = _FROZEN

    bots: BotSettings = BotSettings()
    """Which users are machines."""


class FeatureSettings(BaseModel):
    """How history is weighed and summed up."""

    model_config = _FROZEN

    recent_factor: float = Field(default=3.0, ge=1, le=1000, allow_inf_nan=False)
    """How many times more an event of this moment counts than a very old one."""
    half_life_days: float = Field(default=30.0, gt=0, le=3650, allow_inf_nan=False)
    """Days in which half of a recent event's extra weight is gone."""
    recent_items: int = Field(default=10, ge=1, le=1000)
    """How many of a user's latest items are kept."""
    trend_prior_users: int = Field(default=10, ge=0, le=1_000_000)
    """Imagined users, spread evenly over four weeks, that damp the trend of items with few."""
    conversion_prior_impressions: int = Field(default=50, ge=1, le=1_000_000)
    """Imagined impressions that damp the conversion of items shown rarely."""
    conversion_prior_share: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    """Clicks per imagined impression."""
