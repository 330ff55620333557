import json
import re
from datetime import date

import numpy as np
import polars as pl
import pytest

from assets.world.space import GENRE_NAMES, THEME_NAMES
from assets.world.tables import all_items
from assets.world.vocabulary import GENRES
from assets.world.world import World


@pytest.fixture(scope="module")
def world(parameters):
    return World.create(
        parameters, n_users=1_000, seed=5, n_days=30, last_day=date(2025, 3, 31), n_items=30_000
    )


@pytest.fixture(scope="module")
def items(world):
    return all_items(world)


def test_titles_are_unique_words(items):
    assert items["title"].n_unique() == len(items) == 30_000
    assert items["title"].str.contains(r"^[A-Z][\w’ ()-]+$").all()
    assert (items["title"].str.contains(r"\(\d+\)$")).mean() < 0.001  # the last resort
    assert not items["title"].str.contains(r"[{}_]").any()


def test_lists_are_filled_and_have_no_repeats(items):
    assert (items["category"] == items["genres"].list.first()).all()
    for name, most in (("genres", 2), ("themes", 3), ("creators", 2)):
        assert items[name].list.len().min() >= 1
        assert items[name].list.len().max() == most
        assert (items[name].list.n_unique() == items[name].list.len()).all()
    assert set(items["category"]) == set(GENRE_NAMES)
    assert set(items["themes"].explode()) == set(THEME_NAMES)


def test_facts_are_json_with_year_cast_and_series(items):
    facts = [json.loads(text) for text in items["facts"].head(2_000)]
    assert {tuple(fact) for fact in facts} == {("year", "cast", "series")}
    years = np.array([fact["year"] for fact in facts])
    assert (years <= items["released_at"].dt.year().head(2_000).to_numpy()).all()
    assert years.min() > 1930
    assert all(1 <= len(set(fact["cast"])) == len(fact["cast"]) <= 4 for fact in facts)


def test_parts_of_a_series_share_creators_and_come_in_order(items):
    parts = items.with_columns(
        pl.col("facts").str.json_decode(
            pl.Struct({"year": pl.Int64, "cast": pl.List(pl.String), "series": pl.String})
        )
    ).unnest("facts")
    series = parts.filter(pl.col("series").is_not_null())
    assert 0.1 < len(series) / len(items) < 0.2
    for (name,), group in series.head(600).group_by("series"):
        assert group["creators"].n_unique() == 1
        assert group["genres"].n_unique() == 1
        assert group["released_at"].is_sorted()
        assert group["year"].is_sorted()
        assert group["title"].to_list() == [name, f"{name} II", f"{name} III"][: len(group)]


def test_a_longer_catalogue_starts_with_the_shorter_one(parameters, world, items):
    longer = World.create(
        parameters,
        n_users=1_000,
        seed=5,
        n_days=30,
        last_day=date(2025, 3, 31),
        n_items=30_000,
        horizon=date(2025, 4, 20),
    )
    assert len(longer.items) > 30_000
    assert all_items(longer).head(30_000).equals(items)
    assert (longer.items.vectors[:30_000] == world.items.vectors).all()


def test_vocabulary_has_no_repeats():
    nouns = [noun for words, _ in GENRES.values() for noun in words]
    assert len(nouns) == len(GENRES) * 12
    assert len(set(THEME_NAMES)) == len(THEME_NAMES) == len(GENRES) * 6
    assert not [text for text in [*nouns, *THEME_NAMES] if re.search(r"[_|\",]", text)]
