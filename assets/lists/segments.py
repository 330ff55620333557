"""Lists that belong to no user: what is trending, for everyone and by genre, and what is alike."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.models.fold_data import FoldData
from core.schemas import NEIGHBOUR_LISTS, SEGMENT_LISTS
from training.fitted import load_model
from training.neighbours import NeighboursModel, similar_items
from training.topk import topk
from training.tower_model import TwoTowerModel

TRENDING = "trending"


def segment_rows(data: FoldData, trending: NDArray[np.floating], length: int) -> pl.DataFrame:
    """Returns SEGMENT_LISTS: `trending`, and `genre:<name>` for every genre of the catalogue.

    An item without genres stands in the list of its category.

    Args:
        data: the release's fold.
        trending: (n_items,) trending score.
        length: items a list.
    """
    items = pl.DataFrame(
        {
            "item_id": data.numbering.item_ids,
            "score": np.asarray(trending, dtype=np.float64),
            "allowed": data.allowed,
        }
    ).filter("allowed")
    genres = (
        data.items.select(
            "item_id",
            segment=pl.when(pl.col("genres").list.len() > 0)
            .then("genres")
            .otherwise(pl.concat_list("category")),
        )
        .explode("segment", empty_as_null=False, keep_nulls=False)
        .drop_nulls("segment")
        .with_columns(segment=pl.format("genre:{}", "segment"))
        .unique()
    )
    everyone = items.with_columns(segment=pl.lit(TRENDING))
    named = items.join(genres, on="item_id", how="inner").select(everyone.columns)
    placed = pl.concat([everyone, named]).sort(
        "segment", "score", "item_id", descending=[False, True, False]
    )
    return (
        placed.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("segment"))
        .filter(pl.col("rank") <= length)
        .select(SEGMENT_LISTS.names)
    )


def neighbour_rows(
    data: FoldData, neighbours: NeighboursModel, tower: Path, length: int
) -> pl.DataFrame:
    """Returns NEIGHBOUR_LISTS: the items that histories hold together, then those alike in content.

    The first come from the neighbours' weights, scored 1 + share of the strongest; where an item
    has too few, the two-tower's item vectors fill the list, scored by cosine below 1.

    Args:
        data: the release's fold.
        neighbours: the item-to-item weights.
        tower: the two-tower's file.
        length: items a list.
    """
    near, weight = similar_items(neighbours, length)
    strongest = weight.max(axis=1, initial=0, keepdims=True)
    share = np.divide(weight, strongest, out=np.zeros_like(weight), where=strongest > 0)
    vectors = load_model(tower, TwoTowerModel).item_vectors
    alike, cosine = topk(vectors, vectors, length + 1, allowed=data.allowed)
    rows = [_rows(near, 1 + share), _rows(alike, np.minimum(cosine, 0.999))]
    ids = data.numbering.item_ids
    merged = (
        pl.concat(rows)
        .filter(pl.col("item") != pl.col("other"))
        .sort("item", "score", "other", descending=[False, True, False])
        .unique(["item", "other"], keep="first", maintain_order=True)
    )
    keep = data.allowed[merged["other"].to_numpy()]
    placed = merged.filter(pl.Series(keep)).with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("item")
    )
    kept = placed.filter(pl.col("rank") <= length)
    return kept.select(
        item_id=ids[kept["item"].to_numpy()],
        rank="rank",
        neighbour_id=ids[kept["other"].to_numpy()],
        score=pl.col("score").cast(pl.Float64),
    ).select(NEIGHBOUR_LISTS.names)


def _rows(others: NDArray[np.int32], scores: NDArray[np.floating]) -> pl.DataFrame:
    item, place = np.nonzero(others >= 0)
    return pl.DataFrame(
        {
            "item": item.astype(np.int32),
            "other": others[item, place],
            "score": scores[item, place].astype(np.float64),
        }
    )
