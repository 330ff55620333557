"""Real titles and tags: the sentences of forty pairs of films, and every title of the catalogue."""

import os
from pathlib import Path

import polars as pl
import pytest

from assets.explanations.facts import fact_sheets
from assets.explanations.numbers import SentenceNumbers
from assets.explanations.shared_facts import read_catalogue
from assets.explanations.together import count_together
from assets.explanations.write import explain_block
from core.explanation_settings import ExplanationSettings

ROOT = Path(__file__).resolve().parents[3]
FOLDER = (
    Path(os.environ.get("DAYBREAK_DATA") or ROOT.parent / "shared" / "data") / "ml-latest-small"
)


@pytest.fixture(scope="module")
def films() -> pl.DataFrame:
    if not (FOLDER / "movies.csv").is_file():
        pytest.skip(f"MovieLens is not at {FOLDER}; set DAYBREAK_DATA")
    movies = pl.read_csv(FOLDER / "movies.csv")
    tags = pl.read_csv(FOLDER / "tags.csv").group_by("movieId").agg(
        themes=pl.col("tag").str.strip_chars().str.to_lowercase().unique().sort()
    )  # fmt: skip
    genres = pl.col("genres").str.split("|").list.filter(pl.element() != "(no genres listed)")
    return movies.join(tags, on="movieId", how="left").select(
        item_id=pl.col("movieId").cast(pl.String), title="title", genres=genres, themes="themes",
        creators=pl.lit(None, dtype=pl.List(pl.String)), facts=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


@pytest.fixture(scope="module")
def liked(films) -> pl.DataFrame:
    ratings = pl.read_csv(FOLDER / "ratings.csv").filter(pl.col("rating") >= 4)
    return ratings.select(
        user_id=pl.col("userId").cast(pl.String), item_id=pl.col("movieId").cast(pl.String),
        weight_micro=pl.lit(4_000_000),
    )  # fmt: skip


def test_forty_pairs_have_true_sentences(films, liked, find_lies) -> None:
    settings = ExplanationSettings()
    # Pulp Fiction, Toy Story, Heat, The Good, the Bad and the Ugly against ten films each
    seeds = ["296", "1", "6", "1201"]
    targets = ["318", "47", "50", "1089", "2959", "1276", "3114", "260", "1210", "2571"]
    rows = pl.DataFrame({
        "user_id": [seed for seed in seeds for _ in targets],
        "rank": list(range(1, 11)) * 4,
        "source_item_id": [seed for seed in seeds for _ in targets],
        "target_item_id": targets * 4,
        "sources": [["neighbours"]] * 40,
    }).cast({"rank": pl.Int32})  # fmt: skip
    counted = count_together(rows.select("source_item_id", "target_item_id"), liked)
    rows = rows.with_columns(counted["n_together"]).rename(
        {"source_item_id": "seed_item_id", "target_item_id": "item_id"}
    )
    texts = explain_block(rows, read_catalogue(films, settings), settings, SentenceNumbers())[1]
    sheets = {sheet["item_id"]: sheet for sheet in fact_sheets(films, settings).to_dicts()}
    assert texts.height == 40
    for row in texts.to_dicts():
        source = sheets.get(row["source_item_id"])
        target = sheets[row["target_item_id"]]
        assert find_lies(row["text"], row["reason_type"], source, target) == [], row["text"]
        assert len(row["text"]) < 200
    kinds = dict(texts["reason_type"].value_counts().rows())
    assert kinds["same_genre"] >= 10
    assert kinds["watched_together"] >= 10
    assert kinds["same_theme"] >= 1


def test_every_title_reads_as_people_say_it(films) -> None:
    sheets = fact_sheets(films, ExplanationSettings())
    titles = sheets["title"]
    assert titles.str.contains(r", (The|A|An|Les?|La|El|Das|Der|Il)$").sum() == 0
    assert titles.str.contains(r"\(\d{4}\)|  |^\s|\s$|a\.k\.a").sum() == 0
    assert titles.str.len_chars().min() >= 1
    assert sheets["year"].null_count() == 4
    known = dict(sheets.select("item_id", "title").rows())
    assert known["1201"] == "The Good, the Bad and the Ugly"
    assert known["50"] == "The Usual Suspects"
    assert known["29"] == "The City of Lost Children"
    assert known["73"] == "Les Misérables"
