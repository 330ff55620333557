import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from assets.lists.segments import neighbour_rows, segment_rows
from assets.models.fold_data import FoldData
from assets.models.fold_models import model_file
from core.schemas import NEIGHBOUR_LISTS, SEGMENT_LISTS
from core.tables import conform
from tests import tiny_night
from training.fitted import load_model
from training.neighbours import NeighboursModel
from training.tower_model import TwoTowerModel

N = tiny_night.N_ITEMS


@pytest.fixture
def data(tiny: FoldData) -> FoldData:
    return tiny


def segment(rows: pl.DataFrame, name: str) -> list[str]:
    return rows.filter(segment=name)["item_id"].to_list()


def test_trending_and_a_list_for_every_genre(data: FoldData) -> None:
    trending = np.arange(N, dtype=np.float64)
    rows = segment_rows(data, trending, 4)
    assert rows["segment"].unique().sort().to_list() == [
        "genre:Comedy", "genre:Drama", "genre:Horror", "genre:Romance", "genre:War", "trending",
    ]  # fmt: skip
    assert segment(rows, "trending") == ["i39", "i38", "i37", "i36"]
    assert segment(rows, "genre:Comedy") == ["i35", "i30", "i25", "i20"]
    assert segment(rows, "genre:Drama") == ["i36", "i31", "i26", "i21"]
    assert rows.filter(segment="trending").select("rank", "score").rows() == [
        (1, 39.0), (2, 38.0), (3, 37.0), (4, 36.0),
    ]  # fmt: skip
    assert conform(rows, SEGMENT_LISTS).equals(rows)


def test_what_is_gone_is_in_no_segment_and_ties_go_by_item(data: FoldData) -> None:
    rows = segment_rows(data, np.zeros(N), 50)
    assert segment(rows, "trending") == [f"i{n:02}" for n in range(1, N)]
    assert segment(rows, "genre:Comedy") == ["i05", "i10", "i15", "i20", "i25", "i30", "i35"]
    assert "i02" in segment(rows, "trending")  # no genre, but there
    assert not rows.filter(pl.col("segment") != "trending", item_id="i02").height


def test_an_item_without_genres_is_in_its_category(data: FoldData) -> None:
    other = FoldData(data.night, data.fold)
    other.__dict__["items"] = data.items.with_columns(genres=pl.lit(None, pl.List(pl.String)))
    found = segment_rows(other, np.ones(N), 5)
    assert found.equals(segment_rows(data, np.ones(N), 5))


def test_an_item_of_two_genres_is_in_both_and_in_none_twice(data: FoldData) -> None:
    other = FoldData(data.night, data.fold)
    genres = [["War", "Drama", "War", None]] + [[]] * (N - 1)
    other.__dict__["items"] = data.items.with_columns(
        genres=pl.Series(genres[-1:] + genres[:-1], dtype=pl.List(pl.String)),
        category=pl.lit(None, pl.String),
    )
    rows = segment_rows(other, np.ones(N), 5)
    assert rows.filter(pl.col("segment") != "trending").rows() == [
        ("genre:Drama", 1, "i01", 1.0), ("genre:War", 1, "i01", 1.0),
    ]  # fmt: skip


def test_a_catalogue_without_genres_and_categories_has_trending_alone(data: FoldData) -> None:
    other = FoldData(data.night, data.fold)
    other.__dict__["items"] = data.items.with_columns(
        genres=pl.lit(None, pl.List(pl.String)), category=pl.lit(None, pl.String)
    )
    assert segment_rows(other, np.ones(N), 5)["segment"].unique().to_list() == ["trending"]


def test_neighbours_come_from_histories_then_from_content(data: FoldData) -> None:
    model = load_model(data.night.get("neighbours").file(model_file(data.fold)), NeighboursModel)
    tower = data.night.get("two_tower").file(model_file(data.fold))
    rows = neighbour_rows(data, model, tower, 8)
    assert conform(rows, NEIGHBOUR_LISTS).equals(rows)
    assert rows["item_id"].unique().sort().to_list() == tiny_night.ITEM_IDS
    assert (rows["item_id"] != rows["neighbour_id"]).all()
    assert not rows.select("item_id", "neighbour_id").is_duplicated().any()
    assert "i00" not in rows["neighbour_id"].to_list()
    for one in rows.partition_by("item_id"):
        assert one["rank"].to_list() == list(range(1, 9))
        assert one["score"].is_sorted(descending=True)
    weights = model.weights.toarray()
    behind = rows.filter(pl.col("score") >= 1).select("item_id", "neighbour_id").rows()
    assert behind
    assert all(weights[int(a[1:]), int(b[1:])] > 0 for a, b in behind)


def test_the_strongest_neighbour_scores_two_and_content_fills_up(data: FoldData) -> None:
    weights = sp.csr_matrix((N, N), dtype=np.float32).tolil()
    weights[5, 7], weights[5, 9], weights[5, 0], weights[5, 8] = 0.5, 0.125, 1.0, -3.0
    model = NeighboursModel(sp.csr_matrix(weights))
    tower = data.night.get("two_tower").file(model_file(data.fold))
    vectors = load_model(tower, TwoTowerModel).item_vectors
    rows = neighbour_rows(data, model, tower, 4).filter(item_id="i05")
    # The strongest, i00, is gone; its share still is the measure of the others.
    assert rows.select("neighbour_id", "score").rows()[:2] == [("i07", 1.5), ("i09", 1.125)]
    cosine = vectors[5] @ vectors.T
    cosine[[0, 5, 7, 9]] = -9
    alike = [f"i{n:02}" for n in np.argsort(-cosine, kind="stable")[:2]]
    assert rows["neighbour_id"].to_list()[2:] == alike
    assert (rows["score"][2:] < 1).all()


def test_a_list_of_neighbours_may_be_short(data: FoldData) -> None:
    model = load_model(data.night.get("neighbours").file(model_file(data.fold)), NeighboursModel)
    tower = data.night.get("two_tower").file(model_file(data.fold))
    rows = neighbour_rows(data, model, tower, 500)
    sizes = dict(rows.group_by("item_id").len().rows())
    assert sizes.pop("i00") == N - 1  # all but itself
    assert set(sizes.values()) == {N - 2}  # all but itself and what is gone
