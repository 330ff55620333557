"""How each model is fitted: the sections of `[models]` in `daybreak.toml`.

Seed, device and thread count are run options, not settings: they stand in no section.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_FROZEN = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Exponent = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class PopularitySettings(BaseModel):
    """Popularity: a count of users, the recent ones counting more."""

    model_config = _FROZEN

    all_time_weight: int = Field(default=1, ge=0, le=1000)
    """What a user of any time counts, 0 to 1000."""
    recent_weight: int = Field(default=10, ge=0, le=1000)
    """What a user of the last `recent_days` counts on top, 0 to 1000."""
    recent_days: Count = 30
    """The horizon that counts as recent, in days; one that features compute."""
    trending_prior_users: NotNegative = 10.0
    """Imagined users, spread evenly over four weeks, that damp the trend of items with few;
    0 trusts every count."""


class AlsSettings(BaseModel):
    """Implicit alternating least squares."""

    model_config = _FROZEN

    embedding_size: int = Field(default=64, ge=1, le=1024)
    """Length of the vectors, 1 to 1024."""
    epochs: int = Field(default=15, ge=1, le=1000)
    """Times that both sides are solved, 1 to 1000."""
    refit_epochs: int = Field(default=5, ge=1, le=1000)
    """The same for a fit that starts from the factors of a cut one horizon earlier (fewer in
    proportion from a nearer one), 1 to 1000."""
    regularization: Positive = 10.0
    """Weight of the squared norms, above 0; for a row of average length."""
    regularization_exponent: Exponent = 0.0
    """How the regularization grows with the length of a row: 0 constant, 1 in proportion."""
    alpha: Positive = 1.0
    """Confidence that an interaction of average weight adds to the 1 of every pair, above 0."""


class NeighboursSettings(BaseModel):
    """Item-to-item weights."""

    model_config = _FROZEN

    n_neighbours: int = Field(default=200, ge=1, le=10_000)
    """Targets kept for each history item, 1 to 10,000."""
    ease_max_items: int = Field(default=8_000, ge=0, le=30_000)
    """Most items with an interaction for which EASE is solved in closed form (two square
    matrices in memory); above it, normalised co-occurrence. 0 turns EASE off."""
    regularization: Positive = 200.0
    """EASE: the ridge on the item Gram matrix, in users, above 0."""
    max_history: Count = 1_000
    """Items of a user, the heaviest first, that say something about pairs; bounds what one user can
    cost and move."""
    shrinkage: NotNegative = 10.0
    """Co-occurrence: imagined users added to each item's, so that rare ones do not stand out."""
    user_exponent: Exponent = 0.5
    """Co-occurrence: how much less a user with a long history says about a pair, 0 to 2."""
    source_exponent: Exponent = 0.5
    """Co-occurrence: how much a history item's popularity is divided out, 0 to 2."""
    target_exponent: Exponent = 0.5
    """Co-occurrence: how much a target's popularity is divided out, 0 to 2."""


class TwoTowerSettings(BaseModel):
    """The two-tower network."""

    model_config = _FROZEN

    embedding_size: int = Field(default=64, ge=1, le=1024)
    """Length of the vectors, 1 to 1024."""
    epochs: int = Field(default=20, ge=1, le=10_000)
    """Times that every user is visited, 1 to 10,000."""
    refit_epochs: int = Field(default=8, ge=1, le=10_000)
    """The same for a fit that starts from the weights of a cut one horizon earlier (fewer in
    proportion from a nearer one), 1 to 10,000."""
    max_steps: Count = 2_000
    """Steps after which no further epoch begins: with many users few epochs suffice."""
    batch_size: int = Field(default=256, ge=2, le=65_536)
    """Users a step, 2 to 65,536."""
    learning_rate: float = Field(default=0.02, gt=0, le=10, allow_inf_nan=False)
    """Adam's first rate, above 0; it falls in a straight line to 0."""
    warmup_steps: int = Field(default=20, ge=0, le=100_000)
    """Steps over which the rate first rises from 0."""
    temperature: float = Field(default=0.12, gt=0, le=10, allow_inf_nan=False)
    """What cosines are divided by before the softmax, above 0."""
    user_exponent: Exponent = 0.5
    """How much a user's number of positives counts in the loss: 0 all users alike, 1 all
    positives alike."""
    history_dropout: float = Field(default=0.6, gt=0, lt=1, allow_inf_nan=False)
    """Share of each history hidden from the user tower and asked of it instead, in (0, 1)."""
    cold_user_share: Share = 0.1
    """Share of the users with stated preferences whose whole history is hidden, [0, 1)."""
    id_dropout: Share = 0.3
    """Share of items that a step describes by content alone, so that new ones work, [0, 1)."""
    popularity_exponent: Exponent = 0.5
    """How much less a history item counts the more users it has."""
    full_softmax_max_items: int = Field(default=10_000, ge=0, le=1_000_000)
    """Most items with an event for which the softmax runs over all of them; above it over sampled
    ones (50,000 items, 8,200 users: four times faster and no worse)."""
    n_negatives: int = Field(default=2_048, ge=1, le=1_000_000)
    """Sampled softmax: items drawn a step, shared by its users."""
    negative_exponent: Exponent = 0.5
    """Sampled softmax: items are drawn in proportion to popularity to this power; 0 uniformly."""
    validation_share: Share = 0.0
    """Share of the positives held out of the fit to stop early by, [0, 1); 0 runs all epochs."""
    patience: int = Field(default=5, ge=1, le=1000)
    """Epochs without a better NDCG on the held-out positives after which the fit stops."""
    k: int = Field(default=20, ge=1, le=1000)
    """Cut of the NDCG that early stopping reads."""


class RankerSettings(BaseModel):
    """LambdaMART."""

    model_config = _FROZEN

    epochs: int = Field(default=300, ge=1, le=10_000)
    """Most trees, 1 to 10,000."""
    learning_rate: float = Field(default=0.03, gt=0, le=1, allow_inf_nan=False)
    """Shrinkage of each tree, in (0, 1]."""
    max_depth: int = Field(default=4, ge=1, le=16)
    """Depth of the trees, 1 to 16."""
    min_child_weight: NotNegative = 30.0
    """Least sum of second derivatives in a leaf, 0 or more."""
    regularization: NotNegative = 1.0
    """L2 penalty on leaf values, 0 or more."""
    row_share: float = Field(default=0.8, gt=0, le=1, allow_inf_nan=False)
    """Share of the rows that each tree sees, in (0, 1]."""
    feature_share: float = Field(default=0.8, gt=0, le=1, allow_inf_nan=False)
    """Share of the features that each tree sees, in (0, 1]."""
    k: int = Field(default=10, ge=1, le=1000)
    """Cut of the NDCG that is learnt and that early stopping reads."""
    validation_share: float = Field(default=0.15, ge=0, le=0.5, allow_inf_nan=False)
    """Share of the groups held out to stop early by, 0 to 0.5; 0 grows all trees."""
    patience: int = Field(default=30, ge=1, le=1000)
    """Trees without a better NDCG on the held-out groups after which growing stops."""
    n_negatives: int = Field(default=50, ge=1, le=10_000)
    """Candidates without a hit that each user adds to the training rows."""
    min_groups: int = Field(default=20, ge=1, le=1_000_000)
    """Users with a hit below which no ranker is fitted."""
