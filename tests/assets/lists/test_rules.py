"""The rules: examples written out, and what must hold of any block."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.lists.rules import (
    RULES,
    TOP,
    category_cap,
    fresh_slot,
    in_order,
    ranked,
    without_disliked,
)

SEEDS = range(40)


def block(categories: str, *, fresh: str = "", user: int = 0) -> pl.DataFrame:
    """Returns one user's ranked block: a letter an item, `.` for no category; `x` marks fresh."""
    n = len(categories)
    return ranked(
        pl.DataFrame(
            {
                "user_num": np.full(n, user, np.int32),
                "item_num": np.arange(n, dtype=np.int32),
                "score": -np.arange(n, dtype=np.float64),
                "category_num": np.array(
                    [-1 if c == "." else ord(c) for c in categories], np.int32
                ),
                "is_fresh": [mark == "x" for mark in fresh.ljust(n)],
                "disliked": [False] * n,
            }
        )
    )


def random_block(seed: int, *, n_categories: int = 6) -> pl.DataFrame:
    """Returns some users' candidates, 0 to 60 each, in no order, with ties among the scores."""
    draw = np.random.default_rng(seed)
    users = np.repeat(np.arange(8, dtype=np.int32), draw.integers(0, 61, 8))
    n = len(users)
    items = np.concatenate(
        [draw.permutation(200)[:size] for size in np.bincount(users, minlength=8)]
    )
    frame = pl.DataFrame(
        {
            "user_num": users,
            "item_num": items.astype(np.int32),
            "score": draw.integers(0, 20, n) / 4.0,
            "category_num": _categories(draw, n, n_categories),
            "is_fresh": draw.random(n) < 0.15,
            "disliked": draw.random(n) < 0.1,
        }
    )
    return frame.sample(fraction=1, shuffle=True, seed=seed)


def _categories(draw: np.random.Generator, n: int, n_categories: int) -> np.ndarray:
    """Returns category numbers, the low ones frequent; −1, for none, is the rarest."""
    weights = 1.0 / np.arange(1, n_categories + 1)
    drawn = draw.choice(n_categories, n, p=weights / weights.sum())
    return np.where(drawn == n_categories - 1, -1, drawn).astype(np.int32)


def items(frame: pl.DataFrame, user: int = 0) -> list[int]:
    return frame.filter(user_num=user).sort("place")["item_num"].to_list()


def marked(frame: pl.DataFrame, rule: str) -> list[int]:
    return sorted(frame.filter(pl.col(f"rule_{rule}"))["item_num"])


def top_counts(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns how many items of each category stand in each user's top ten."""
    top = frame.filter(pl.col("place") <= TOP, pl.col("category_num") >= 0)
    return top.group_by("user_num", "category_num").len()


def users_who_can_be_capped(frame: pl.DataFrame, limit: int) -> list[int]:
    """Returns the users with ten items that respect the cap: for others it cannot be kept."""
    exempt = frame.filter(category_num=-1).group_by("user_num").len()
    others = (
        frame.filter(pl.col("category_num") >= 0)
        .group_by("user_num", "category_num")
        .agg(len=pl.min_horizontal(pl.len(), pl.lit(limit, pl.UInt32)))
        .select("user_num", "len")
    )
    room = pl.concat([exempt, others]).group_by("user_num").agg(pl.col("len").sum())
    return room.filter(pl.col("len") >= TOP)["user_num"].to_list()


def all_rules(frame: pl.DataFrame, share: float = 0.1, cap: float = 0.3) -> pl.DataFrame:
    return fresh_slot(category_cap(without_disliked(ranked(frame)), cap), share, cap)


def test_ranking_is_by_score_then_item_and_user_by_user() -> None:
    frame = pl.DataFrame(
        {
            "user_num": [1, 0, 0, 0, 1],
            "item_num": [5, 9, 3, 7, 2],
            "score": [1.0, 0.5, 0.5, 2.0, -0.0],
        }
    )
    found = ranked(frame)
    assert found.select("user_num", "item_num", "place").rows() == [
        (0, 7, 1), (0, 3, 2), (0, 9, 3), (1, 5, 1), (1, 2, 2),
    ]  # fmt: skip
    assert found["place"].dtype == pl.Int32
    assert not found.select(pl.any_horizontal(f"rule_{name}" for name in RULES)).to_series().any()


def test_zero_has_one_sign() -> None:
    frame = pl.DataFrame({"user_num": [0, 0], "item_num": [2, 1], "score": [0.0, -0.0]})
    assert items(ranked(frame)) == [1, 2]


def test_disliked_items_are_gone_and_places_close_up() -> None:
    frame = block("aabb").with_columns(disliked=pl.Series([False, True, False, True]))
    found = without_disliked(frame)
    assert found.select("item_num", "place").rows() == [(0, 1), (2, 2)]
    gone = without_disliked(frame.with_columns(disliked=pl.lit(True)))
    assert gone.is_empty()
    assert gone.columns == frame.columns


@pytest.mark.parametrize(
    ("categories", "expected", "moved"),
    [
        # Within the cap nothing moves.
        ("aaabbbcccd" + "ab", list(range(12)), []),
        # The fourth and fifth a go directly behind the tenth place, in their order.
        ("aaaaabbcccdde", [0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 3, 4, 12], [3, 4]),
        # Items without a category are exempt.
        ("." * 12, list(range(12)), []),
        (".....aaaa.b", [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 8], [8]),
        # Too few others: the capped ones fill up the top ten.
        ("aaaaaaaaaaaa", list(range(12)), []),
        ("aaaaaaab", [0, 1, 2, 7, 3, 4, 5, 6], []),
        # What stands behind the tenth place anyhow keeps its order there.
        ("aaabbbcccdaaab", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], []),
        ("", [], []),
        ("a", [0], []),
    ],
)
def test_the_category_cap(categories: str, expected: list[int], moved: list[int]) -> None:
    found = category_cap(block(categories), 0.3)
    assert items(found) == expected
    assert marked(found, "category_cap") == moved
    assert marked(found, "fresh_slot") == []
    assert found.columns == block(categories).columns


