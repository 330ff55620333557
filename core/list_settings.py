"""Settings of candidates, lists and evaluation."""

from pydantic import BaseModel, ConfigDict, Field

TOP = 10
"""Places of a list to which the cap on categories and the place for fresh items apply."""
_FROZEN = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def most_of_a_category(share: float) -> int:
    """Returns how many of the first ten items a share of them is, rounded down."""
    return int(share * TOP + 1e-9)  # one that was reckoned, as 0.7 - 0.4, lies a hair below


class ListSettings(BaseModel):
    """How candidates become lists."""

    model_config = _FROZEN

    length: int = Field(default=50, ge=10, le=500)
    """Items kept for each user."""
    candidates_per_source: int = Field(default=100, ge=10, le=1000)
    """Items that each source proposes for a user."""
    max_category_share: float = Field(default=0.3, gt=0, le=1)
    """Largest share of one primary category in the top ten; items without one are exempt."""
    fresh_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the top ten kept for fresh items, where a candidate is fresh."""
    fresh_days: int = Field(default=14, ge=0)
    """Age in days up to which an item is fresh."""
    full_from_interactions: int = Field(default=10, ge=1)
    """Interactions from which the ranker alone orders a user's list (stage `full`)."""
    content_weight: float = Field(default=0.1, ge=0, le=1)
    """Weight of the content order for a user with one interaction; falls to 0 at `full`."""
    neighbours_per_item: int = Field(default=50, ge=1, le=500)
    """Length of each item's list of neighbours."""
    block_size: int = Field(default=2048, ge=1)
    """Users that are scored at once; bounds memory, changes no result."""

    @property
    def category_cap(self) -> int:
        """Most items of one primary category among the first ten."""
        return most_of_a_category(self.max_category_share)


class EvaluationSettings(BaseModel):
    """Cuts, holdouts and intervals."""

    model_config = _FROZEN

    horizon_days: int = Field(default=7, ge=1)
    """Length h of the label and test windows in days."""
    min_users: int = Field(default=200, ge=1)
    """Known users with something new that a protocol needs before it is trusted."""
    rolling_days: int = Field(default=60, ge=1)
    """One-day holdouts that are pooled where h days hold too few users."""
    holdout_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of each user's last events held out where nothing time-safe has enough users."""
    max_users: int = Field(default=20_000, ge=100)
    """Users measured in one fold; of more, as many are drawn by the root seed."""
    max_ranker_users: int = Field(default=10_000, ge=100)
    """Users whose candidates train the ranker."""
    n_bootstrap: int = Field(default=1000, ge=100)
    """Bootstrap samples for each interval."""
