"""The template writer: a true sentence for every key, built in columns."""

import polars as pl

from assets.explanations.forms import AND_WORD, THEME_WORD, sentence_forms
from assets.explanations.grammar import slots
from core.errors import CheckFailed
from core.explanation_settings import ExplanationSettings, Locale
from core.ids import digest

_FORMAT = 1
"""Raised whenever this file's own rules change the text of a sentence."""


def template_version(settings: ExplanationSettings) -> str:
    """Returns a hash over everything but the two fact sheets that shapes a template's text."""
    forms = {kind: list(texts) for kind, texts in sentence_forms(settings).items()}
    return f"template-{digest([_FORMAT, settings.locale, settings.max_facts, forms])[:12]}"


def write_sentences(
    sentences: pl.DataFrame, sheets: pl.DataFrame, settings: ExplanationSettings
) -> pl.DataFrame:
    """Returns each sentence's text: one of its type's forms, picked by its key.

    Args:
        sentences: `keys.distinct_sentences`' result.
        sheets: the fact sheets of all items in it.
        settings: language and wording.

    Returns:
        explanation_key, text; by key.

    Raises:
        CheckFailed: a text could not be written (a slot that its form needs is null).
    """
    named = _with_slots(sentences, sheets, settings.locale)
    written = [
        named.filter(
            (pl.col("reason_type") == kind) & (pl.col("form") % len(forms) == place)
        ).select("explanation_key", text=_ended(_filled(form)))
        for kind, forms in sentence_forms(settings).items()
        for place, form in enumerate(forms)
    ]
    texts = pl.concat(written).sort("explanation_key")
    if unwritten := sentences.height - texts.drop_nulls("text").height:
        raise CheckFailed(
            f"{unwritten} of {sentences.height} sentences lack a fact that their form names; "
            "choose reasons and write sentences from the same fact sheets"
        )
    return texts


def _with_slots(sentences: pl.DataFrame, sheets: pl.DataFrame, locale: Locale) -> pl.DataFrame:
    """Adds the slots' columns, and `form`: a number from the key that picks the form."""
    names = sheets.select("item_id", "title", "year")
    theirs = names.rename({"item_id": "source_item_id", "title": "source", "year": "source_year"})
    joined = sentences.join(names.rename({"title": "target"}), on="item_id", how="left").join(
        theirs, on="source_item_id", how="left"
    )
    # Two items of one name (a film and its remake) are told apart by their years.
    twins = pl.col("source").str.to_lowercase() == pl.col("target").str.to_lowercase()
    singular, plural = THEME_WORD[locale]
    quoted = pl.col("shared").list.eval(pl.format("“{}”", pl.element()))
    several = pl.col("shared").list.len() > 1
    return joined.with_columns(
        form=pl.col("explanation_key").str.head(7).str.to_integer(base=16),
        source=_dated(pl.col("source"), pl.col("source_year"), twins),
        target=_dated(pl.col("target"), pl.col("year"), twins),
        fact=pl.coalesce("preference", _joined(pl.col("shared"), locale)),
        quoted=_joined(quoted, locale),
        theme=pl.when(several).then(pl.lit(plural)).otherwise(pl.lit(singular)),
    )  # fmt: skip


def _dated(title: pl.Expr, year: pl.Expr, twins: pl.Expr) -> pl.Expr:
    known = twins.fill_null(False) & year.is_not_null()
    return pl.when(known).then(pl.format("{} ({})", title, year)).otherwise(title)


def _joined(facts: pl.Expr, locale: Locale) -> pl.Expr:
    """Joins a list as people do: `a`, `a and b`, `a, b and c`."""
    last = facts.list.last()
    and_word: pl.Expr = pl.lit(AND_WORD[locale])
    if locale == "es":  # "y" becomes "e" before the sound of i
        sounds_i = last.str.contains(r"(?i)^“?h?[ií]([^aeoáéó]|$)")
        and_word = pl.when(sounds_i).then(pl.lit(" e ")).otherwise(and_word)
    first = facts.list.slice(0, facts.list.len() - 1).list.join(", ")
    return (
        pl.when(facts.list.len() > 1).then(pl.concat_str([first, and_word, last])).otherwise(last)
    )


def _filled(form: str) -> pl.Expr:
    parts = slots(form)
    return pl.concat_str(
        [pl.lit(part) if place % 2 == 0 else pl.col(part) for place, part in enumerate(parts)]
    )


def _ended(text: pl.Expr) -> pl.Expr:
    """Ends the sentence: a full stop, where the last word has no stop of its own."""
    return pl.when(text.str.contains(r"[.!?…]$")).then(text).otherwise(pl.format("{}.", text))