def test_the_cap_is_a_setting() -> None:
    assert items(category_cap(block("aabcdefghijk"), 0.1)) == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 11]
    assert items(category_cap(block("aaaaaaaaaaab"), 1.0)) == list(range(12))
    # 0.29 · 10 is 2.9: two at most; 0.3 · 10 must not become 2.9999.
    assert items(category_cap(block("aaabcdefghijk"), 0.29))[:3] == [0, 1, 3]
    assert items(category_cap(block("aaabcdefghijk"), 0.3))[:3] == [0, 1, 2]


@pytest.mark.parametrize(
    ("categories", "fresh", "share", "expected", "lifted"),
    [
        # One wanted, one in the top ten already.
        ("abcdefghijkl", "    x      x", 0.1, list(range(12)), []),
        # The best fresh item outside takes the tenth place.
        ("abcdefghijklm", "           xx", 0.1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 9, 10, 12], [11]),
        # Nothing fresh, nothing wanted, nothing outside.
        ("abcdefghijkl", "", 0.1, list(range(12)), []),
        ("abcdefghijkl", "           x", 0.0, list(range(12)), []),
        ("abcdefghi", "", 0.3, list(range(9)), []),
        # Its category is full: the next fresh one is lifted, and the exempt one always may be.
        ("aaabcdefghabz", "          x x", 0.1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 9, 10, 11], [12]),
        ("aaabcdefgha.", "          xx", 0.1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 9, 10], [11]),
        ("aaabcdefgha", "          x", 0.1, list(range(11)), []),
        # Two wanted: a fresh item in the tenth place is not the one to go.
        ("abcdefghijkl", "         x x", 0.2, [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 8, 10], [11]),
        # Two wanted of one category with room for one.
        ("aabcdefghiaak", "          xx ", 0.2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 11, 12], [10]),
        # All wanted.
        ("abcdefghijklmn", " " * 10 + "xxxx", 1.0, [*range(6), *range(10, 14), *range(6, 10)],
         [10, 11, 12, 13]),
    ],
)  # fmt: skip
def test_the_fresh_slot(
    categories: str, fresh: str, share: float, expected: list[int], lifted: list[int]
) -> None:
    found = fresh_slot(block(categories, fresh=fresh), share, 0.3)
    assert items(found) == expected
    assert marked(found, "fresh_slot") == lifted
    assert marked(found, "category_cap") == []
    assert found.columns == block(categories).columns


