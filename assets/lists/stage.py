"""Makes the lists: for every user, for every segment, and beside every item."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa

from assets.evaluation.folds import read_folds
from assets.lists.ranking import ranked_blocks
from assets.lists.segments import neighbour_rows, segment_rows
from assets.models.fold_data import FoldData
from assets.models.fold_models import model_file
from assets.models.ranker import read_ranker
from core.night import Made, Night
from core.schemas import NEIGHBOUR_LISTS, RANKED, SEGMENT_LISTS
from core.staging import Staging
from training.fitted import load_model
from training.neighbours import NeighboursModel
from training.popularity import PopularityModel

_RELEASE = "release"


def make_ranked(night: Night) -> Made:
    """Makes `ranked`: the personal lists, with the numbers behind every row."""

    def write(staging: Staging) -> None:
        data = FoldData(night, read_folds(night).release)
        n_users = set()

        def tables() -> Iterator[pa.Table]:
            for block in ranked_blocks(data, read_ranker(night, _RELEASE)):
                n_users.update(block.users.tolist())
                yield ranked_table(block.rows, data)

        staging.write_batches(tables(), RANKED)
        staging.facts["n_users"] = len(n_users)

    inputs = [
        "folds", "users", "items", "interactions", "user_features", "item_features", "candidates",
        "ranker",
    ]  # fmt: skip
    return night.make("ranked", write, inputs=inputs, config=night.settings.lists.model_dump())


def ranked_table(rows: pl.DataFrame, data: FoldData) -> pa.Table:
    """Returns numbered list rows as rows of RANKED."""
    users, items = data.numbering.user_ids, data.numbering.item_ids
    seed = rows["seed_num"]
    named = rows.with_columns(
        user_id=users[rows["user_num"].to_numpy()],
        item_id=items[rows["item_num"].to_numpy()],
        seed_item_id=pl.when(seed >= 0).then(items[np.maximum(seed.to_numpy(), 0)]),
        seed_contribution=pl.when(seed >= 0).then(pl.col("seed_contribution")),
    )
    return named.select(pl.col(name).cast(kind) for name, kind in RANKED.polars.items()).to_arrow()


def make_segment_lists(night: Night) -> Made:
    """Makes `segment_lists`: what is trending, for everyone and by genre."""
    settings = night.settings.lists

    def write(staging: Staging) -> None:
        data = FoldData(night, read_folds(night).release)
        model = load_model(night.get("popularity").file(model_file(data.fold)), PopularityModel)
        staging.write_table(segment_rows(data, model.trending, settings.length), SEGMENT_LISTS)

    inputs = ["folds", "users", "items", "interactions", "item_features", "popularity"]
    return night.make("segment_lists", write, inputs=inputs, config={"length": settings.length})


def make_neighbour_lists(night: Night) -> Made:
    """Makes `neighbour_lists`: the items most like each item."""
    settings = night.settings.lists

    def write(staging: Staging) -> None:
        data = FoldData(night, read_folds(night).release)
        neighbours = load_model(
            night.get("neighbours").file(model_file(data.fold)), NeighboursModel
        )
        tower = night.get("two_tower").file(model_file(data.fold))
        staging.write_table(
            neighbour_rows(data, neighbours, tower, settings.neighbours_per_item), NEIGHBOUR_LISTS
        )

    inputs = ["folds", "users", "items", "interactions", "neighbours", "two_tower"]
    config = {"neighbours_per_item": settings.neighbours_per_item}
    return night.make("neighbour_lists", write, inputs=inputs, config=config)
