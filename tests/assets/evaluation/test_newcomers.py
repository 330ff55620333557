"""Newcomers get the ladder's lists, and these are measured."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from assets.evaluation.newcomers import newcomer_slices
from assets.lists.segments import segment_rows
from assets.models.fold_data import FoldData
from assets.models.fold_models import model_file
from core.schemas import USERS
from tests import tiny_night, toy
from training.fitted import load_model
from training.popularity import PopularityModel


@pytest.fixture
def fold(tiny: FoldData) -> FoldData:
    return FoldData(tiny.night, tiny_night.TEST)


def model(data: FoldData) -> PopularityModel:
    return load_model(data.night.get("popularity").file(model_file(data.fold)), PopularityModel)


def ndcg(shown: list[str], wanted: set[str]) -> float:
    gain = sum(1 / np.log2(place + 2) for place, item in enumerate(shown[:10]) if item in wanted)
    return float(gain / sum(1 / np.log2(place + 2) for place in range(len(wanted))))


def segment(data: FoldData, name: str) -> list[str]:
    rows = segment_rows(data, model(data).trending, 20)
    return rows.filter(segment=name)["item_id"].to_list()


def test_what_they_said_comes_first_and_trending_fills_up(fold: FoldData) -> None:
    drama = segment(fold, "genre:Drama")
    assert 0 < len(drama) < 10
    ladder = [*drama, *(x for x in segment(fold, "trending") if x not in drama)]
    found = newcomer_slices([fold])
    assert found["lists"]["n_users"] == 1
    assert found["lists"]["ndcg@10"] == pytest.approx(ndcg(ladder, {"i06", "i38"}))
    popular = segment_rows(fold, model(fold).scores.astype(float), 10)
    flat = popular.filter(segment="trending")["item_id"].to_list()
    assert found["popularity"]["ndcg@10"] == pytest.approx(ndcg(flat, {"i06", "i38"}))


def test_what_they_said_after_the_cut_is_not_known(fold: FoldData) -> None:
    later = FoldData(fold.night, fold.fold)
    users = tiny_night.users().with_columns(
        created_us=pl.lit(toy.BEFORE_US, USERS.polars["created_us"])
    )
    later.__dict__["users"] = users
    trending = segment(fold, "trending")
    assert newcomer_slices([later])["lists"]["ndcg@10"] == pytest.approx(
        ndcg(trending, {"i06", "i38"})
    )


def test_no_newcomer_no_number(tiny: FoldData) -> None:
    nobody = replace(tiny_night.TEST, name="release")
    assert newcomer_slices([FoldData(tiny.night, nobody)]) == {
        "lists": {"n_users": 0, "ndcg@10": None}, "popularity": {"n_users": 0, "ndcg@10": None},
    }  # fmt: skip
    assert newcomer_slices([])["lists"]["n_users"] == 0
