from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.lists.ranking import item_traits, ranked_blocks, source_blocks, top_matrix
from assets.models.fold_data import FoldData
from core.days import DAY_US
from core.errors import TrainingDiverged
from core.schemas import CANDIDATES
from tests import tiny_night, toy


@pytest.fixture
def data(tiny: FoldData) -> FoldData:
    return tiny


class FixedRanker:
    """A ranker that gives the numbers it was told, or one feature of its input."""

    def __init__(self, scores: list[float] | None = None) -> None:
        self.scores = scores

    def predict(self, features: np.ndarray) -> np.ndarray:
        if self.scores is None:
            return features[:, 0]
        return np.resize(np.array(self.scores, np.float32), len(features))


def rows_of(data: FoldData, ranker: FixedRanker | None = None) -> pl.DataFrame:
    return pl.concat([block.rows for block in ranked_blocks(data, ranker)])  # type: ignore[arg-type]


def with_lists(data: FoldData, **changes: object) -> FoldData:
    """Returns the fold with other list settings, on the same stored candidates."""
    lists = data.night.settings.lists.model_copy(update=changes)
    settings = data.night.settings.model_copy(update={"lists": lists})
    return FoldData(replace(data.night, settings=settings), data.fold)


def test_everyone_with_a_history_who_let_it_has_a_list(data: FoldData) -> None:
    rows = rows_of(data)
    assert sorted(set(rows["user_num"])) == list(range(2, tiny_night.N_USERS))
    sizes = dict(rows.group_by("user_num").len().rows())
    assert sizes.pop(4) <= 2  # has touched all items but two
    assert set(sizes.values()) == {10}


def test_blocks_are_whole_users_in_order(data: FoldData) -> None:
    users = [block.users.tolist() for block in ranked_blocks(data, None)]
    assert users == [[2, 3, 4, 5, 6], [7, 8, 9, 10, 11], [12, 13, 14, 15]]
    rows = rows_of(data)
    assert rows["user_num"].is_sorted()
    ranks = rows.group_by("user_num", maintain_order=True).agg("rank")["rank"].to_list()
    assert all(rank == list(range(1, len(rank) + 1)) for rank in ranks)


def test_nothing_seen_gone_or_disliked_is_listed(data: FoldData) -> None:
    rows = rows_of(data)
    pairs = rows.select("user_num", "item_num").to_numpy()
    assert not np.asarray(data.history.seen[pairs[:, 0], pairs[:, 1]]).any()
    assert 0 not in rows["item_num"].to_list()
    comedies = set(range(0, tiny_night.N_ITEMS, 5))
    assert not comedies & set(rows.filter(user_num=3)["item_num"])
    assert comedies & set(rows.filter(pl.col("user_num") != 3)["item_num"])


def test_the_top_ten_keeps_the_cap_and_has_what_is_fresh(data: FoldData) -> None:
    rows = rows_of(data).filter(pl.col("user_num") != 4)
    counts = rows.filter(pl.col("item_num") != 2).group_by("user_num", pl.col("item_num") % 5).len()
    assert counts["len"].max() == 3
    stored = data.night.get("candidates").table(CANDIDATES, "release")
    proposed = set(stored.filter(item_num=1)["user_num"])
    got = set(rows.filter(item_num=1)["user_num"])
    dramas = rows.filter(pl.col("item_num") % 5 == 1).group_by("user_num").len()
    full = set(dramas.filter(len=3)["user_num"])
    assert got >= proposed - full - {4}
    assert len(got) > 3


def test_the_stage_is_stamped_on_every_row(data: FoldData) -> None:
    touched = data.history.n_touched
    found = dict(rows_of(data).select("user_num", "stage").unique().rows())
    assert found[2] == "cold"  # one dislike and nothing else
    for user, stage in found.items():
        if user != 2:
            assert stage == ("full" if touched[user] >= 10 else "blend")
    assert set(found.values()) == {"cold", "blend", "full"}


def test_the_order_before_rules_is_by_score_and_cut_at_the_same_length(data: FoldData) -> None:
    for block in ranked_blocks(data, FixedRanker()):
        assert block.order.group_by("user_num").len()["len"].max() == 10
        assert (
            block.order.group_by("user_num", maintain_order=True)
            .agg(pl.col("minus").is_sorted())["minus"]
            .all()
        )


def test_beyond_full_the_ranker_alone_orders(data: FoldData) -> None:
    plain = with_lists(data, max_category_share=1.0, fresh_share=0.0)
    for row in rows_of(plain, FixedRanker()).filter(stage="full").partition_by("user_num"):
        assert row["ranker_score"].is_sorted(descending=True)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_stops_the_night(data: FoldData, bad: float) -> None:
    with pytest.raises(TrainingDiverged, match="scores that are not finite in fold release"):
        rows_of(data, FixedRanker([0.5, bad, 0.25]))


