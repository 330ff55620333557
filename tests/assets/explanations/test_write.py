import time

import numpy as np
import polars as pl
import pytest

from assets.explanations.facts import fact_sheets
from assets.explanations.numbers import SentenceNumbers
from assets.explanations.shared_facts import read_catalogue
from assets.explanations.write import explain_block
from core.explanation_settings import ExplanationSettings
from core.schemas import EXPLANATIONS
from core.tables import conform


def random_rows(items: pl.DataFrame, n_users: int, seed: int) -> pl.DataFrame:
    """Lists of 25 items with random seeds and marks; a preference the user may well not see met."""
    rng = np.random.default_rng(seed)
    ids = items["item_id"].to_numpy()
    n = n_users * 25
    return pl.DataFrame({
        "user_id": np.repeat([f"u{x:04d}" for x in range(n_users)], 25),
        "rank": np.tile(np.arange(1, 26, dtype=np.int32), n_users),
        "item_id": np.concatenate([rng.choice(ids, 25, replace=False) for _ in range(n_users)]),
        "seed_item_id": rng.choice(ids, n),
        "n_together": rng.integers(0, 12, n),
        "preference_genre": rng.choice(["crime", "Drama", "Opera"], n),
        **{mark: rng.random(n) < 0.1 for mark in ("is_new", "is_trending", "is_popular")},
    }).with_columns(
        seed_item_id=pl.when(pl.Series(rng.random(n) < 0.8)).then("seed_item_id"),
        sources=pl.when(pl.Series(rng.random(n) < 0.5))
        .then(pl.lit(["neighbours"])).otherwise(pl.lit(["als"])),
    )  # fmt: skip


