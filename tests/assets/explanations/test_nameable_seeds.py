import polars as pl
import pytest

from assets.explanations.nameable_seeds import nameable_seeds
from assets.explanations.numbers import SentenceNumbers
from assets.explanations.shared_facts import read_catalogue
from assets.explanations.write import explain_block

DRAMA = {"genres": ["Drama"]}
CATALOGUE = [
    {"item_id": "heat", "title": "Heat", **DRAMA},
    {"item_id": "again", "title": "heat", **DRAMA},
    {"item_id": "1986", "title": "Heat (1986)", **DRAMA},
    {"item_id": "1995", "title": "Heat (1995)", **DRAMA},
    {"item_id": "other1995", "title": "Heat", "facts": '{"year": 1995}', **DRAMA},
    {"item_id": "untitled"},
]


def rows_of(*pairs: tuple[str, str | None]) -> pl.DataFrame:
    schema = {"seed_item_id": pl.String, "item_id": pl.String}
    rows = pl.DataFrame(
        [(seed, item) for item, seed in pairs], schema=schema, orient="row"
    ).with_row_index("rank", offset=1)
    return rows.with_columns(user_id=pl.lit("u"), sources=pl.lit(["als"]))


@pytest.mark.parametrize(
    ("item", "seed", "named"),
    [
        ("heat", "again", None),  # one title, no year
        ("1995", "other1995", None),  # one title, one year
        ("1995", "1986", "1986"),  # the years tell them apart
        ("1995", "heat", "heat"),  # so does a year where the other has none
        ("heat", "heat", None),
        ("heat", None, None),
        ("untitled", "heat", "heat"),
        ("heat", "unknown", "unknown"),
    ],
)
def test_a_seed_of_the_items_own_name_is_not_named(
    items_of, settings, item: str, seed: str | None, named: str | None
) -> None:
    sheets = read_catalogue(items_of(CATALOGUE), settings).sheets
    found = nameable_seeds(rows_of((item, seed)), sheets, None, "user_id")
    assert found["seed"].to_list() == [named]


def test_no_sentence_gives_two_items_one_name(items_of, settings) -> None:
    catalogue = read_catalogue(items_of(CATALOGUE), settings)
    rows = rows_of(("heat", "again"), ("1995", "1986"))
    explained, sentences = explain_block(rows, catalogue, settings, SentenceNumbers())
    assert explained["reason_type"].to_list() == ["recommended", "same_genre"]
    text = dict(sentences.select("target_item_id", "text").rows())
    assert text["heat"].count("Heat") == 1
    assert "Heat (1986)" in text["1995"]
    assert "Heat (1995)" in text["1995"]
