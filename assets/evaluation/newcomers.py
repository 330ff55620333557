"""How people do of whom nothing is known yet: the lists that belong to no user.

They came after a fold's cut, so no source could know them. What the server would have answered is
a list for what they said they like, where they had said it before the cut, and what was trending;
popularity stands beside it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from assets.evaluation.folds import newcomers_part
from assets.lists.segments import TRENDING, segment_rows
from assets.models.fold_data import FoldData
from assets.models.fold_models import model_file
from core.schemas import TRUTH
from training.bootstrap import pool_by_user
from training.fitted import load_model
from training.held_out import HeldOut
from training.metrics import user_metrics
from training.popularity import PopularityModel

_DEPTH = 10
_LAST = np.iinfo(np.int32).max


def newcomer_slices(folds: Iterable[FoldData]) -> dict[str, dict[str, Any]]:
    """Returns n_users and their mean ndcg@10 for `lists` and for `popularity`, pooled by user.

    Args:
        folds: the test folds.
    """
    users: list[pl.Series] = []
    values: dict[str, list[np.ndarray]] = {"lists": [], "popularity": []}
    for data in folds:
        truth = data.numbering.number(
            data.night.get("folds").table(TRUTH, newcomers_part(data.fold))
        )
        if truth.is_empty():
            continue
        measured = truth["user_num"].unique().sort()
        users.append(measured)
        held_out = HeldOut.from_pairs(
            np.searchsorted(measured.to_numpy(), truth["user_num"].to_numpy()),
            truth["item_num"].to_numpy(),
            n_users=len(measured),
            n_items=data.numbering.shape[1],
        )
        for name, rows in _lists(data, measured).items():
            matrix = np.full((len(measured), _DEPTH), -1, dtype=np.int32)
            at = np.searchsorted(measured.to_numpy(), rows["user_num"].to_numpy())
            matrix[at, rows["place"].to_numpy()] = rows["item_num"].to_numpy()
            values[name].append(user_metrics(matrix, held_out, cutoffs=(10,)).values["ndcg@10"])
    if not users:
        return {name: {"n_users": 0, "ndcg@10": None} for name in values}
    everyone = pl.concat(users).to_numpy()
    found = {}
    for name, parts in values.items():
        _, means = pool_by_user(everyone, np.concatenate(parts))
        found[name] = {"n_users": len(means), "ndcg@10": float(means.mean())}
    return found


def _lists(data: FoldData, users: pl.Series) -> dict[str, pl.DataFrame]:
    """Returns user_num, item_num, place (from 0) of what each rung would show."""
    model = load_model(data.night.get("popularity").file(model_file(data.fold)), PopularityModel)
    segments = _numbered(data, segment_rows(data, model.trending, 2 * _DEPTH))
    popular = _numbered(data, segment_rows(data, model.scores.astype(np.float64), _DEPTH))
    everyone = users.to_frame("user_num")
    stated = _stated(data, everyone).join(
        segments.with_columns(name=pl.col("segment").str.to_lowercase()), on="name", how="inner"
    )
    trending = everyone.join(segments.filter(segment=TRENDING), how="cross").with_columns(
        nth=pl.lit(_LAST, pl.Int64), rank=pl.col("rank") + _LAST
    )
    # One row of each stated segment in turn, then what is trending: as `serving.ladder` does.
    columns = ["user_num", "item_num", "rank", "nth"]
    ladder = pl.concat([part.select(columns) for part in (stated, trending)]).sort(
        "user_num", "rank", "nth"
    )
    flat = everyone.join(popular.filter(segment=TRENDING), how="cross").sort("user_num", "rank")
    return {"lists": _first(ladder), "popularity": _first(flat)}


def _numbered(data: FoldData, rows: pl.DataFrame) -> pl.DataFrame:
    return data.numbering.number(rows).select("segment", "item_num", pl.col("rank").cast(pl.Int64))


def _stated(data: FoldData, everyone: pl.DataFrame) -> pl.DataFrame:
    """Returns what users had said before the cut: user_num, name of a segment, its place `nth`.

    Names are in lower case.
    """
    created = pl.col("created_us")
    said = data.users.filter(
        created.is_null() | (created < data.fold.fit_before_us), ~pl.col("opted_out")
    )
    return (
        data.numbering.number(said.select("user_id", name="preferences"))
        .join(everyone, on="user_num", how="semi")
        .explode("name", empty_as_null=False, keep_nulls=False)
        .with_columns(
            name=pl.format("genre:{}", pl.col("name").str.strip_chars().str.to_lowercase()),
            nth=pl.int_range(pl.len()).over("user_num").cast(pl.Int64),
        )
        .select("user_num", "name", "nth")
    )


def _first(rows: pl.DataFrame) -> pl.DataFrame:
    distinct = rows.unique(["user_num", "item_num"], keep="first", maintain_order=True)
    placed = distinct.with_columns(place=pl.int_range(pl.len()).over("user_num"))
    return placed.filter(pl.col("place") < _DEPTH).select("user_num", "item_num", "place")
