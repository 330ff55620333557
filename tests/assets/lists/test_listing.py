import json

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.lists.listing import ItemTraits, blended, build_lists, stages
from assets.models.sources import Block
from core.list_settings import ListSettings
from core.schemas import SOURCES

N_ITEMS = 120
SETTINGS = ListSettings(length=10)


def a_block(seed: int, users: int = 4, size: int = 40) -> Block:
    """Returns candidates of some users, by user and item, with ties among the scores."""
    draw = np.random.default_rng(seed)
    rows = np.repeat(np.arange(users, dtype=np.int32), size)
    items = np.concatenate([np.sort(draw.permutation(N_ITEMS)[:size]) for _ in range(users)])
    ranks = draw.integers(0, 9, (users * size, len(SOURCES))).astype(np.int32)
    ranks[:, 0] += (ranks.sum(axis=1) == 0).astype(np.int32)
    return Block(
        users=np.arange(users, dtype=np.int32) * 3 + 2,
        rows=rows,
        items=items.astype(np.int32),
        ranks=ranks,
        scores=draw.normal(size=ranks.shape).astype(np.float32),
    )


def some_traits(seed: int) -> ItemTraits:
    draw = np.random.default_rng(seed)
    category = draw.integers(-1, 6, N_ITEMS).astype(np.int32)
    return ItemTraits(category, draw.random(N_ITEMS) < 0.1)


def plain_traits() -> ItemTraits:
    return ItemTraits(np.full(N_ITEMS, -1, np.int32), np.zeros(N_ITEMS, bool))


def lists_of(block: Block, seed: int = 1, settings: ListSettings = SETTINGS) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    n = len(block.items)
    scores = draw.integers(0, 15, n) / 8.0
    seeds = draw.integers(-1, N_ITEMS, n).astype(np.int32), draw.random(n).astype(np.float32)
    return build_lists(
        block, scores, scores * 2, seeds, draw.random(n) < 0.1, some_traits(seed), settings
    )


def part(block: Block, keep: np.ndarray, order: np.ndarray | None = None) -> Block:
    """Returns a block of some candidates, in another order."""
    chosen = np.flatnonzero(keep) if order is None else order[keep[order]]
    users, rows = np.unique(block.user_nums[chosen], return_inverse=True)
    return Block(
        users, rows.astype(np.int32), block.items[chosen], block.ranks[chosen], block.scores[chosen]
    )


@pytest.mark.parametrize(
    ("n_touched", "n_positive", "expected"),
    [
        (0, 0, "cold"), (1, 0, "cold"), (1, 1, "blend"), (9, 1, "blend"), (9, 9, "blend"),
        (10, 10, "full"), (10, 1, "full"), (10, 0, "cold"), (500, 0, "cold"), (500, 500, "full"),
    ],
)  # fmt: skip
def test_the_stage_boundaries(n_touched: int, n_positive: int, expected: str) -> None:
    assert stages(np.array([n_touched]), np.array([n_positive]), 10).tolist() == [expected]


def weight_of_content(n_touched: int, settings: ListSettings) -> float:
    """Returns how far the content order moves a candidate, as a share of the ranker's."""
    best_by_ranker, best_by_content = np.array([1.0, 0.0]), np.array([0.0, 1.0], np.float32)
    rows = np.zeros(2, np.int32)
    both = blended(best_by_ranker, best_by_content, rows, np.array([n_touched]), settings)
    # Two candidates stand at 3/4 and 1/4: (1 − w) · 1/4 + w · 3/4 for the second.
    return float((both[1] - 0.25) / 0.5)


@pytest.mark.parametrize(
    ("n_touched", "share"), [(1, 1.0), (4, 6 / 9), (9, 1 / 9), (10, 0.0), (11, 0.0), (1000, 0.0)]
)
def test_the_weight_of_content_falls_from_one_interaction_to_full(
    n_touched: int, share: float
) -> None:
    settings = ListSettings(content_weight=0.4, full_from_interactions=10)
    assert weight_of_content(n_touched, settings) == pytest.approx(0.4 * share)


@pytest.mark.parametrize("full", [1, 2])
def test_a_short_way_to_full_is_no_division_by_zero(full: int) -> None:
    settings = ListSettings(content_weight=0.4, full_from_interactions=full)
    assert weight_of_content(full, settings) == 0
    assert weight_of_content(0, settings) == pytest.approx(0.4)


