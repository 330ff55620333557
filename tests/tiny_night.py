"""One night of sixteen people and forty items whose tables are made by hand, no lake needed.

Who and what is special:

    u00   opted out, yet with a history
    u01   stated preferences, no history: no personal list
    u02   one interaction, a dislike
    u03   dislikes Comedy
    u04   has touched every item but two
    i00   gone since yesterday
    i01   came out five days ago; the other items are old
    i02   has no category and no genre
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from assets.evaluation.protocol import Fold, Folds
from assets.models.candidates import make_candidates
from assets.models.fold_data import FoldData
from assets.models.ranker import make_ranker
from assets.models.recency import make_recency
from assets.models.stage import make_als, make_neighbours, make_popularity, make_two_tower
from core.days import DAY_US
from core.home import Home
from core.list_settings import ListSettings
from core.model_settings import AlsSettings, TwoTowerSettings
from core.night import Night, Workspace
from core.schemas import (
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    TRUTH,
    USER_CATEGORIES,
    USER_FEATURES,
    USERS,
    WEEKS_BEFORE,
    Table,
)
from core.settings import ModelSettings, Settings
from core.staging import Staging
from tests import toy

N_USERS, N_ITEMS = 16, 40
TEST = Fold("test", "test", toy.BEFORE_US - 7 * DAY_US, toy.BEFORE_US)
RELEASE = Fold("release", "release", toy.BEFORE_US, toy.BEFORE_US)
GENRES = ("Comedy", "Drama", "Horror", "Romance", "War")
USER_IDS = [f"u{n:02}" for n in range(N_USERS)]
ITEM_IDS = [f"i{n:02}" for n in range(N_ITEMS)]
SETTINGS = Settings(
    models=ModelSettings(
        als=AlsSettings(embedding_size=4, epochs=3),
        two_tower=TwoTowerSettings(embedding_size=4, epochs=2, warmup_steps=1),
    ),
    lists=ListSettings(length=10, candidates_per_source=12, block_size=5),
)


def users() -> pl.DataFrame:
    """Returns USERS."""
    special = {
        "u00": {"opted_out": True},
        "u01": {"preferences": ["Drama", "Unheard of"]},
        "u03": {"dislikes": ["Comedy"]},
    }
    rows = [{"user_id": name, "opted_out": False, **special.get(name, {})} for name in USER_IDS]
    return toy.rows_of(USERS, rows)


def items() -> pl.DataFrame:
    """Returns ITEMS."""
    rows = []
    for n, name in enumerate(ITEM_IDS):
        genre = GENRES[n % 5]
        rows.append(
            {
                "item_id": name, "title": f"Item {n}", "category": genre, "genres": [genre],
                "creators": [f"Maker {n % 7}"], "in_catalogue": True,
                "released_us": toy.BEFORE_US - 400 * DAY_US,
                "first_event_us": toy.BEFORE_US - 300 * DAY_US,
            }
        )  # fmt: skip
    rows[0]["available_until_us"] = toy.BEFORE_US - DAY_US
    rows[1]["released_us"] = toy.BEFORE_US - 5 * DAY_US
    rows[2] |= {"category": None, "genres": None}
    return toy.rows_of(ITEMS, rows)


def interactions() -> pl.DataFrame:
    """Returns INTERACTIONS: each user leans towards one genre; a tenth are dislikes."""
    draw = np.random.default_rng(7)
    rows = []
    for n, name in enumerate(USER_IDS):
        if name == "u01":
            continue
        lean = np.array([3.0 if item % 5 == n % 5 else 1.0 for item in range(N_ITEMS)])
        size = {"u02": 1, "u04": N_ITEMS - 2}.get(name, int(draw.integers(3, 15)))
        for item in sorted(draw.choice(N_ITEMS, size, replace=False, p=lean / lean.sum())):
            micro = -4_000_000 if draw.random() < 0.1 or name == "u02" else 1_000_000 * (1 + n % 3)
            rows.append(
                {
                    "user_id": name, "item_id": ITEM_IDS[item], "weight_micro": micro,
                    "n_events": 1, "n_negative": int(micro < 0),
                    "last_us": toy.BEFORE_US - DAY_US * (1 + item),
                }
            )  # fmt: skip
    return toy.rows_of(INTERACTIONS, rows)


def _features(pairs: pl.DataFrame, catalogue: pl.DataFrame) -> dict[Table, pl.DataFrame]:
    """Returns the feature tables, counted from the interactions; what is not counted is 0."""
    liked = pl.col("weight_micro") > 0
    by_user = pairs.group_by("user_id").agg(
        pl.col("n_events").sum(), pl.len().alias("n_items"), liked.sum().alias("n_positive"),
        pl.col("last_us").max(),
    )  # fmt: skip
    by_item = pairs.group_by("item_id").agg(
        *(
            (liked & (pl.col("last_us") >= toy.BEFORE_US - days * DAY_US)).sum().alias(name)
            for days, name in ((1, "n_users_1d"), (7, "n_users_7d"), (30, "n_users_30d"))
        ),
        liked.sum().alias("n_users"),
        *(
            (liked & ((toy.BEFORE_US - 1 - pl.col("last_us")) // (7 * DAY_US) == week))
            .sum()
            .alias(name)
            for week, name in enumerate(WEEKS_BEFORE, start=1)
        ),
        pl.col("weight_micro").sum(),
    )
    known = pairs.filter(liked).join(catalogue.select("item_id", "category"), on="item_id")
    shares = (
        known.drop_nulls("category")
        .group_by("user_id", "category")
        .agg(pl.col("weight_micro").sum())
    ).with_columns(share=pl.col("weight_micro") / pl.col("weight_micro").sum().over("user_id"))
    found = {USER_FEATURES: by_user, ITEM_FEATURES: by_item, USER_CATEGORIES: shares}
    return {
        table: frame.with_columns(
            pl.lit(0, table.polars[name]).alias(name) for name in table.names if name not in frame
        )
        for table, frame in found.items()
    }


def held_out(pairs: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of the test fold's truth: a third of what most people like."""
    user, item = (pl.col(name).str.slice(1).cast(pl.Int64) for name in ("user_id", "item_id"))
    liked = pl.col("weight_micro") > 0
    return pairs.filter(liked, pl.len().over("user_id") >= 3, (user + item) % 3 == 0)