def explain_all(
    rows: pl.DataFrame, items: pl.DataFrame, settings: ExplanationSettings, **more: object
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Explains all rows as one block."""
    catalogue = read_catalogue(items, settings)
    return explain_block(rows, catalogue, settings, SentenceNumbers(), **more)


def sheets_by_id(items: pl.DataFrame, settings: ExplanationSettings) -> dict:
    return {sheet["item_id"]: sheet for sheet in fact_sheets(items, settings).to_dicts()}


def test_every_sentence_is_true_of_both_sheets(random_items, settings, find_lies) -> None:
    rows = random_rows(random_items, 120, 1)
    _, texts = explain_all(rows, random_items, settings)
    sheets = sheets_by_id(random_items, settings)
    wrong = {
        row["text"]: found
        for row in texts.to_dicts()
        if (found := find_lies(
            row["text"], row["reason_type"], sheets.get(row["source_item_id"]),
            sheets[row["target_item_id"]],
        ))
    }  # fmt: skip
    assert wrong == {}
    assert set(texts["reason_type"]) == set(settings.priority)
    assert texts.height > 1_500


def test_every_row_has_the_sentence_of_its_own_items(random_items, settings) -> None:
    rows = random_rows(random_items, 40, 2)
    explained, texts = explain_all(rows, random_items, settings)
    added = ["reason_type", "explanation_key", "reason_num"]
    assert explained.columns == [*rows.columns, *added]
    assert explained.drop(added).equals(rows.sort("user_id", "rank"))
    joined = explained.join(texts, on="explanation_key", how="left")
    assert joined["text"].null_count() == 0
    assert joined.filter(pl.col("item_id") != pl.col("target_item_id")).is_empty()
    assert joined.filter(pl.col("reason_type") != pl.col("reason_type_right")).is_empty()
    assert joined.filter(pl.col("source_item_id") != pl.col("seed_item_id")).is_empty()
    marks = {"trending": "is_trending", "new": "is_new", "popular": "is_popular"}
    for kind, mark in marks.items():
        assert joined.filter(pl.col("reason_type") == kind)[mark].all()
    together = joined.filter(pl.col("reason_type") == "watched_together")
    assert together["n_together"].min() >= settings.min_together
    assert together["sources"].list.contains("neighbours").all()
    stated = joined.filter(pl.col("reason_type") == "matches_preference")
    assert all(
        f" {row['preference_genre'].lower()}" in row["text"].lower() for row in stated.to_dicts()
    )


PLANTED = {
    "creator": ("same_creator", "Ann Lee", "Invented Person"),
    "cast": ("same_cast", "Ann Lee", "Ann Leeds"),
    "theme": ("same_theme", "heist", "murder"),
    "genre": ("same_genre", "Crime", "Western"),
    "series": ("same_series", "Saga 4", "Saga 5"),
    "third item": ("same_genre", "Target", "Third"),
    "source": ("same_genre", "Source", "Third"),
    "relation": ("same_creator", "also by", "also about"),
    "added fact": ("same_creator", "Ann Lee", "Ann Lee and Bo Vig"),
    "preference": ("matches_preference", "Crime", "Drama"),
    "number": ("new", "30", "3"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_the_second_reading_finds_a_planted_lie(items_of, settings, find_lies, planted) -> None:
    kind, truth, lie = PLANTED[planted]
    facts = {"genres": ["Crime"], "creators": ["Ann Lee"], "themes": ["heist"]}
    facts["facts"] = '{"cast": ["Ann Lee"], "series": "Saga 4"}'
    items = items_of([{"item_id": x.lower(), "title": x, **facts} for x in ("Source", "Target")])
    only = settings.model_copy(update={"priority": (kind, "recommended")})
    row = {"user_id": "u", "rank": 1, "item_id": "target", "seed_item_id": "source"}
    rows = pl.DataFrame([{**row, "sources": ["als"], "preference_genre": "Crime", "is_new": True}])
    texts = explain_all(rows, items, only)[1].row(0, named=True)
    source, target = (sheets_by_id(items, settings)[x] for x in ("source", "target"))
    named = source if texts["source_item_id"] else None
    assert texts["reason_type"] == kind
    assert find_lies(texts["text"], kind, named, target) == []
    told = texts["text"].replace(truth, lie)
    if told == texts["text"]:  # this key's form words the relation otherwise
        told = texts["text"].replace("comes from", "tells of").replace(" is by", " tells of")
    assert told != texts["text"]
    assert find_lies(told, kind, named, target) != []


def test_the_table_conforms_and_blocks_merge_to_the_whole(random_items, settings) -> None:
    rows = random_rows(random_items, 30, 4)
    explained, texts = explain_all(rows, random_items, settings)
    assert conform(texts, EXPLANATIONS).equals(texts)
    catalogue, numbers = read_catalogue(random_items, settings), SentenceNumbers()
    blocks = [
        explain_block(rows.filter(part), catalogue, settings, numbers)
        for part in (pl.col("user_id") < "u0011", pl.col("user_id") >= "u0011")
    ]
    parts = pl.concat(block[0] for block in blocks)
    sentences = pl.concat(block[1] for block in blocks)
    assert parts.drop("reason_num").equals(explained.drop("reason_num"))
    by_key = "explanation_key"
    assert sentences.drop("reason_num").sort(by_key).equals(texts.drop("reason_num").sort(by_key))
    numbered = parts.select("item_id", "reason_num", by_key).unique()
    named = sentences.select("target_item_id", "reason_num", by_key)
    assert numbered.sort(by_key).rows() == named.sort(by_key).rows()
    places = named.group_by("target_item_id").agg(pl.col("reason_num").sort(), n=pl.len())
    assert all(row["reason_num"] == list(range(row["n"])) for row in places.to_dicts())


def test_no_user_is_in_a_text_or_a_key(random_items, settings) -> None:
    rows = random_rows(random_items, 10, 5)
    renamed = rows.with_columns(pl.format("canary-{}", pl.col("user_id")).alias("user_id"))
    first, second = (explain_all(x, random_items, settings)[1] for x in (rows, renamed))
    assert first.equals(second)


def test_rows_explained_before_are_explained_anew(random_items, settings) -> None:
    rows = random_rows(random_items, 5, 6)
    explained, texts = explain_all(rows, random_items, settings)
    again = explain_all(explained, random_items, settings)
    assert again[0].equals(explained)
    assert again[1].equals(texts)


def test_no_rows_need_no_sentences(random_items, settings) -> None:
    explained, texts = explain_all(random_rows(random_items, 1, 7).clear(), random_items, settings)
    assert explained.is_empty()
    assert texts.is_empty()


def test_spanish_sentences_name_the_same_facts(random_items, settings) -> None:
    rows = random_rows(random_items, 20, 8)
    spanish = ExplanationSettings(locale="es")
    english = explain_all(rows, random_items, settings)
    translated = explain_all(rows, random_items, spanish)
    assert translated[0]["reason_type"].equals(english[0]["reason_type"])
    assert set(translated[1]["locale"]) == {"es"}
    assert not set(translated[1]["explanation_key"]) & set(english[1]["explanation_key"])
    sheets = sheets_by_id(random_items, spanish)
    columns = {
        "same_creator": "creators", "same_cast": "cast", "same_theme": "themes",
        "same_genre": "genres",
    }  # fmt: skip
    for row in translated[1].to_dicts():
        target = sheets[row["target_item_id"]]
        assert target["title"] in row["text"]
        if row["source_item_id"]:
            source = sheets[row["source_item_id"]]
            assert source["title"] in row["text"]
        if column := columns.get(row["reason_type"]):
            both = {x.lower() for x in source[column]} & {x.lower() for x in target[column]}
            said = {x for x in {y.lower() for y in target[column]} if x in row["text"].lower()}
            assert both & said


def test_a_hundred_thousand_rows_take_seconds(settings, items_of) -> None:
    genres = [f"Genre {n}" for n in range(30)]
    items = items_of([
        {"item_id": f"i{n}", "title": f"Title {n} (1999)", "genres": [genres[n % 30]]}
        for n in range(5_000)
    ])  # fmt: skip
    rows = random_rows(items, 4_000, 9)
    start = time.process_time()
    texts = explain_all(rows, items, settings)[1]
    assert texts.height > 40_000
    assert time.process_time() - start < 20
