"""The parameters of the synthetic world: their meaning here, their values in `world.toml` alone."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import InputError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Range = tuple[Positive, Positive]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Scale(_Section):
    """How many users and items there are, and how fast both grow."""

    items_per_sqrt_user: Positive
    """Items on the last day, per square root of the number of users."""
    min_items: Annotated[int, Field(ge=100)]
    """Fewest items that the formula gives; an explicit `n_items` may go below."""
    max_items: Annotated[int, Field(ge=100)]
    """Most items that the formula gives."""
    users_per_block: Annotated[int, Field(ge=256, le=1 << 20)]
    """Users simulated at once: bounds the memory, and is part of the seed."""
    new_users_share_per_day: Share
    """Users who arrive each day, as a share of those on the last day."""
    new_items_share_per_day: Share
    """Items released each day, as a share of those on the last day; at least one."""


class Catalogue(_Section):
    """What items are like, and how visible that is in their content columns."""

    niches_per_genre: Annotated[int, Field(ge=1, le=8)]
    """Groups of items of one genre that the same people like; no column names them."""
    genre_share: Share
    """Share of a niche's direction in taste space that its genre explains."""
    content_share: Share
    """Probability that a creator or theme is drawn from the item's niche, not from all."""
    creator_pull: Positive
    """Length of the creator's own direction in an item's vector; the niche's is 1."""
    theme_pull: Positive
    """Length of the themes' own direction in an item's vector."""
    hidden_pull: Positive
    """Length of the direction that no content column explains."""
    zipf_exponent: Positive
    """Popularity of the item at quantile q from the top is (q + floor)^-exponent."""
    zipf_floor: Positive
    """Keeps the most popular item's weight finite."""
    quality_spread: Positive
    """Standard deviation of an item's quality, in logits of being liked."""
    quality_from_appeal: Share
    """Correlation of quality with the logarithm of popularity."""
    launch_boost: Annotated[float, Field(ge=0.0)]
    """How many times its lasting weight a new item gains on its release day."""
    launch_days: Positive
    """Days in which the launch boost falls to 1/e."""
    trend_strength: Annotated[float, Field(ge=0.0)]
    """Amplitude of the slow wave in the logarithm of an item's popularity."""
    trend_period_days: Positive
    """Mean period of that wave."""
    series_share: Share
    """Share of items that belong to a series of two or three."""
    expiring_share: Share
    """Share of items with a last day of availability."""
    median_catalogue_age_days: Positive
    """Median age of the items that are there on the first day."""


class Taste(_Section):
    """What people want, how it moves, and what they say about it."""

    dimensions: Annotated[int, Field(ge=4, le=64)]
    """Length of taste and item vectors."""
    niche_weights: tuple[Positive, ...]
    """Weights of the niches that make up a person's interests."""
    noise: Positive
    """Length of the part of a taste that no niche explains."""
    drift_days: Positive
    """Median days in which a person moves from one set of interests to another, and back."""
    drift_spread: Positive
    """Standard deviation of the logarithm of those days."""
    stated_preferences_share: Share
    """Share of users who named genres they like."""
    stated_dislikes_share: Share
    """Share of users who named genres they dislike."""
    stated_noise: Positive
    """Standard deviation of the error of such statements; a taste has length 1."""


class People(_Section):
    """How often people come, when they sleep, and where they come from."""

    median_sessions_per_day: Positive
    """Median rate of sessions."""
    sessions_spread: Positive
    """Standard deviation of the logarithm of that rate."""
    max_sessions_per_day: Positive
    """Cap for those who are not heavy users."""
    heavy_share: Share
    """Share of people as busy as a bot."""
    heavy_sessions_per_day: Range
    """Range of their rates, log-uniform."""
    first_day_session_share: Share
    """Probability of a session right after the account was created."""
    weekend_factor: Positive
    """Rate on Saturday and Sunday against a weekday."""
    night_share: Share
    """Share of sessions at a uniformly random hour; the others follow the waking day."""
    opted_out_share: Share
    """Share of users who refuse personalisation by the end of their story."""
    opt_out_later_share: Share
    """Share of those who opted out after creating the account."""
    opt_out_mean_days: Positive
    """Mean days until they do."""
    addresses_per_user: Positive
    """Home address prefixes per user; below one, some are shared."""
    users_per_mobile_address: Annotated[int, Field(ge=1)]
    """Users behind one prefix of a mobile carrier."""