def test_scores_blend_places_not_numbers() -> None:
    settings = ListSettings(content_weight=0.5, full_from_interactions=10)
    rows = np.array([0, 0, 0, 0, 1], np.int32)
    ranker = np.array([900.0, -5.0, 3.0, 2.0, 7.0])
    content = np.array([0.1, 0.9, 0.2, 0.8, 0.0], np.float32)
    found = blended(ranker, content, rows, np.array([1, 1]), settings)
    by_ranker, by_content = [0.875, 0.125, 0.625, 0.375], [0.125, 0.875, 0.375, 0.625]
    expected = [(a + b) / 2 for a, b in zip(by_ranker, by_content, strict=True)]
    assert found.tolist() == pytest.approx([*expected, 0.5])
    again = blended(ranker**3, content * 7, rows, np.array([1, 1]), settings)
    assert again.tolist() == found.tolist()


def test_equal_content_leaves_the_rankers_order() -> None:
    """Where a catalogue says nothing of content, the items' numbers must not decide."""
    draw = np.random.default_rng(7)
    ranker, rows = draw.normal(size=200), np.repeat(np.arange(2, dtype=np.int32), 100)
    settings = ListSettings(content_weight=1.0, full_from_interactions=10)
    found = blended(ranker, np.zeros(200, np.float32), rows, np.array([2, 5]), settings)
    for user in range(2):
        mine = rows == user
        assert np.argsort(found[mine]).tolist() == np.argsort(ranker[mine]).tolist()


def test_equal_scores_stay_equal() -> None:
    rows = np.zeros(5, np.int32)
    ranker = np.array([1.0, 2.0, 2.0, 2.0, 3.0])
    found = blended(ranker, np.zeros(5, np.float32), rows, np.array([50]), ListSettings())
    assert found.tolist() == pytest.approx([0.1, 0.5, 0.5, 0.5, 0.9])


def test_shuffled_candidates_get_the_same_scores() -> None:
    draw = np.random.default_rng(3)
    rows = np.repeat(np.arange(5, dtype=np.int32), 30)
    ranker, content = draw.integers(0, 9, 150) / 2.0, draw.integers(0, 4, 150).astype(np.float32)
    touched = np.array([1, 3, 9, 10, 40])
    found = blended(ranker, content, rows, touched, ListSettings())
    order = np.lexsort((draw.random(150), rows))
    again = blended(ranker[order], content[order], rows, touched, ListSettings())
    assert again.tolist() == found[order].tolist()


def test_nobody_to_blend_for() -> None:
    none = np.zeros(0)
    found = blended(
        none, none.astype(np.float32), none.astype(np.int32), none.astype(np.int64), SETTINGS
    )
    assert found.tolist() == []


def test_a_list_row_says_who_proposed_it_and_what_moved_it() -> None:
    block = Block(
        users=np.array([4], np.int32),
        rows=np.zeros(3, np.int32),
        items=np.array([7, 8, 9], np.int32),
        ranks=np.array([[3, 0, 1, 0, 1], [0, 0, 0, 2, 0], [1, 2, 3, 4, 5]], np.int32),
        scores=np.array(
            [[0.5, 9, 1.25, 9, -2], [9, 9, 9, 0.123456, 9], [1, 2, 3, 4, 5]], np.float32
        ),
    )
    seeds = np.array([1, -1, 2], np.int32), np.array([0.5, 0.0, 0.25], np.float32)
    found = build_lists(
        block, np.array([0.2, 0.9, 0.5]), np.array([2.0, 9.0, 5.0]), seeds, np.zeros(3, bool),
        plain_traits(), SETTINGS,
    )  # fmt: skip
    assert found.select("user_num", "rank", "item_num", "score", "ranker_score").rows() == [
        (4, 1, 8, 0.9, 9.0), (4, 2, 9, 0.5, 5.0), (4, 3, 7, 0.2, 2.0),
    ]  # fmt: skip
    assert found.select("seed_num", "seed_contribution").rows() == [(-1, 0.0), (2, 0.25), (1, 0.5)]
    assert found["sources"].to_list() == [
        ["neighbours"],
        ["popularity", "category", "als", "neighbours", "two_tower"],
        ["als", "two_tower", "popularity"],
    ]
    assert [json.loads(text) for text in found["source_scores"]] == [
        {"neighbours": pytest.approx(0.12346)},
        {"popularity": 1, "category": 2, "als": 3, "neighbours": 4, "two_tower": 5},
        {"popularity": 0.5, "als": 1.25, "two_tower": -2},
    ]
    assert found["rules"].to_list() == [[], [], []]


