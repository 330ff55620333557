"""Aggregates of two releases' tables against a second implementation in plain Python."""

from collections import Counter

import numpy as np
import polars as pl
import pytest

from core.schemas import ITEMS, LISTS
from core.tables import write_table
from serving.table_changes import item_changes, row_shares
from tests.toy import rows_of

SOURCES, RULES, REASONS = ("als", "neighbours", "two_tower"), ("cap", "fresh"), ("a", "b", "c")


def random_rows(source):
    """Returns rows of LISTS with any sources, rules and reasons; forty items, each once a list."""
    items = [f"i{n:02}" for n in range(40)]
    return [
        {
            "user_id": f"u{user:02}", "rank": rank, "item_id": item, "score": 1.0, "stage": "full",
            "sources": [name for name in SOURCES if source.random() < 0.5],
            "source_scores": "{}", "rules": [name for name in RULES if source.random() < 0.2],
            "reason_type": str(source.choice(REASONS)), "explanation_key": item,
            "item_num": 0, "reason_num": 0,
        }
        for user in range(30)
        for rank, item in enumerate(source.permutation(items)[: int(source.integers(1, 12))], 1)
    ]  # fmt: skip


@pytest.fixture
def sides(tmp_path):
    source = np.random.default_rng(5)
    rows = [random_rows(source), random_rows(source)]
    paths = (tmp_path / "before", tmp_path / "after")
    for side, path in zip(rows, paths, strict=True):
        write_table(rows_of(LISTS, side), LISTS, path)
    return rows, paths


def plain_shares(rows, names_of):
    counts = Counter(name for row in rows for name in names_of(row))
    return {name: n / len(rows) for name, n in counts.items()}


def test_shares_agree_with_plain_python(sides):
    rows, paths = sides
    found = row_shares(*paths)
    readers = {
        "by_source": lambda row: row["sources"],
        "by_reason_type": lambda row: [row["reason_type"]],
        "by_rule": lambda row: row["rules"],
    }
    assert found.keys() == readers.keys()
    for name, names_of in readers.items():
        for side, of_side in zip(("before", "after"), rows, strict=True):
            told = {one: shares[side] for one, shares in found[name].items()}
            assert told == pytest.approx(plain_shares(of_side, names_of), abs=1e-12)
    assert sum(s["after"] for s in found["by_reason_type"].values()) == pytest.approx(1)


def test_items_agree_with_plain_python(sides, tmp_path):
    rows, paths = sides
    titles = {
        side: {f"i{n:02}": f"{side} {n}" for n in range(40) if (n % 4 != 0 or side == "old")}
        for side in ("old", "new")
    }
    items = (tmp_path / "old", tmp_path / "new")
    for side, path in zip(("old", "new"), items, strict=True):
        catalogue = [
            {"item_id": i, "title": t, "in_catalogue": True} for i, t in titles[side].items()
        ]
        write_table(rows_of(ITEMS, catalogue), ITEMS, path)
    before, after = (Counter(row["item_id"] for row in side) for side in rows)
    change = {item: after[item] - before[item] for item in before | after}
    found = item_changes(paths, items)
    assert (found["before"], found["after"]) == (len(before), len(after))
    assert found["came_in"] == len(after.keys() - before.keys())
    assert found["went_out"] == len(before.keys() - after.keys())
    for way, sign in (("gained", 1), ("lost", -1)):
        order = sorted(
            (i for i in change if sign * change[i] > 0), key=lambda i: (-sign * change[i], i)
        )
        assert len(order) > 10
        assert found[way] == [
            {
                "item_id": item, "title": titles["new"].get(item, titles["old"][item]),
                "before": before[item], "after": after[item],
            }
            for item in order[:10]
        ]  # fmt: skip


def test_equal_numbers_are_told_by_id(tmp_path):
    rows = [
        {**random_rows(np.random.default_rng(1))[0], "rank": n, "item_id": f"i{n}"}
        for n in range(1, 4)
    ]
    write_table(rows_of(LISTS, rows), LISTS, tmp_path / "after")
    write_table(rows_of(LISTS, []), LISTS, tmp_path / "before")
    write_table(rows_of(ITEMS, []), ITEMS, tmp_path / "items")
    found = item_changes((tmp_path / "before", tmp_path / "after"), (tmp_path / "items",) * 2)
    assert [row["item_id"] for row in found["gained"]] == ["i1", "i2", "i3"]
    assert [row["title"] for row in found["gained"]] == [None] * 3


def test_no_rows_have_no_shares(tmp_path):
    write_table(pl.DataFrame(schema=LISTS.polars), LISTS, tmp_path / "empty")
    assert row_shares(tmp_path / "empty", tmp_path / "empty") == {
        "by_source": {}, "by_reason_type": {}, "by_rule": {},
    }  # fmt: skip
