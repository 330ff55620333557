import numpy as np
import polars as pl
import pytest

from assets.explanations.reasons import choose_reasons
from assets.explanations.shared_facts import read_catalogue
from core.errors import CheckFailed
from core.explanation_settings import ExplanationSettings

ROW = {
    "user_id": pl.String, "rank": pl.Int32, "item_id": pl.String, "seed_item_id": pl.String,
    "sources": pl.List(pl.String), "is_trending": pl.Boolean, "is_new": pl.Boolean,
    "is_popular": pl.Boolean, "preference_genre": pl.String, "n_together": pl.Int64,
}  # fmt: skip


def rows_of(*rows: dict) -> pl.DataFrame:
    first = {"user_id": "u", "rank": 1, "sources": ["als"]}
    return pl.DataFrame([{**first, **row} for row in rows], schema=ROW)


@pytest.fixture
def catalogue(items_of, settings):
    every = {"genres": ["Crime"], "creators": ["A"], "themes": ["heist"]}
    rows = [
        {"item_id": "seed", **every, "facts": '{"cast": ["P"], "series": "S"}'},
        {"item_id": "all", **every, "facts": '{"cast": ["P"], "series": "S"}'},
        {"item_id": "no_series", **every, "facts": '{"cast": ["P"]}'},
        {"item_id": "no_creator", **every, "creators": ["B"], "facts": '{"cast": ["P"]}'},
        {"item_id": "theme", "themes": ["Heist"], "genres": ["crime"]},
        {"item_id": "genre", "genres": ["crime", "War"]},
        {"item_id": "nothing", "genres": ["War"]},
        *({"item_id": f"g{n:02d}", "genres": ["Crime"]} for n in range(12)),
    ]
    return read_catalogue(items_of(rows), settings)


def reason(catalogue, settings, row: dict, **options) -> tuple:
    found = choose_reasons(rows_of(row), catalogue, settings, **options)
    shared = found["shared"].to_list()[0]
    return (found["reason_type"].item(), found["source_item_id"].item(), shared)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"item_id": "all"}, ("same_series", "seed", ["S"])),
        ({"item_id": "no_series"}, ("same_creator", "seed", ["A"])),
        ({"item_id": "no_creator"}, ("same_cast", "seed", ["P"])),
        ({"item_id": "theme"}, ("same_theme", "seed", ["Heist"])),
        ({"item_id": "genre"}, ("same_genre", "seed", ["crime"])),
        (
            {"item_id": "genre", "sources": ["als", "neighbours"], "n_together": 5},
            ("watched_together", "seed", None),
        ),
        (
            {"item_id": "genre", "sources": ["als", "neighbours"], "n_together": 4},
            ("same_genre", "seed", ["crime"]),
        ),
        (
            {"item_id": "nothing", "sources": ["als"], "n_together": 50},
            ("recommended", None, None),
        ),
        (
            {"item_id": "nothing", "preference_genre": " war", "is_new": True},
            ("matches_preference", None, None),
        ),
        ({"item_id": "nothing", "preference_genre": "Crime"}, ("recommended", None, None)),
        ({"item_id": "nothing", "is_trending": True, "is_new": True}, ("trending", None, None)),
        ({"item_id": "nothing", "is_new": True, "is_popular": True}, ("new", None, None)),
        ({"item_id": "nothing", "is_popular": True}, ("popular", None, None)),
        ({"item_id": "nothing"}, ("recommended", None, None)),
        ({"item_id": "all", "seed_item_id": None}, ("recommended", None, None)),
        ({"item_id": "all", "seed_item_id": "all"}, ("recommended", None, None)),
        (
            {"item_id": "all", "seed_item_id": "unknown", "sources": ["neighbours"]},
            ("recommended", None, None),
        ),
    ],
)
def test_the_most_specific_reason_that_is_true(catalogue, settings, row, expected) -> None:
    assert reason(catalogue, settings, {"seed_item_id": "seed", "n_together": 0, **row}) == expected


def test_a_preference_is_spelled_as_the_item_spells_it(catalogue, settings) -> None:
    found = choose_reasons(
        rows_of({"item_id": "nothing", "preference_genre": " war"}), catalogue, settings
    )
    assert found["preference"].to_list() == ["War"]


def test_without_counts_the_neighbours_source_speaks_for_the_pair(catalogue, settings) -> None:
    rows = rows_of({"item_id": "nothing", "seed_item_id": "seed", "sources": ["neighbours"]})
    found = choose_reasons(rows.drop("n_together"), catalogue, settings)
    assert found["reason_type"].to_list() == ["watched_together"]