@pytest.mark.parametrize("value", [1e-9, -3e-7, 1e20, 123456.789, 0.0, -0.0, 1 / 3])
def test_every_finite_score_is_valid_json(value: float) -> None:
    block = Block(
        np.array([0], np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32),
        np.ones((1, len(SOURCES)), np.int32), np.full((1, len(SOURCES)), value, np.float32),
    )  # fmt: skip
    one = np.zeros(1)
    seeds = np.zeros(1, np.int32), np.zeros(1, np.float32)
    found = build_lists(block, one, one, seeds, np.zeros(1, bool), plain_traits(), SETTINGS)
    read = json.loads(found["source_scores"][0])
    assert list(read) == list(SOURCES)
    assert read["als"] == pytest.approx(value, rel=1e-6, abs=6e-6)


def test_rules_are_named_on_the_rows_that_they_moved() -> None:
    n = 13
    block = Block(
        users=np.array([0], np.int32),
        rows=np.zeros(n, np.int32),
        items=np.arange(n, dtype=np.int32),
        ranks=np.ones((n, len(SOURCES)), np.int32),
        scores=np.zeros((n, len(SOURCES)), np.float32),
    )
    # Four of one category lead; the last item is fresh.
    traits = ItemTraits(
        np.array([0, 0, 0, 0, *[-1] * (N_ITEMS - 4)], np.int32), np.arange(N_ITEMS) == n - 1
    )
    seeds = np.full(n, -1, np.int32), np.zeros(n, np.float32)
    scores = -np.arange(n, dtype=np.float64)
    found = build_lists(
        block, scores, scores, seeds, np.zeros(n, bool), traits, ListSettings(length=12)
    )
    assert found["item_num"].to_list() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 12, 10, 3]
    rules = dict(found.select("item_num", "rules").rows())
    assert {item: rule for item, rule in rules.items() if rule} == {
        12: ["fresh_slot"], 3: ["category_cap"],
    }  # fmt: skip


def test_disliked_items_are_on_no_list() -> None:
    block = a_block(2)
    disliked = np.arange(len(block.items)) % 2 == 0
    disliked[block.rows == 3] = True
    zero = np.zeros(len(block.items))
    seeds = zero.astype(np.int32), zero.astype(np.float32)
    found = build_lists(block, zero, zero, seeds, disliked, plain_traits(), SETTINGS)
    gone = set(zip(block.user_nums[disliked], block.items[disliked], strict=True))
    assert not gone & set(found.select("user_num", "item_num").rows())
    assert found["user_num"].unique().sort().to_list() == [2, 5, 8]  # the last one has nothing left


def test_lists_are_as_long_as_asked_and_a_short_one_begins_the_long_one() -> None:
    block = a_block(3)
    ten, thirty = (lists_of(block, settings=ListSettings(length=k)) for k in (10, 30))
    assert thirty.group_by("user_num").len()["len"].to_list() == [30] * 4
    assert_frame_equal(thirty.filter(pl.col("rank") <= 10), ten)
    assert lists_of(block, settings=ListSettings(length=500)).height <= len(block.items)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_candidates_changes_nothing(seed: int) -> None:
    block = a_block(seed)
    n = len(block.items)
    draw = np.random.default_rng(seed)
    order = draw.permutation(n)
    columns = draw.integers(0, 9, n) / 4.0, draw.normal(size=n), draw.random(n) < 0.1
    seeds = draw.integers(-1, 9, n).astype(np.int32), draw.random(n).astype(np.float32)
    whole = build_lists(block, columns[0], columns[1], seeds, columns[2], some_traits(1), SETTINGS)
    mixed = Block(
        block.users, block.rows[order], block.items[order], block.ranks[order], block.scores[order]
    )
    again = build_lists(
        mixed, columns[0][order], columns[1][order], (seeds[0][order], seeds[1][order]),
        columns[2][order], some_traits(1), SETTINGS,
    )  # fmt: skip
    assert_frame_equal(again.drop("candidate"), whole.drop("candidate"))


def test_another_users_rows_change_no_list() -> None:
    block = a_block(4)
    n = len(block.items)
    draw = np.random.default_rng(1)
    scores = draw.normal(size=n)
    seeds = np.zeros(n, np.int32), np.zeros(n, np.float32)
    whole = build_lists(block, scores, scores, seeds, scores > 1, some_traits(1), SETTINGS)
    mine = block.rows == 2
    alone = build_lists(
        part(block, mine), scores[mine], scores[mine], (seeds[0][mine], seeds[1][mine]),
        scores[mine] > 1, some_traits(1), SETTINGS,
    )  # fmt: skip
    other = np.where(mine, scores, -3 * scores)
    changed = build_lists(block, other, other, seeds, scores > 1, some_traits(1), SETTINGS)
    expected = whole.filter(user_num=8).drop("candidate")
    assert expected.height == 10
    assert_frame_equal(alone.drop("candidate"), expected)
    assert_frame_equal(changed.filter(user_num=8).drop("candidate"), expected)
