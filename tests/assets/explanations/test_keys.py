import polars as pl
import pytest

from assets.explanations.facts import fact_sheets
from assets.explanations.keys import distinct_sentences, with_keys
from core.explanation_settings import ExplanationSettings


def chosen_of(*rows: tuple) -> pl.DataFrame:
    schema = {
        "user_id": pl.String, "item_id": pl.String, "reason_type": pl.String,
        "source_item_id": pl.String, "preference": pl.String, "shared": pl.List(pl.String),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def sheets(items_of):
    rows = [{"item_id": "a", "title": "A"}, {"item_id": "b", "title": "B"}]
    return fact_sheets(items_of(rows), ExplanationSettings())


ROWS = (
    ("u1", "b", "same_genre", "a", None, ["Crime"]),
    ("u2", "b", "same_genre", "a", None, ["Crime"]),
    ("u3", "a", "same_genre", "b", None, ["Crime"]),
    ("u4", "b", "watched_together", "a", None, None),
    ("u5", "b", "matches_preference", None, "Crime", None),
    ("u6", "b", "matches_preference", None, "Drama", None),
    ("u7", "b", "new", None, None, None),
)


def test_users_with_the_same_reason_share_one_key(sheets) -> None:
    sentences = distinct_sentences(chosen_of(*ROWS), sheets, "en", "v1")
    keyed = with_keys(chosen_of(*ROWS), sentences)
    keys = keyed["explanation_key"].to_list()
    assert keyed["user_id"].to_list() == [row[0] for row in ROWS]
    assert keys[0] == keys[1]
    assert len(set(keys)) == sentences.height == 6
    assert all(len(key) == 32 for key in keys)
    hashes = dict(sheets.select("item_id", "facts_hash").rows())
    found = dict(sentences.select("explanation_key", "facts_hash").rows())
    assert found[keys[0]] == f"{hashes['a']}.{hashes['b']}"
    assert found[keys[6]] == hashes["b"]


def test_a_key_depends_on_locale_version_and_both_sheets(sheets, items_of) -> None:
    def key(sheets: pl.DataFrame, locale: str = "en", version: str = "v1") -> str:
        found = distinct_sentences(chosen_of(ROWS[0]), sheets, locale, version)
        return found["explanation_key"].item()

    changed = [
        [{"item_id": "a", "title": "A"}, {"item_id": "b", "title": "B2"}],
        [{"item_id": "a", "title": "A", "genres": ["X"]}, {"item_id": "b", "title": "B"}],
    ]
    others = [fact_sheets(items_of(rows), ExplanationSettings()) for rows in changed]
    keys = [key(sheets), key(sheets, "es"), key(sheets, version="v2"), *map(key, others)]
    assert len(set(keys)) == 5
    unrelated = [{"item_id": x, "title": x.upper()} for x in "abc"]
    assert key(fact_sheets(items_of(unrelated), ExplanationSettings())) == keys[0]