def newcomers() -> pl.DataFrame:
    """Returns the test fold's truth of u01, who had done nothing before."""
    rows = [
        {"user_id": "u01", "item_id": item, "weight_micro": 1_000_000} for item in ("i06", "i38")
    ]
    return toy.rows_of(TRUTH, rows)


def tables_only(home: Path, pairs: pl.DataFrame | None = None) -> Night:
    """Returns a night with everything that the models read, for a test fold and the release.

    Args:
        home: an empty folder.
        pairs: other INTERACTIONS than `interactions`.
    """
    night = Workspace(Home(home), SETTINGS).night(toy.AS_OF.isoformat())
    pairs = interactions() if pairs is None else pairs
    truth = held_out(pairs)
    parts = {"test": pairs.join(truth, on=["user_id", "item_id"], how="anti"), "release": pairs}
    features = {part: _features(rows, items()) for part, rows in parts.items()}

    def write_folds(staging: Staging) -> None:
        staging.write_json("folds.json", Folds("time split", (TEST, RELEASE)).to_json())
        for part, rows in (("test", truth), ("release", truth.clear())):
            staging.write_table(items(), ITEMS, part)
            staging.write_table(rows, TRUTH, part)
            staging.write_table(
                newcomers() if part == "test" else rows.clear(), TRUTH, f"{part}-newcomers"
            )

    def write(*tables: Table) -> Callable[[Staging], None]:
        def write_parts(staging: Staging) -> None:
            for part, rows in parts.items():
                for table in tables:
                    frame = rows if table is INTERACTIONS else features[part][table]
                    staging.write_table(frame, table, part)

        return write_parts

    night.make("users", lambda staging: _write(staging, users(), USERS))
    night.make("items", lambda staging: _write(staging, items(), ITEMS))
    night.make("folds", write_folds)
    night.make("interactions", write(INTERACTIONS))
    night.make("user_features", write(USER_FEATURES, USER_CATEGORIES))
    night.make("item_features", write(ITEM_FEATURES))
    return night


def _write(staging: Staging, frame: pl.DataFrame, table: Table) -> None:
    staging.write_table(frame, table)


def whole(home: Path, pairs: pl.DataFrame | None = None) -> FoldData:
    """Returns the release's fold of a night with fitted sources and stored candidates.

    The ranker is none: too few people for one.
    """
    night = tables_only(home, pairs)
    for make in (
        make_popularity, make_als, make_neighbours, make_two_tower, make_recency, make_candidates,
        make_ranker,
    ):  # fmt: skip
        make(night)
    return FoldData(night, RELEASE)
