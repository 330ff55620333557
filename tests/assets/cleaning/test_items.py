"""What is known of items at D."""

import polars as pl
from polars.testing import assert_frame_equal

from assets.cleaning.items import count_themes, first_events, items_at
from assets.cleaning.latest import latest_items
from core.engine import Engine, open_engine
from core.schemas import CLEAN_EVENTS, ITEMS
from tests import toy

SILENT = pl.DataFrame({"user_id": ["cai"], "reason": ["opted_out"]})


def test_first_events(engine: Engine) -> None:
    events = engine.from_polars(toy.events().filter(pl.col("user_id") == "ann"))
    found = engine.collect(first_events(events)).sort("item_id")
    assert found.rows() == [
        ("alpha", toy.us("2024-03-01 10:00")),
        ("beta", toy.us("2024-03-01 10:01")),
        ("gamma", toy.us("2024-02-01 08:00")),
        ("omega", toy.us("2024-03-10")),
    ]


def test_themes_count_people_before_d(engine: Engine) -> None:
    tags, silent = engine.from_polars(toy.tags()), engine.from_polars(SILENT)
    found = engine.collect(count_themes(tags, silent, toy.BEFORE_US)).sort("item_id", "theme")
    # Not `later`, given at D; not `silent`, by who opted out; `robots` twice by ben counts once.
    assert found.rows() == [
        ("beta", "Night", 1),
        ("beta", "art", 1),
        ("beta", "robots", 2),
        ("gamma", "  ", 1),
        ("gamma", "ÉCLAIR", 1),
        ("gamma", "Éclair", 1),
        ("omega", "unlisted", 1),
    ]


def test_items_at_d(engine: Engine) -> None:
    people = toy.events().filter(pl.col("user_id").is_in(["ann", "ben", "fay"]))
    clean = people.filter(pl.col("occurred_us") < toy.BEFORE_US).select(CLEAN_EVENTS.names)
    themes = count_themes(engine.from_polars(toy.tags()), engine.from_polars(SILENT), toy.BEFORE_US)
    found = items_at(
        engine.collect(latest_items(engine.from_polars(toy.item_rows()))),
        engine.collect(themes),
        engine.collect(first_events(engine.from_polars(clean))),
        toy.BEFORE_US,
    )
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
                "in_catalogue": True,
                "first_event_us": toy.us("2024-03-01 10:00"),
            },
            {
                "item_id": "beta",
                "title": "Beta",
                "category": "Comedy",
                "genres": ["Comedy", "Drama"],
                "creators": ["B. Maker"],
                # The catalogue's own, trimmed and lowered; then tags, most givers first.
                "themes": ["heist", "night", "robots", "art"],
                "in_catalogue": True,
                "first_event_us": toy.us("2024-03-01 10:01"),
            },
            {"item_id": "epsilon", "title": "Epsilon", "in_catalogue": True},
            {
                "item_id": "gamma",
                "title": "Gamma",
                "category": "Drama",
                # Only A to Z are lowered; a blank tag is none.
                "themes": ["Éclair"],
                "in_catalogue": True,
                "first_event_us": toy.us("2024-02-01 08:00"),
            },
            {
                "item_id": "omega",
                "themes": ["unlisted"],
                "in_catalogue": False,
                "first_event_us": toy.us("2024-03-01 09:00"),
            },
        ],
    )
    # `delta` comes out after D: it is left out even though `fay` clicked it before.
    assert_frame_equal(found, expected)


def at_d(**fields: object) -> list[str]:
    latest = toy.rows_of(ITEMS, [{"item_id": "x", **fields}]).drop("in_catalogue", "first_event_us")
    themes = pl.DataFrame(schema={"item_id": pl.String, "theme": pl.String, "n_users": pl.Int64})
    events = pl.DataFrame(schema={"item_id": pl.String, "first_event_us": pl.Int64})
    return items_at(latest, themes, events, toy.BEFORE_US)["item_id"].to_list()


def test_items_that_come_at_d_or_later_are_left_out() -> None:
    assert at_d() == ["x"]
    assert at_d(released_us=toy.BEFORE_US - 1, available_from_us=toy.BEFORE_US - 1) == ["x"]
    assert at_d(released_us=toy.BEFORE_US) == []
    assert at_d(available_from_us=toy.BEFORE_US) == []
    assert at_d(available_until_us=toy.BEFORE_US - 1) == ["x"]


def test_an_empty_catalogue_leaves_the_events_items() -> None:
    with open_engine("polars") as engine:
        latest = engine.collect(latest_items(engine.from_polars(toy.item_rows()[:0])))
        events = engine.collect(first_events(engine.from_polars(toy.events())))
        themes = engine.collect(
            count_themes(
                engine.from_polars(toy.tags()[:0]), engine.from_polars(SILENT), toy.BEFORE_US
            )
        )
    found = items_at(latest, themes, events, toy.BEFORE_US)
    assert found["item_id"].to_list() == ["alpha", "beta", "delta", "gamma", "omega"]
    assert dict(found.schema) == ITEMS.polars
    assert found["themes"].null_count() == 5


def test_an_item_taken_down_is_nameless_and_over() -> None:
    latest = toy.rows_of(
        ITEMS, [{"item_id": item, "title": item.upper(), "in_catalogue": True} for item in "abc"]
    ).drop("in_catalogue", "first_event_us")
    latest = latest.with_columns(available_until_us=pl.Series([None, 5, None], dtype=pl.Int64))
    no_themes = pl.DataFrame(schema={"item_id": pl.String, "theme": pl.String, "n_users": pl.Int64})
    no_events = pl.DataFrame(schema={"item_id": pl.String, "first_event_us": pl.Int64})
    found = items_at(latest, no_themes, no_events, toy.BEFORE_US, ["a", "b", "unheard-of"])
    assert found.select("item_id", "title", "available_until_us").rows() == [
        ("a", None, toy.BEFORE_US),
        ("b", None, 5),
        ("c", "C", None),
    ]
