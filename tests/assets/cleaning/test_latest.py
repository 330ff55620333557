"""The latest statement counts: a later file, or a later line of the same file."""

import polars as pl
from polars.testing import assert_frame_equal

from assets.cleaning.latest import latest_items, latest_users, with_opt_outs
from core.engine import Engine
from core.schemas import ITEM_ROWS, ITEMS, USERS
from tests import toy


def test_latest_items(engine: Engine) -> None:
    found = engine.collect(latest_items(engine.from_polars(toy.item_rows()))).sort("item_id")
    expected = toy.rows_of(
        ITEMS,
        [
            {
                "item_id": "alpha",
                "title": "Alpha",
                "category": "Drama",
                "genres": ["Drama"],
                "creators": ["A. Maker"],
                "released_us": toy.us("2024-02-09"),
                "facts": '{"year":2024}',
            },
            {
                "item_id": "beta",
                "title": "Beta",
                "category": "Comedy",
                "genres": ["Comedy", "Drama"],
                "creators": ["B. Maker"],
                "themes": ["Heist ", "night"],
            },
            {
                "item_id": "delta",
                "title": "Delta",
                "category": "Drama",
                "released_us": toy.us("2024-03-20"),
            },
            {"item_id": "epsilon", "title": "Epsilon"},
            {"item_id": "gamma", "title": "Gamma", "category": "Drama"},
        ],
    ).drop("in_catalogue", "first_event_us")
    assert_frame_equal(found, expected)


def test_latest_users(engine: Engine) -> None:
    found = engine.collect(latest_users(engine.from_polars(toy.user_rows()))).sort("user_id")
    joined = {"created_us": toy.us("2024-01-01")}
    expected = toy.rows_of(
        USERS,
        [
            {"user_id": "ann", "country": "FR", "opted_out": False, **joined},
            {"user_id": "ben", "dislikes": ["Horror"], "opted_out": False, **joined},
            {"user_id": "bot", "opted_out": False},
            {"user_id": "cai", "opted_out": True, **joined},
            {"user_id": "dot", "preferences": ["Comedy"], "opted_out": False, **joined},
            {"user_id": "eve", "created_us": toy.us("2024-03-12"), "opted_out": False},
        ],
    )
    assert_frame_equal(found, expected)


def test_a_later_file_counts_whatever_its_lines(engine: Engine) -> None:
    rows = toy.rows_of(
        ITEM_ROWS,
        [
            {"item_id": "x", "title": "old", "ingested_us": 1, "source_file": "z", "line": 900},
            {"item_id": "x", "title": "new", "ingested_us": 2, "source_file": "a", "line": 1},
        ],
    )
    found = engine.collect(latest_items(engine.from_polars(rows)))
    assert found["title"].to_list() == ["new"]


def test_no_statements_give_no_rows(engine: Engine) -> None:
    found = engine.collect(latest_items(engine.scan([], ITEM_ROWS)))
    assert found.height == 0
    assert found.schema["themes"] == pl.List(pl.String)


def test_a_tombstone_opts_out_whoever_stated_what(engine: Engine) -> None:
    stated = latest_users(engine.from_polars(toy.user_rows()))
    gone = engine.from_polars(pl.DataFrame({"user_id": ["ann", "cai", "unheard-of"]}))
    found = engine.collect(with_opt_outs(stated, gone)).sort("user_id")
    before = engine.collect(stated).sort("user_id")
    kept = pl.col("user_id").is_in(["ann", "cai", "unheard-of"])
    assert_frame_equal(found.filter(~kept), before.filter(~kept))
    assert found.filter(kept)["opted_out"].to_list() == [True, True, True]
    ann = found.filter(user_id="ann").drop("opted_out")
    assert_frame_equal(ann, before.filter(user_id="ann").drop("opted_out"))
    assert found.filter(user_id="unheard-of")["country"].to_list() == [None]
    assert found.columns == before.columns