class Sessions(_Section):
    """A page of items, what of it is seen, and what follows a click."""

    surface_shares: tuple[Share, Share, Share]
    """Shares of sessions on home, search and detail pages; they sum to 1."""
    page_lengths: tuple[Annotated[int, Field(ge=2, le=50)], ...]
    """Places on a page of each surface."""
    focus_shares: tuple[Share, Share, Share]
    """Share of a page given to the one niche that the session is about."""
    popular_share: Share
    """Share of a page filled by popularity alone."""
    niche_sharpness: Positive
    """How strongly taste decides between niches: the factor in the softmax."""
    taste_sharpness: Positive
    """How strongly taste decides about one item: the factor in the logit."""
    base_logit: float
    """Logit of liking an item of average quality that is at right angles to the taste."""
    policy_noise: Positive
    """Noise of the order on the page, against the logarithm of popularity and taste."""
    examination_decay: Annotated[float, Field(ge=0.0)]
    """Position p from 0 is examined with probability (1 + p / depth)^-decay."""
    examination_depth: Positive
    """See `examination_decay`."""
    view_share: tuple[Share, Share]
    """Probability that a click leads to a view, for an item liked not at all and fully."""
    median_view_seconds: Positive
    """Median length of a view of an item liked half."""
    max_view_seconds: Positive
    """Cap of a view's length."""
    purchase_share: Share
    """Probability of a purchase after viewing a fully liked item."""
    like_share: Share
    """Probability of a like after viewing a fully liked item."""
    dislike_share: Share
    """Probability of a dislike after clicking an item not liked at all."""
    hide_share: Share
    """Probability that an examined, unclicked item not liked at all is hidden."""


class Bots(_Section):
    """Four kinds of machine, in equal numbers: see `bots.py`."""

    share: Share
    """Share of accounts that are bots."""
    slow_share: Annotated[float, Field(ge=0.2, le=1.0)]
    """Share of bots that stay below the 99th percentile of people's days."""
    active_day_share: Share
    """Share of days on which a bot works."""
    slow_events_per_day: Range
    """Rows on a working day of a slow bot, log-uniform."""
    fast_events_per_day: Range
    """Rows on a working day of another bot, log-uniform."""
    farm_size: Annotated[int, Field(ge=2)]
    """Accounts in one click farm, behind one address prefix."""
    pushed_items_per_farm: Annotated[int, Field(ge=1)]
    """Items that a farm pushes."""
    pushing_share: Share
    """Share of a farm's events that go to the pushed items; the others are cover."""
    crawler_agent_share: Share
    """Share of scrapers that say what they are."""
    replay_copy_share: Share
    """Share of a replayer's first day that are exact copies; the others change the time."""


class Faults(_Section):
    """What is wrong with the files."""

    duplicate_share: Share
    """Share of rows that stand twice in their file."""
    resent_share: Share
    """Share of sessions delivered on their day and again on the next."""
    late_share: Share
    """Share of sessions delivered only on a later day."""
    late_day_shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=7)]
    """Shares of late sessions by days of delay: the first is one day."""
    malformed_share: Share
    """Malformed rows per good row in text files; each such file has at least one of each kind."""


class Files(_Section):
    """The formats of the landing zone, in turn by day."""

    event_formats: Annotated[
        tuple[Literal["parquet", "csv", "csv.gz", "jsonl", "jsonl.gz"], ...], Field(min_length=1)
    ]
    """Formats of the event files."""
    table_formats: Annotated[
        tuple[Literal["parquet", "csv", "csv.gz", "jsonl", "jsonl.gz"], ...], Field(min_length=1)
    ]
    """Formats of the item and user files."""


class WorldParameters(_Section):
    """Everything that, with a seed and a number of users, determines a world."""

    scale: Scale
    """Numbers of users and items."""
    catalogue: Catalogue
    """Items."""
    taste: Taste
    """What people want."""
    people: People
    """How people behave in time."""
    sessions: Sessions
    """Pages, clicks and what follows."""
    bots: Bots
    """Machines."""
    faults: Faults
    """Planted defects."""
    files: Files
    """Formats."""

    @model_validator(mode="after")
    def _sums(self) -> Self:
        for name, shares in (
            ("sessions.surface_shares", self.sessions.surface_shares),
            ("faults.late_day_shares", self.faults.late_day_shares),
        ):
            if abs(sum(shares) - 1.0) > 1e-9:
                raise ValueError(f"{name} sum to {sum(shares)}, not to 1")
        if len(self.sessions.page_lengths) != len(self.sessions.surface_shares):
            raise ValueError("sessions.page_lengths needs one length for each surface")
        return self


def load_parameters(path: Path | None = None) -> WorldParameters:
    """Returns the parameters of a TOML file; without a path, of the committed `world.toml`.

    Raises:
        InputError: The file cannot be read, or a parameter is missing, unknown or out of range.
    """
    path = path if path is not None else Path(__file__).with_name("world.toml")
    try:
        return WorldParameters.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(
            f"{path}: {place}: {first['msg']}; the committed world.toml names every parameter"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: not a readable TOML file ({error})") from error