def test_never_from_a_disliked_item(catalogue, settings) -> None:
    disliked = pl.DataFrame({"user_id": ["u", "other"], "item_id": ["seed", "seed"]})
    row = {"item_id": "all", "seed_item_id": "seed", "sources": ["neighbours"], "n_together": 99}
    assert reason(catalogue, settings, row, disliked=disliked) == ("recommended", None, None)
    others = disliked.filter(pl.col("user_id") == "other")
    assert reason(catalogue, settings, row, disliked=others)[0] == "same_series"


def test_the_fourth_row_with_one_fact_goes_on_to_another_reason_if_there_is_one(
    catalogue, settings
) -> None:
    rows = rows_of(*(
        {"rank": n + 1, "item_id": f"g{n:02d}", "seed_item_id": "seed", "is_popular": n in (1, 4)}
        for n in range(7)
    ))  # fmt: skip
    found = choose_reasons(rows.sample(fraction=1, shuffle=True, seed=1), catalogue, settings)
    assert found["rank"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert found["reason_type"].to_list() == [
        "same_genre", "same_genre", "same_genre", "same_genre", "popular", "same_genre",
        "same_genre",
    ]  # fmt: skip


def test_no_more_than_four_of_one_type_in_ten_where_another_applies(catalogue) -> None:
    settings = ExplanationSettings(max_same_fact=50)
    rows = rows_of(*(
        {"rank": n + 1, "item_id": f"g{n:02d}", "seed_item_id": "seed", "is_new": True}
        for n in range(12)
    ))  # fmt: skip
    kinds = choose_reasons(rows, catalogue, settings)["reason_type"].to_list()
    assert kinds == ["same_genre"] * 4 + ["new"] * 4 + ["same_genre"] * 4


def test_types_left_out_of_the_priority_are_never_given(catalogue) -> None:
    settings = ExplanationSettings(priority=("same_genre", "recommended"))
    row = {"item_id": "all", "seed_item_id": "seed", "is_new": True}
    assert reason(catalogue, settings, row)[0] == "same_genre"
    alone = ExplanationSettings(priority=("recommended",))
    assert reason(catalogue, alone, row) == ("recommended", None, None)


def test_an_item_outside_the_catalogue_is_refused(catalogue, settings) -> None:
    with pytest.raises(CheckFailed, match="1 list items are not in `items`, first 'ghost'"):
        choose_reasons(rows_of({"item_id": "ghost"}), catalogue, settings)


def test_other_lists_and_the_order_of_rows_change_nothing(random_items, settings) -> None:
    rng = np.random.default_rng(3)
    ids = random_items["item_id"].to_numpy()
    n = 40 * 20
    rows = pl.DataFrame({
        "user_id": np.repeat([f"u{x:02d}" for x in range(40)], 20),
        "rank": np.tile(np.arange(1, 21, dtype=np.int32), 40),
        "item_id": np.concatenate([rng.choice(ids, 20, replace=False) for _ in range(40)]),
        "seed_item_id": rng.choice(ids, n),
        "is_new": rng.random(n) < 0.2,
    }).with_columns(sources=pl.lit(["als", "neighbours"]))  # fmt: skip
    catalogue = read_catalogue(random_items, settings)
    whole = choose_reasons(rows, catalogue, settings)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=9)
    assert choose_reasons(shuffled, catalogue, settings).equals(whole)
    some = rows.filter(pl.col("user_id") < "u10")
    assert choose_reasons(some, catalogue, settings).equals(whole.filter(pl.col("user_id") < "u10"))
    assert whole["reason_type"].n_unique() >= 6


def test_segment_lists_are_lists_too(catalogue, settings) -> None:
    rows = rows_of({"item_id": "nothing", "is_popular": True}).rename({"user_id": "segment"})
    found = choose_reasons(rows, catalogue, settings, list_column="segment")
    assert found.select("segment", "reason_type").rows() == [("u", "popular")]


@pytest.mark.parametrize("pattern", ["(", "(?=x)", "(?<!x)y", r"(a)\1"])
def test_a_pattern_that_polars_cannot_run_is_refused(pattern) -> None:
    with pytest.raises(ValueError, match="pattern"):
        ExplanationSettings(unspoken=(pattern,))


@pytest.mark.parametrize(
    "priority", [(), ("same_genre",), ("new", "new", "recommended"), ("recommended", "new")]
)
def test_a_priority_must_end_with_what_always_applies(priority) -> None:
    with pytest.raises(ValueError, match="priority"):
        ExplanationSettings(priority=priority)
