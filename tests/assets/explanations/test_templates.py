import polars as pl
import pytest

from assets.explanations.facts import fact_sheets
from assets.explanations.templates import template_version, write_sentences
from core.errors import CheckFailed
from core.explanation_settings import ExplanationSettings

SCHEMA = {
    "reason_type": pl.String, "source_item_id": pl.String, "item_id": pl.String,
    "preference": pl.String, "shared": pl.List(pl.String), "explanation_key": pl.String,
}  # fmt: skip


@pytest.fixture
def sheets(items_of):
    rows = [
        {"item_id": "heat", "title": "Heat (1995)"},
        {"item_id": "who", "title": "Who Goes? (1990)"},
        {"item_id": "h1", "title": "Hamlet (1990)"},
        {"item_id": "h2", "title": "Hamlet (1996)"},
        {"item_id": "slot", "title": "{source} {fact} $1 (2000)"},
    ]
    return fact_sheets(items_of(rows), ExplanationSettings())


def text(sheets, form: int, *row, **options) -> str:
    sentence = pl.DataFrame([(*row, f"{form:07x}")], schema=SCHEMA, orient="row")
    return write_sentences(sentence, sheets, ExplanationSettings(**options))["text"].item()


@pytest.mark.parametrize(
    ("row", "options", "expected"),
    [
        (
            ("same_creator", "heat", "who", None, ["Bo Vig Jr."]), {},
            "Because you chose Heat, Who Goes? is also by Bo Vig Jr.",
        ),
        (
            ("same_genre", "heat", "who", None, ["Crime", "Drama", "War"]), {"noun": "film"},
            "Because you chose Heat, Who Goes? is another Crime, Drama and War film.",
        ),
        (
            ("same_theme", "heat", "who", None, ["mafia", "heist"]),
            {"history_phrase": "you liked"},
            "Because you liked Heat, Who Goes? shares the themes “mafia” and “heist”.",
        ),
        (
            ("same_series", "h1", "h2", None, ["Bard"]), {},
            "Because you chose Hamlet (1990), Hamlet (1996) belongs to the same series, “Bard”.",
        ),
        (
            ("matches_preference", None, "heat", "Crime", None), {},
            "You said that you like Crime, and Heat is listed under it.",
        ),
        (
            ("same_cast", "slot", "heat", None, ["{target}"]), {},
            "Because you chose {source} {fact} $1, Heat also features {target}.",
        ),
        (
            ("popular", None, "heat", None, None), {"popular_top": 7, "nouns": "films"},
            "Heat is one of the 7 most chosen films here.",
        ),
        (
            ("same_genre", "heat", "who", None, ["Crimen", "Historia"]), {"locale": "es"},
            "Porque elegiste Heat, Who Goes? también figura en Crimen e Historia.",
        ),
        (
            ("same_genre", "heat", "who", None, ["Crimen", "Hielo"]), {"locale": "es"},
            "Porque elegiste Heat, Who Goes? también figura en Crimen y Hielo.",
        ),
    ],
)  # fmt: skip
def test_a_sentence_word_for_word(sheets, row, options, expected) -> None:
    assert text(sheets, 0, *row, **options) == expected


def test_the_key_picks_the_form_and_a_full_stop_is_never_doubled(sheets) -> None:
    found = {text(sheets, n, "recommended", None, "who", None, None) for n in range(9)}
    assert found == {
        "Who Goes? is one of our suggestions for you.",
        "Our suggestions for you include Who Goes?",
    }


def test_a_missing_fact_is_refused(sheets) -> None:
    with pytest.raises(CheckFailed, match="1 of 1 sentences lack a fact"):
        text(sheets, 0, "same_creator", "heat", "who", None, None)


def test_the_version_follows_every_setting_that_shapes_a_text() -> None:
    base = template_version(ExplanationSettings())
    changed = [
        {"locale": "es"}, {"noun": "film"}, {"nouns": "films"}, {"history_phrase": "you liked"},
        {"popular_top": 50}, {"new_days": 7}, {"max_facts": 1},
    ]  # fmt: skip
    versions = {template_version(ExplanationSettings(**change)) for change in changed}
    assert len(versions - {base}) == len(changed)
    assert template_version(ExplanationSettings(max_same_fact=1)) == base
