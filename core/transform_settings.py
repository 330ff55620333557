"""What shapes the tables up to features: `[actions]`, `[cleaning]` and `[features]`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

MICRO = 1_000_000

_FROZEN = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
Weight = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]


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
    """Which users are machines."""

    model_config = _FROZEN


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
    """Imagined users, spread evenly over 30 days, that damp the trend of items with few."""
    conversion_prior_impressions: int = Field(default=50, ge=1, le=1_000_000)
    """Imagined impressions that damp the conversion of items shown rarely."""
    conversion_prior_share: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    """Clicks per imagined impression."""
