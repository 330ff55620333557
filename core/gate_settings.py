"""The gate's table of limits, as it stands under `[gate]` in `daybreak.toml`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class GateSettings(BaseModel):
    """What a release must reach to be published.

    Every limit is read as `measurement >= bar` or `measurement <= bar`; a measurement that is
    missing or not finite is a no.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    quality_metric: str = Field("ndcg@10", pattern=r"^(recall|precision|ndcg|mrr)@(10|20)$")
    """The metric by which challenger and champion are compared: recall, precision, ndcg or mrr,
    at 10 or 20."""

    margin: Share = 0.05
    """The relative drop in quality that is still accepted: the lower 95 % bound of the paired
    relative difference must be at least minus this."""

    min_gain_over_popularity: float = Field(0.0001, gt=0, le=1, allow_inf_nan=False)
    """A first release has no champion, so it must beat popularity: the lower 95 % bound of the
    paired difference in the quality metric must reach this. Above 0, so that lists which merely
    repeat popularity do not pass."""

    min_coverage_ratio: Share = 0.92
    """The share of the catalogue in top tens, divided by the champion's, must be at least this."""

    min_users_covered_ratio: Share = 0.92
    """The number of users with a list, divided by the champion's, must be at least this."""

    items_ratio_range: tuple[
        Annotated[float, Field(gt=0, allow_inf_nan=False)],
        Annotated[float, Field(gt=0, allow_inf_nan=False)],
    ] = (0.82, 1.18)
    """The number of items in the catalogue, divided by the champion's, must lie within these two
    bounds, both included."""

    min_list_overlap: Share = 0.3
    """The mean Jaccard likeness of the top tens of users in both releases must be at least
    this."""

    max_empty_lists: Share = 0.001
    """The share of users whose list is empty must be at most this."""

    max_seen_items: int = Field(0, ge=0)
    """The number of list rows that show an item the user already touched must be at most this."""

    max_non_finite: int = Field(0, ge=0)
    """The number of scores, factors and other published numbers that are NaN or infinite must be
    at most this."""

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> "GateSettings":
        low, high = self.items_ratio_range
        if not low <= high:
            raise ValueError(
                f"items_ratio_range [{low}, {high}] is upside down; put the lower first"
            )
        return self
