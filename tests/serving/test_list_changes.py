"""Changed lists against a second implementation in plain Python, and by hand."""

import doctest
from collections import Counter

import numpy as np
import polars as pl
import pytest

import core.tables
import serving.list_changes
import serving.sorted_blocks
from core.schemas import LISTS
from core.tables import write_table
from serving.list_changes import TOP, compare_lists


def written(path, lists):
    """Writes lists, given as items by user, as LISTS; returns the file."""
    rows = [
        {
            "user_id": user, "rank": rank, "item_id": item, "score": 0.5, "stage": "full",
            "sources": ["als"], "source_scores": "{}", "rules": [], "reason_type": "popular",
            "explanation_key": item, "item_num": 0, "reason_num": 0,
        }
        for user, items in lists.items()
        for rank, item in enumerate(items, 1)
    ]  # fmt: skip
    frame = pl.DataFrame(
        [{name: row.get(name) for name in LISTS.names} for row in rows], schema=LISTS.polars
    )
    write_table(frame, LISTS, path)
    return path


def compared(folder, before, after):
    return compare_lists(written(folder / "before", before), written(folder / "after", after))


def jaccard(before, after):
    first, second = set(before[:TOP]), set(after[:TOP])
    return len(first & second) / len(first | second)


def random_lists(source):
    items = [f"i{n:02}" for n in range(25)]
    return {
        f"u{n:03}": source.permutation(items)[: int(source.integers(1, 16))].tolist()
        for n in range(150)
        if source.random() < 0.8
    }


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_plain_python_however_the_blocks_are_cut(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(core.tables, "ROW_GROUP", 7)
    monkeypatch.setattr(serving.sorted_blocks, "ROW_GROUPS", 3)
    source = np.random.default_rng(seed)
    before, after = random_lists(source), random_lists(source)
    for user in list(before)[::4]:  # some keep their list, some the same items in another order
        after[user] = before[user]
    for user in list(before)[1::9]:
        after[user] = before[user][::-1]
    found = compared(tmp_path, before, dict(sorted(after.items())))
    both = sorted(before.keys() & after.keys())
    assert (found.n_before, found.n_after, found.n_in_both) == (len(before), len(after), len(both))
    assert found.n_changed == sum(before[user] != after[user] for user in both)
    overlaps = {user: jaccard(before[user], after[user]) for user in both}
    assert found.mean_overlap == pytest.approx(sum(overlaps.values()) / len(both), abs=1e-9)
    in_common = Counter(len(set(before[u][:TOP]) & set(after[u][:TOP])) for u in both)
    assert found.by_in_common() == [in_common[n] for n in range(11)]
    largest = sorted(both, key=lambda user: (overlaps[user], user))[:10]
    assert found.largest["user_id"].to_list() == largest
    common = [len(set(before[u][:TOP]) & set(after[u][:TOP])) for u in largest]
    assert found.largest["n_common"].to_list() == common


def test_a_list_in_another_order_has_changed_and_overlaps_wholly(tmp_path):
    found = compared(tmp_path, {"ann": ["a", "b"], "ben": ["c"]}, {"ann": ["b", "a"], "ben": ["c"]})
    assert (found.n_changed, found.mean_overlap) == (1, 1.0)


def test_what_stands_behind_the_tenth_place_changes_the_list_and_not_the_overlap(tmp_path):
    ten = [f"t{n}" for n in range(TOP)]
    found = compared(
        tmp_path,
        {"ann": [*ten, "x"], "ben": [*ten, "x"], "cai": ten},
        {"ann": [*ten, "y"], "ben": ten, "cai": [*ten, "y"]},
    )
    assert (found.n_changed, found.mean_overlap) == (3, 1.0)


def test_who_is_in_one_release_only_counts_nowhere_else(tmp_path):
    found = compared(tmp_path, {"ann": ["a"], "ben": ["b"]}, {"ben": ["b"], "cai": ["c"]})
    assert (found.n_before, found.n_after, found.n_in_both, found.n_changed) == (2, 2, 1, 0)
    assert found.largest["user_id"].to_list() == ["ben"]


@pytest.mark.parametrize(("before", "after"), [({}, {}), ({"ann": ["a"]}, {"ben": ["b"]})])
def test_nobody_in_both_is_no_number(tmp_path, before, after):
    found = compared(tmp_path, before, after)
    assert found.mean_overlap is None
    assert found.by_in_common() == [0] * 11
    assert found.largest.height == 0


def test_an_item_counts_once_in_a_list(tmp_path):
    found = compared(tmp_path, {"ann": ["a", "a", "b"]}, {"ann": ["a", "c"]})
    assert found.overlaps == {(1, 3): 1}


def test_the_doctests_hold():
    assert doctest.testmod(serving.list_changes).failed == 0
