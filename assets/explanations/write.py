"""From list rows to reasons and sentences: the stage's one entry."""

from collections.abc import Iterable

import polars as pl

from assets.explanations.keys import distinct_sentences, with_keys
from assets.explanations.reasons import choose_reasons
from assets.explanations.shared_facts import Catalogue
from assets.explanations.templates import template_version, write_sentences
from core.explanation_settings import ExplanationSettings
from core.schemas import EXPLANATIONS


def explain_block(
    rows: pl.DataFrame,
    catalogue: Catalogue,
    settings: ExplanationSettings,
    *,
    disliked: pl.DataFrame | None = None,
    list_column: str = "user_id",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns a block's rows with their reasons, and the sentences that they need.

    Args:
        rows: rows of whole lists, as `reasons.choose_reasons` takes them.
        catalogue: of all items, read once for all blocks.
        settings: priorities, limits and wording.
        disliked: pairs (`list_column`, item_id) that may never be a seed.
        list_column: what identifies a list: a user, or a segment.

    Returns:
        The rows with reason_type and explanation_key, sorted by list and rank; and the distinct
        sentences, schema EXPLANATIONS.

    Raises:
        CheckFailed: a row's item is not in the catalogue.
    """
    bare = rows.drop("reason_type", "explanation_key", strict=False)
    chosen = choose_reasons(bare, catalogue, settings, disliked=disliked, list_column=list_column)
    version = template_version(settings)
    sentences = distinct_sentences(chosen, catalogue.sheets, settings.locale, version)
    texts = write_sentences(sentences, catalogue.sheets, settings)
    explained = with_keys(chosen, sentences).select(
        *bare.columns,
        "reason_type",
        "explanation_key",
    )
    written = sentences.join(texts, on="explanation_key", how="left").select(
        "explanation_key",
        "source_item_id",
        "reason_type",
        "facts_hash",
        "text",
        target_item_id="item_id",
        locale=pl.lit(settings.locale),
        origin=pl.lit("template"),
    )
    return explained, _conformed(written)


def merge_explanations(blocks: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Returns the sentences of several blocks, each once; schema EXPLANATIONS."""
    nothing = pl.DataFrame(schema=EXPLANATIONS.polars)
    return _conformed(pl.concat([nothing, *blocks]).unique("explanation_key", keep="any"))


def _conformed(sentences: pl.DataFrame) -> pl.DataFrame:
    typed = sentences.select(pl.col(name).cast(kind) for name, kind in EXPLANATIONS.polars.items())
    return typed.sort("explanation_key")
