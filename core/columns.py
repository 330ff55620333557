"""Every column that crosses a file boundary: its name, type and meaning, said once."""

from dataclasses import dataclass, replace
from typing import Literal

Dtype = Literal[
    "string", "bool", "int32", "int64", "float32", "float64", "timestamp", "list[string]"
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's contract; schemas, checks, docs and UI metadata derive from it.

    Attributes:
        name: its name in every table that has it.
        dtype: the physical type (`timestamp` is microseconds, UTC).
        meaning: one sentence for people.
        nullable: whether a row may lack the value.
        minimum: smallest allowed value, where there is one.
        maximum: largest allowed value, where there is one.
        values: the only allowed values, where they can be listed.
        is_later: whether files may lack it that were written before there was one; it is null
            there, and rows without it hash as they did then.
    """

    name: str
    dtype: Dtype
    meaning: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    is_later: bool = False

    def optional(self) -> "Column":
        """Returns this column as one that may be null."""
        return replace(self, nullable=True)

    def required(self) -> "Column":
        """Returns this column as one that may not be null."""
        return replace(self, nullable=False)


ACTIONS = ("impression", "click", "view", "purchase", "rating", "like", "dislike", "hide")
RUNGS = ("personal", "session", "segment", "trending")
"""Where a lookup finds the items of a list, from the highest to the lowest."""

_FIRST_US = 631_152_000_000_000  # 1990-01-01: before it no behaviour log can be meant
_LAST_US = 4_102_444_800_000_000  # 2100-01-01


def _c(name: str, dtype: Dtype, meaning: str, **limits: object) -> Column:
    return Column(name, dtype, meaning, **limits)  # type: ignore[arg-type]  # limits are literal


EVENT_ID = _c("event_id", "string", "The source's id of the event, or the row's hash.")
USER_ID = _c("user_id", "string", "The user, as the source names them (NFC, trimmed).")
ITEM_ID = _c("item_id", "string", "The item, as the source names it (NFC, trimmed).")
ACTION = _c("action", "string", "What the user did.", values=ACTIONS)
OCCURRED_AT = _c("occurred_at", "timestamp", "When it happened, UTC.")
OCCURRED_US = _c(
    "occurred_us",
    "int64",
    "When it happened, microseconds UTC.",
    minimum=_FIRST_US,
    maximum=_LAST_US,
)
INGESTED_US = _c("ingested_us", "int64", "When Daybreak took it in, microseconds UTC.")
VALUE = _c("value", "float64", "Stars, amount or seconds, by action.", nullable=True)
SESSION_ID = _c("session_id", "string", "The visit it belongs to.", nullable=True)
POSITION = _c("position", "int32", "Place in the list shown, from 1.", nullable=True, minimum=0)
SURFACE = _c("surface", "string", "Where it was shown.", nullable=True)
EXPERIMENT_ID = _c("experiment_id", "string", "The experiment in force.", nullable=True)
ARM = _c("arm", "string", "The experiment's arm.", nullable=True)
RELEASE = _c("release", "string", "The release whose list was shown.", nullable=True, is_later=True)
RUNG = _c(
    "rung", "string", "Where the lookup found the item that was shown.",
    nullable=True, values=RUNGS, is_later=True,
)  # fmt: skip
USER_AGENT = _c("user_agent", "string", "The client's user agent.", nullable=True)
IP_PREFIX = _c("ip_prefix", "string", "The client's shortened address.", nullable=True)
SOURCE_FILE = _c("source_file", "string", "The file that it came in.")
LINE = _c("line", "int64", "Its line (or row, from 1) in that file.", minimum=0)
RAW = _c("raw", "string", "The refused row as it stood in the file, cut at 4 kB.", nullable=True)
REASON = _c("reason", "string", "Why it was refused.")
TABLE_NAME = _c("table", "string", "The table that the row was meant for.")

TITLE = _c("title", "string", "What people call it.", nullable=True)
CATEGORY = _c("category", "string", "Its primary category.", nullable=True)
GENRES = _c("genres", "list[string]", "All its categories.", nullable=True)
CREATORS = _c("creators", "list[string]", "Directors, authors, brands.", nullable=True)
THEMES = _c("themes", "list[string]", "What it is about: keywords and tags.", nullable=True)
RELEASED_US = _c(
    "released_us", "int64",
    "When it came out, microseconds UTC; 1 January 00:00 where only the year is known.",
    nullable=True,
)  # fmt: skip
AVAILABLE_FROM_US = _c("available_from_us", "int64", "First moment it can be had.", nullable=True)
AVAILABLE_UNTIL_US = _c("available_until_us", "int64", "First moment it cannot.", nullable=True)
FACTS = _c(
    "facts", "string", "Further facts as a JSON object (year, cast, series, awards).", nullable=True
)
IN_CATALOGUE = _c("in_catalogue", "bool", "False where the item is known by its events alone.")
FIRST_EVENT_US = _c("first_event_us", "int64", "Its first clean event before D.", nullable=True)

CREATED_US = _c("created_us", "int64", "When the user joined, microseconds UTC.", nullable=True)
PREFERENCES = _c(
    "preferences", "list[string]", "Categories the user said they like.", nullable=True
)
DISLIKES = _c("dislikes", "list[string]", "Categories the user said they dislike.", nullable=True)
COUNTRY = _c("country", "string", "Country code.", nullable=True)
OPTED_OUT = _c("opted_out", "bool", "True: trains nothing, gets no personal list.")

THEME = _c("theme", "string", "One keyword or tag.")
WEIGHT_MICRO = _c(
    "weight_micro", "int64", "Preference, action × recency, in millionths; negative: dislike."
)
N_EVENTS = _c("n_events", "int64", "Events other than impressions.", minimum=0)
N_NEGATIVE = _c("n_negative", "int64", "Dislikes, hides and low ratings.", minimum=0)
LAST_US = _c("last_us", "int64", "The latest such event.")
RANK = _c("rank", "int32", "Place from 1.", minimum=1)
SCORE = _c("score", "float64", "Higher is better; comparable inside one list only.")
REASON_TYPE = _c("reason_type", "string", "The kind of reason that the row's sentence gives.")
EXPLANATION_KEY = _c("explanation_key", "string", "Key of the sentence in `explanations`.")
ITEM_NUM = _c("item_num", "int32", "Row number in `items`.", minimum=0)
REASON_NUM = _c(
    "reason_num", "int32", "The sentence's number among those about the same item.", minimum=0
)
SEGMENT = _c("segment", "string", "`genre:<name>`, or `trending` for everyone.")