def test_the_block_size_changes_nothing(data: FoldData) -> None:
    whole = rows_of(data).drop("candidate")
    for size in (1, 3, 100):
        assert_frame_equal(rows_of(with_lists(data, block_size=size)).drop("candidate"), whole)


def test_a_shorter_list_is_the_beginning_of_a_longer_one(data: FoldData) -> None:
    longer = rows_of(with_lists(data, length=25)).drop("candidate")
    assert longer["rank"].max() == 25
    assert_frame_equal(longer.filter(pl.col("rank") <= 10), rows_of(data).drop("candidate"))


def test_without_a_ranker_agreement_of_the_personal_sources_wins(data: FoldData) -> None:
    rows = rows_of(data)
    personal = {"als", "neighbours", "two_tower"}
    first = dict(rows.filter(rank=1).select("user_num", "sources").iter_rows())
    assert set(first.pop(2)) <= {"popularity", "category"}  # took to nothing: who could know them?
    assert all(len(personal & set(names)) >= 2 for names in first.values())


def test_fresh_and_category_are_read_from_the_items(data: FoldData) -> None:
    traits = item_traits(data)
    assert np.flatnonzero(traits.fresh).tolist() == [1]
    assert traits.category.tolist() == [
        -1 if item == 2 else item % 5 for item in range(tiny_night.N_ITEMS)
    ]
    assert not item_traits(with_lists(data, fresh_days=4)).fresh.any()
    assert item_traits(with_lists(data, fresh_days=5)).fresh.sum() == 1
    assert item_traits(with_lists(data, fresh_days=400)).fresh.all()


def test_fresh_is_what_came_out_else_became_available_else_was_seen(data: FoldData) -> None:
    recent, old = toy.BEFORE_US - DAY_US, toy.BEFORE_US - 100 * DAY_US
    other = FoldData(data.night, data.fold)
    born = [
        (recent, old, old), (old, recent, recent), (None, recent, old), (None, None, recent),
        (None, None, None),
    ]  # fmt: skip
    names = ("released_us", "available_from_us", "first_event_us")
    other.__dict__["items"] = data.items.head(5).with_columns(
        pl.Series(name, [row[place] for row in born], dtype=pl.Int64)
        for place, name in enumerate(names)
    )
    assert np.flatnonzero(item_traits(other).fresh).tolist() == [0, 2, 3]


def test_the_top_matrix_pads_short_lists() -> None:
    rows = pl.DataFrame({"user_num": [3, 3, 3, 7, 9], "item_num": [5, 1, 4, 8, 0]})
    users = np.array([3, 5, 7, 9], np.int32)
    assert top_matrix(rows, users, 2).tolist() == [[5, 1], [-1, -1], [8, -1], [0, -1]]
    assert top_matrix(rows, users, 3)[:, :2].tolist() == top_matrix(rows, users, 2).tolist()
    assert top_matrix(rows.clear(), users, 2).tolist() == [[-1, -1]] * 4


def of_source(data: FoldData, name: str) -> pl.DataFrame:
    return pl.concat([rows for _, rows in source_blocks(data, name)])


def proposed(data: FoldData, name: str) -> pl.DataFrame:
    stored = data.night.get("candidates").table(CANDIDATES, data.fold.name)
    kept = stored.filter(pl.col(f"{name}_rank") > 0)
    return kept.sort("user_num", f"{name}_rank").select("user_num", "item_num")


@pytest.mark.parametrize("name", ["popularity", "als", "two_tower"])
def test_a_source_alone_keeps_its_order_where_no_rule_speaks(data: FoldData, name: str) -> None:
    free = with_lists(data, max_category_share=1.0, fresh_share=0.0)
    found = of_source(free, name).select("user_num", "item_num")
    wanted = proposed(data, name)
    disliker = pl.col("user_num") == 3  # dislikes Comedy
    assert_frame_equal(found.filter(~disliker), wanted.filter(~disliker))
    assert found.filter(disliker).height < wanted.filter(disliker).height


def test_a_source_alone_is_under_the_same_cap(data: FoldData) -> None:
    rows = of_source(with_lists(data, max_category_share=0.3, fresh_share=0.0), "popularity")
    category = item_traits(data).category[rows["item_num"].to_numpy()]
    counted = (
        rows.with_columns(category=category, exempt=category < 0)
        .group_by("user_num", "category", "exempt")
        .agg(n=pl.len(), n_top=(pl.col("place") <= 10).sum())
        .with_columns(room=pl.when("exempt").then("n").otherwise(pl.col("n").clip(upper_bound=3)))
        .with_columns(enough=pl.col("room").sum().over("user_num") >= 10)
    )
    capped = counted.filter("enough", ~pl.col("exempt"))
    assert capped["user_num"].n_unique() > 3
    assert capped["n_top"].max() == 3
    assert rows["rule_category_cap"].any()