def test_a_block_of_several_users_is_its_users_one_by_one() -> None:
    frame = ranked(random_block(3))
    for rule in (
        lambda rows: category_cap(rows, 0.3),
        lambda rows: fresh_slot(rows, 0.2, 0.3),
        without_disliked,
    ):
        alone = [rule(frame.filter(user_num=user)) for user in range(8)]
        assert_frame_equal(rule(frame), pl.concat(alone))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_rule_loses_doubles_or_invents_an_item(seed: int) -> None:
    frame = random_block(seed)
    wanted = frame.filter(~pl.col("disliked")).select("user_num", "item_num", "score")
    found = all_rules(frame, share=(seed % 4) / 10)
    assert_frame_equal(
        found.select(wanted.columns), wanted, check_row_order=False, check_dtypes=True
    )
    places = found.group_by("user_num").agg(pl.col("place").sort())
    assert all(row == list(range(1, len(row) + 1)) for row in places["place"].to_list())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_no_category_has_more_than_its_share_of_a_top_ten(seed: int, share: float) -> None:
    frame = random_block(seed, n_categories=4 + seed % 8)
    found = all_rules(frame, share)
    possible = users_who_can_be_capped(frame.filter(~pl.col("disliked")), 3)
    counts = top_counts(found).filter(pl.col("user_num").is_in(possible))
    assert (counts["len"] <= 3).all()


def test_the_cap_is_at_work_in_those_blocks() -> None:
    before, n_capped = 0, 0
    for seed in SEEDS:
        frame = random_block(seed, n_categories=4 + seed % 8)
        possible = users_who_can_be_capped(frame.filter(~pl.col("disliked")), 3)
        plain = without_disliked(ranked(frame))
        counts = top_counts(plain).filter(pl.col("user_num").is_in(possible))
        before += (counts["len"] > 3).sum()
        n_capped += len(possible)
    assert before > 100
    assert n_capped > 100


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_a_rule_applied_twice_is_that_rule(seed: int, share: float) -> None:
    once = category_cap(without_disliked(ranked(random_block(seed))), 0.3)
    assert_frame_equal(category_cap(once, 0.3), once)
    lifted = fresh_slot(once, share, 0.3)
    assert_frame_equal(fresh_slot(lifted, share, 0.3), lifted)
    assert_frame_equal(category_cap(lifted, 0.3), lifted)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fresh_slot_fills_what_it_can(seed: int) -> None:
    capped = category_cap(without_disliked(ranked(random_block(seed))), 0.3)
    found = fresh_slot(capped, 0.2, 0.3)
    top = pl.col("place") <= TOP
    n_fresh = pl.col("is_fresh") & top
    before = dict(capped.group_by("user_num").agg(n_fresh.sum()).rows())
    full = found.filter(top).group_by("user_num", "category_num").agg(n_category=pl.len())
    for user, n in found.group_by("user_num").agg(n_fresh.sum()).rows():
        assert n >= before[user]  # none is pushed out for another
        waiting = found.filter(user_num=user).filter(pl.col("is_fresh") & ~top)
        could = waiting.join(full, on=["user_num", "category_num"], how="left").filter(
            (pl.col("category_num") < 0) | (pl.col("n_category").fill_null(0) < 3)
        )
        assert n >= 2 or could.is_empty()


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_the_candidates_does_not_matter(seed: int) -> None:
    frame = random_block(seed)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed + 1000)
    assert_frame_equal(all_rules(shuffled), all_rules(frame))


def test_another_users_candidates_change_no_list() -> None:
    frame = random_block(5)
    whole = all_rules(frame).filter(user_num=3)
    for other in (
        frame.filter(user_num=3),
        frame.filter(pl.col("user_num") != 2),
        frame.with_columns(score=pl.when(user_num=3).then("score").otherwise(-pl.col("score"))),
    ):
        assert_frame_equal(all_rules(other).filter(user_num=3), whole)


def test_a_shorter_list_is_the_beginning_of_a_longer_one() -> None:
    placed = all_rules(random_block(7))
    for k in (10, 20):
        shorter = placed.filter(pl.col("place") <= k)
        assert_frame_equal(placed.group_by("user_num", maintain_order=True).head(k), shorter)


def test_places_are_numbered_by_user() -> None:
    frame = pl.DataFrame({"user_num": [2, 0, 2, 0], "key": [5, 1, 4, 1], "then": [0, 2, 0, 1]})
    assert in_order(frame, "key", "then").rows() == [
        (0, 1, 1, 1), (0, 1, 2, 2), (2, 4, 0, 1), (2, 5, 0, 2),
    ]  # fmt: skip
