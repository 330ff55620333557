"""Settings of the reasons and sentences that stand beside each list row."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Locale = Literal["en", "es"]
ReasonType = Literal[
    "same_series",
    "same_creator",
    "same_cast",
    "same_theme",
    "watched_together",
    "same_genre",
    "matches_preference",
    "trending",
    "new",
    "popular",
    "recommended",
]

REASON_TYPES: tuple[ReasonType, ...] = (
    "same_series",
    "same_creator",
    "same_cast",
    "same_theme",
    "watched_together",
    "same_genre",
    "matches_preference",
    "trending",
    "new",
    "popular",
    "recommended",
)


class ExplanationSettings(BaseModel):
    """How reasons are chosen and worded."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    locale: Locale = "en"
    """Language of the sentences."""

    noun: str = Field(default="title", pattern=r"^[^\W\d_]+( [^\W\d_]+)*$")
    """What one item is called, singular (English sentences only): title, film, article."""

    nouns: str = Field(default="titles", pattern=r"^[^\W\d_]+( [^\W\d_]+)*$")
    """What several items are called (English sentences only)."""

    history_phrase: str = Field(default="", pattern=r"^([^\W\d_]+( [^\W\d_]+)*)?$")
    """How a sentence speaks of the seed item. Empty: `you chose` (`elegiste` in Spanish), which
    holds for any positive event; `you liked` only where nothing but ratings and likes counts."""

    priority: tuple[ReasonType, ...] = REASON_TYPES
    """Reason types, most specific first; types left out are never given. The last must be
    `recommended`, which always applies."""

    max_same_fact: int = Field(default=3, ge=1)
    """Most rows of one list that give the same (reason type, shared fact) while another reason
    applies to them."""

    max_same_type_in_ten: int = Field(default=4, ge=1, le=10)
    """Most rows among each ten consecutive ranks that give one reason type while another applies
    to them."""

    max_facts: int = Field(default=2, ge=1, le=3)
    """Most shared facts of one kind that a sentence names."""

    max_names: int = Field(default=10, ge=1, le=50)
    """Most names read from a list in an item's `facts` (cast, awards); the rest are left out."""

    max_title_chars: int = Field(default=120, ge=20)
    """Longest display title; a longer one is cut and ends with an ellipsis."""

    max_fact_chars: int = Field(default=60, ge=10)
    """Longest fact that a sentence names; a longer one is never spoken."""

    unspoken: tuple[str, ...] = (
        r"^\W*$",
        r"[<>{}\[\]|\\]|https?:|www\.",
        r"^(get|on|own|my|to)?\s?-?(dvd|dvds|tivo|vhs|hdtv|netflix|see|watch|rent|buy)\b",
        r"^(toplist|holes|bkk|tcm|afi|sightsound|imdb|seen|unseen|owned|wishlist)",
        r"\b(boring|overrated|underrated|terrible|awful|worst|bad|lame|stupid|waste|sucks?)\b",
        r"\b(nudity|naked|sex|sexy|porn|rape|gore|strippers?|bondage)\b",
        r"\b(katso|ei muista)\b",
        r"^\(?no genres? listed\)?$",
    )
    """Regular expressions (case ignored) for creators, cast, themes, genres and series that no
    sentence names: markup, people's notes to themselves, verdicts, sensitive matters."""

    min_together: Annotated[int, Field(ge=2)] = 5
    """Fewest distinct users with both items before a sentence says that they were chosen by the
    same people (used where the rows carry `n_together`)."""

    new_days: int = Field(default=30, ge=1)
    """An item is new for this many days after it came out; one of which only the year is known (a
    release at 1 January 00:00) never is."""

    trending_min_users: int = Field(default=10, ge=1)
    """Fewest users in the last week before an item can be trending."""

    trending_factor: float = Field(default=1.5, gt=1, allow_inf_nan=False)
    """How many times as many users an item must draw in the last 7 days as in the busiest of the
    three weeks before."""

    popular_top: int = Field(default=100, ge=1)
    """How many of the most chosen items may be called that."""

    @field_validator("unspoken")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"pattern {pattern!r} is no regular expression: {error}"
                ) from error
            if re.search(r"\(\?<?[=!]|\\[1-9]", pattern):
                raise ValueError(
                    f"pattern {pattern!r} looks around or back, which Polars cannot do"
                )
        return patterns

    @model_validator(mode="after")
    def _ends_with_what_always_applies(self) -> "ExplanationSettings":
        if not self.priority or self.priority[-1] != "recommended":
            raise ValueError(
                "priority must end with 'recommended', the one type that always applies"
            )
        if len(set(self.priority)) != len(self.priority):
            raise ValueError(f"priority names a reason type twice: {', '.join(self.priority)}")
        return self
