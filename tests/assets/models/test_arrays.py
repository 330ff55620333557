from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.models.arrays import History, Numbering, available
from core.days import DAY_US
from core.schemas import INTERACTIONS, ITEMS
from core.store import Plan, Store
from tests import tiny_night, toy

NUMBERING = Numbering(pl.Series(["ann", "ben", "cai"]), pl.Series(["a", "b", "c", "d"]))


def test_numbers_are_the_rows_of_users_and_items(tmp_path: Path) -> None:
    night = tiny_night.tables_only(tmp_path)
    numbering = Numbering.read(night.get("users"), night.get("items"))
    assert numbering.shape == (tiny_night.N_USERS, tiny_night.N_ITEMS)
    assert numbering.user_ids.to_list() == tiny_night.USER_IDS
    assert numbering.item_ids.to_list() == tiny_night.ITEM_IDS


def test_known_ids_are_numbered_in_the_order_of_the_rows_and_others_left_out() -> None:
    rows = pl.DataFrame(
        {
            "user_id": ["cai", "who", "ann", "ann", "ben"],
            "item_id": ["d", "a", "what", "a", "c"],
            "x": [1, 2, 3, 4, 5],
        }
    )
    found = NUMBERING.number(rows)
    assert found.select("user_num", "item_num", "x").rows() == [(2, 3, 1), (0, 0, 4), (1, 2, 5)]
    assert (found["user_num"].dtype, found["item_num"].dtype) == (pl.Int32, pl.Int32)
    assert NUMBERING.number(rows.select("item_id")).columns == ["item_id", "item_num"]
    assert NUMBERING.number(rows.clear()).is_empty()


def test_a_column_is_looked_up_by_number() -> None:
    rows = pl.DataFrame({"item_id": ["c", "a", "zz"], "n": [7, None, 9]})
    found = NUMBERING.item_lookup(rows, "n")
    assert found.tolist() == [0, 0, 7, 0]
    assert found.dtype == np.float32
    assert NUMBERING.item_lookup(rows, "n", default=-1).tolist() == [-1, -1, 7, -1]
    flags = pl.DataFrame({"user_id": ["ben"], "yes": [True]})
    assert NUMBERING.user_lookup(flags, "yes").tolist() == [0, 1, 0]


def history(tmp_path: Path, rows: list[tuple[str, str, int]]) -> History:
    store = Store(tmp_path)
    plan = Plan("interactions", "2024-03-10", {}, {}, 1)
    staging = store.begin(plan)
    pairs = [
        {
            "user_id": user, "item_id": item, "weight_micro": micro, "n_events": 1,
            "n_negative": 0, "last_us": 0,
        }
        for user, item, micro in rows
    ]  # fmt: skip
    staging.write_table(toy.rows_of(INTERACTIONS, pairs), INTERACTIONS, "release")
    return History.read(store.commit(plan, staging), "release", NUMBERING)


def test_positive_pairs_weigh_and_every_touched_pair_is_seen(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        [
            ("ann", "a", 2_500_000), ("ann", "b", -4_000_000), ("ann", "d", 0), ("ben", "c", 1),
            ("who", "a", 5), ("cai", "zz", 5),
        ],
    )  # fmt: skip
    assert found.weights.toarray().tolist() == [
        [2.5, 0, 0, 0],
        [0, 0, np.float32(1e-6), 0],
        [0, 0, 0, 0],
    ]
    assert found.weights.dtype == np.float32
    assert found.seen.toarray().tolist() == [
        [True, True, False, True],
        [False, False, True, False],
        [False] * 4,
    ]
    assert found.n_positive.tolist() == [1, 1, 0]
    assert found.n_touched.tolist() == [3, 1, 0]
    assert found.weights.has_sorted_indices
    assert found.seen.has_sorted_indices


def test_no_history_is_empty_matrices(tmp_path: Path) -> None:
    found = history(tmp_path, [])
    assert found.weights.shape == found.seen.shape == (3, 4)
    assert found.weights.nnz == found.seen.nnz == 0


@pytest.mark.parametrize(
    ("until_days", "there"), [(None, True), (1, True), (0, False), (-1, False)]
)
def test_an_item_is_available_until_the_first_moment_it_is_not(
    until_days: int | None, there: bool
) -> None:
    until = None if until_days is None else toy.BEFORE_US + until_days * DAY_US
    items = toy.rows_of(ITEMS, [{"item_id": "b", "available_until_us": until}])
    found = available(items, NUMBERING, toy.BEFORE_US)
    assert found.tolist() == [False, there, False, False]


def test_an_item_that_the_fold_does_not_know_is_not_available() -> None:
    items = toy.rows_of(ITEMS, [{"item_id": "c"}, {"item_id": "zz"}])
    assert available(items, NUMBERING, toy.BEFORE_US).tolist() == [False, False, True, False]
