"""Every table: what a row is, its columns, key and order; all other type systems derive from it."""

import hashlib
import json
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from core import columns as c
from core.columns import Column, Dtype

_ARROW: dict[Dtype, pa.DataType] = {
    "string": pa.large_string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list[string]": pa.large_list(pa.large_string()),
}
_POLARS: dict[Dtype, pl.DataType] = {
    "string": pl.String(),
    "bool": pl.Boolean(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float32": pl.Float32(),
    "float64": pl.Float64(),
    "timestamp": pl.Datetime("us", "UTC"),
    "list[string]": pl.List(pl.String()),
}
_SPARK: dict[Dtype, str] = {
    "string": "string",
    "bool": "boolean",
    "int32": "int",
    "int64": "bigint",
    "float32": "float",
    "float64": "double",
    "timestamp": "timestamp",
    "list[string]": "array<string>",
}


SOURCES = ("popularity", "category", "als", "neighbours", "two_tower")
"""The retrieval models, in the order in which ties between them are broken."""
WEEKS_BEFORE = ("n_users_7_14d", "n_users_14_21d", "n_users_21_28d")
"""Columns of the three weeks before the last, latest first; what `n_users_7d` is held against."""


@dataclass(frozen=True)
class Table:
    """A table's contract.

    Attributes:
        name: the table's name, also its file's stem.
        row: what one row means.
        columns: its columns, in file order.
        key: the columns that identify a row; also the order in which it is stored.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The column names in file order."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """Returns one column's contract; raises KeyError for a name it lacks."""
        return {column.name: column for column in self.columns}[name]

    @property
    def later_names(self) -> frozenset[str]:
        """The columns that files may lack which were written before there were any."""
        return frozenset(column.name for column in self.columns if column.is_later)

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, with nullability."""
        return pa.schema([pa.field(x.name, _ARROW[x.dtype], x.nullable) for x in self.columns])

    @property
    def polars(self) -> dict[str, pl.DataType]:
        """The Polars schema."""
        return {x.name: _POLARS[x.dtype] for x in self.columns}

    @property
    def spark(self) -> str:
        """The Spark schema as DDL."""
        return ", ".join(f"`{x.name}` {_SPARK[x.dtype]}" for x in self.columns)

    @property
    def schema_hash(self) -> str:
        """SHA-256 over names, types, nullability and key: changes when a reader must know."""
        shape = [[x.name, x.dtype, x.nullable] for x in self.columns]
        return hashlib.sha256(json.dumps([shape, self.key]).encode()).hexdigest()


_PROVENANCE = (c.INGESTED_US, c.SOURCE_FILE, c.LINE)

EVENTS = Table(
    "events",
    "One thing one user did with one item, as accepted from a file.",
    (
        c.EVENT_ID, c.USER_ID, c.ITEM_ID, c.ACTION, c.OCCURRED_AT, c.OCCURRED_US, c.VALUE,
        c.SESSION_ID, c.POSITION, c.SURFACE, c.EXPERIMENT_ID, c.ARM, c.RELEASE, c.RUNG,
        c.USER_AGENT, c.IP_PREFIX, *_PROVENANCE,
    ),
    ("event_id",),
)  # fmt: skip
_ITEM_COLUMNS = (
    c.ITEM_ID, c.TITLE, c.CATEGORY, c.GENRES, c.CREATORS, c.THEMES, c.RELEASED_US,
    c.AVAILABLE_FROM_US, c.AVAILABLE_UNTIL_US, c.FACTS,
)  # fmt: skip
_USER_COLUMNS = (c.USER_ID, c.CREATED_US, c.PREFERENCES, c.DISLIKES, c.COUNTRY, c.OPTED_OUT)
ITEM_ROWS = Table(
    "item_rows",
    "One statement about an item, as accepted from a file; the latest statement counts.",
    (*_ITEM_COLUMNS, *_PROVENANCE),
    ("item_id", "source_file", "line"),
)
USER_ROWS = Table(
    "user_rows",
    "One statement about a user, as accepted from a file; the latest statement counts.",
    (*_USER_COLUMNS, *_PROVENANCE),
    ("user_id", "source_file", "line"),
)
TAGS = Table(
    "tags",
    "One theme that someone gave to an item at some time.",
    (c.ITEM_ID, c.THEME, c.USER_ID, c.OCCURRED_US, *_PROVENANCE),
    ("item_id", "theme", "user_id", "occurred_us", "source_file", "line"),
)
QUARANTINE = Table(
    "quarantine",
    "One row (or whole file, line 0) that ingest refused.",
    (c.SOURCE_FILE, c.LINE, c.RAW, c.REASON, c.TABLE_NAME),
    ("source_file", "line", "reason"),
)

CLEAN_EVENTS = Table(
    "clean_events",
    "One event before D by a person who lets it count.",
    (
        c.EVENT_ID, c.USER_ID, c.ITEM_ID, c.ACTION, c.OCCURRED_US, c.VALUE,
        c.SESSION_ID, c.POSITION, c.SURFACE,
    ),
    ("event_id",),
)  # fmt: skip
EXCLUDED_EVENTS = Table(
    "excluded_events",
    "One accepted event before D that does not count, and why.",
    (*CLEAN_EVENTS.columns, c.REASON),
    ("event_id",),
)
BOT_SCORES = Table(
    "bot_scores",
    "One user's evidence of being a machine, over all events before D.",
    (
        c.USER_ID,
        Column("score", "float64", "Sum of the weights of the signals that fired.", minimum=0),
        Column("is_bot", "bool", "Whether the score reaches the threshold."),
        Column("reasons", "string", "The signals that fired, joined by `|`; empty if none."),
        c.N_EVENTS,
    ),
    ("user_id",),
)
ITEMS = Table(
    "items",
    "One item known at D; its row number is its item_num.",
    (*_ITEM_COLUMNS, c.IN_CATALOGUE, c.FIRST_EVENT_US),
    ("item_id",),
)
USERS = Table(
    "users",
    "One user known at D, bots left out; its row number is its user_num.",
    _USER_COLUMNS,
    ("user_id",),
)
INTERACTIONS = Table(
    "interactions",
    "One user's weighted relation to one item that they touched before the cut.",
    (c.USER_ID, c.ITEM_ID, c.WEIGHT_MICRO, c.N_EVENTS, c.N_NEGATIVE, c.LAST_US),
    ("user_id", "item_id"),
)
USER_FEATURES = Table(
    "user_features",
    "One user with events before the cut.",
    (
        c.USER_ID, c.N_EVENTS,
        Column("n_items", "int64", "Distinct items touched.", minimum=0),
        Column("n_positive", "int64", "Items of positive weight.", minimum=0),
        Column("n_active_days", "int64", "Days with an event.", minimum=0),
        Column("n_events_7d", "int64", "Events in the last 7 days.", minimum=0),
        Column("recency_days", "int64", "Whole days since the last event.", minimum=0),
        Column("tenure_days", "int64", "Whole days since the first event.", minimum=0),
        c.LAST_US,
    ),
    ("user_id",),
)  # fmt: skip
USER_CATEGORIES = Table(
    "user_categories",
    "One user's preference for one category.",
    (
        c.USER_ID, c.CATEGORY.required(),
        c.WEIGHT_MICRO,
        Column("share", "float64", "Share of the user's positive weight.", minimum=0, maximum=1),
    ),
    ("user_id", "category"),
)  # fmt: skip
RECENT_ITEMS = Table(
    "recent_items",
    "One of the last ten items that a user touched.",
    (c.USER_ID, c.RANK, c.ITEM_ID, c.LAST_US),
    ("user_id", "rank"),
)
ITEM_FEATURES = Table(
    "item_features",
    "One item touched or shown before the cut.",
    (
        c.ITEM_ID,
        Column("n_users_1d", "int64", "Positive users in the last day.", minimum=0),
        Column("n_users_7d", "int64", "Positive users in the last 7 days.", minimum=0),
        Column("n_users_30d", "int64", "Positive users in the last 30 days.", minimum=0),
        Column("n_users", "int64", "Positive users ever.", minimum=0),
        *(
            Column(
                name, "int64", f"Positive users {7 * week} to {7 * week + 7} days ago.", minimum=0
            )
            for week, name in enumerate(WEEKS_BEFORE, start=1)
        ),
        c.WEIGHT_MICRO,
        Column("trend_micro", "int64", "Share of four weeks' users in the last, in millionths."),
        Column("n_impressions", "int64", "Times shown.", minimum=0),
        Column("n_clicks", "int64", "Clicks and views.", minimum=0),
        Column("n_purchases", "int64", "Purchases.", minimum=0),
        Column("conversion_micro", "int64", "Clicks per impression, millionths.", minimum=0),
        Column("age_days", "int64", "Whole days since it came out or was first seen."),
    ),
    ("item_id",),
)  # fmt: skip
TRUTH = Table(
    "truth",
    "One item of positive weight that a user first touched in a fold's held-out part.",
    (c.USER_ID, c.ITEM_ID, c.WEIGHT_MICRO),
    ("user_id", "item_id"),
)
HOLDOUT = Table(
    "holdout",
    "One event held out by the per-user protocol.",
    (
        c.EVENT_ID,
        Column(
            "level", "int32", "1: held out for the test; 2: for the ranker's labels.", minimum=1
        ),
    ),
    ("event_id",),
)
CANDIDATES = Table(
    "candidates",
    "One item that a source proposed for one user; scores of all sources, ranks of those that did.",
    (
        Column("user_num", "int32", "Row number in `users`.", minimum=0),
        c.ITEM_NUM,
        *(
            column
            for source in SOURCES
            for column in (
                Column(
                    f"{source}_rank", "int32", f"Its place in {source}; 0: not proposed.", minimum=0
                ),
                Column(f"{source}_score", "float32", f"Its score by {source}."),
            )
        ),
        Column("seed_num", "int32", "The history item that counted most in neighbours; -1: none."),
        Column("seed_contribution", "float32", "How much it counted."),
    ),
    ("user_num", "item_num"),
)
USER_METRICS = Table(
    "user_metrics",
    "One user's measure of one system's list, averaged over the folds in which the user appears.",
    (
        Column("system", "string", "A source, `ranked`, or an earlier release."),
        c.USER_ID,
        *(
            Column(f"{metric}@{k}", "float64", f"{metric} at {k}.", minimum=0, maximum=1)
            for metric in ("ndcg", "recall", "precision", "mrr")
            for k in (10, 20)
        ),
        Column("n_history", "int64", "Items touched before the cut (mean over folds).", minimum=0),
    ),
    ("system", "user_id"),
)
_LIST_COLUMNS = (
    c.USER_ID, c.RANK, c.ITEM_ID, c.SCORE,
    Column("stage", "string", "How the list was made.", values=("cold", "blend", "full")),
    Column("sources", "list[string]", "Sources that proposed it, best place first."),
    Column("source_scores", "string", "Their scores as a JSON object."),
    Column("seed_item_id", "string", "The history item that counted most.", nullable=True),
    Column("seed_contribution", "float64", "How much it counted.", nullable=True),
    Column("ranker_score", "float64", "The ranker's score.", nullable=True),
    Column("rules", "list[string]", "Rules that moved it, in order."),
)  # fmt: skip
RANKED = Table(
    "ranked",
    "One item on one user's list, with the numbers behind it, before it has a reason.",
    _LIST_COLUMNS,
    ("user_id", "rank"),
)
LISTS = Table(
    "lists",
    "One item on one user's list, with its whole why-record.",
    (*_LIST_COLUMNS, c.REASON_TYPE, c.EXPLANATION_KEY, c.ITEM_NUM, c.REASON_NUM),
    ("user_id", "rank"),
)
SEGMENT_LISTS = Table(
    "segment_lists",
    "One item on the list of a segment, for users without a history.",
    (c.SEGMENT, c.RANK, c.ITEM_ID, c.SCORE),
    ("segment", "rank"),
)
NEIGHBOUR_LISTS = Table(
    "neighbour_lists",
    "One item like another.",
    (c.ITEM_ID, c.RANK, Column("neighbour_id", "string", "The item like it."), c.SCORE),
    ("item_id", "rank"),
)
EXPLANATIONS = Table(
    "explanations",
    "One true sentence for one reason, shared by all users who have it.",
    (
        c.EXPLANATION_KEY,
        Column("target_item_id", "string", "The item that the sentence recommends."),
        c.REASON_NUM,
        Column("source_item_id", "string", "The seed item, if one is named.", nullable=True),
        c.REASON_TYPE,
        Column("locale", "string", "Language of the text."),
        Column("text", "string", "The sentence."),
        Column("origin", "string", "Who wrote it.", values=("template", "llm")),
        Column("facts_hash", "string", "Hash of the fact sheets it was written from."),
    ),
    ("target_item_id", "reason_num"),
)  # fmt: skip

TABLES = {
    table.name: table
    for table in (
        EVENTS, ITEM_ROWS, USER_ROWS, TAGS, QUARANTINE, CLEAN_EVENTS, EXCLUDED_EVENTS, BOT_SCORES,
        ITEMS, USERS, INTERACTIONS, USER_FEATURES, USER_CATEGORIES, RECENT_ITEMS, ITEM_FEATURES,
        TRUTH, HOLDOUT, CANDIDATES, USER_METRICS, RANKED, LISTS, SEGMENT_LISTS, NEIGHBOUR_LISTS,
        EXPLANATIONS,
    )
}  # fmt: skip
