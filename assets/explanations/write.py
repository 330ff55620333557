"""From list rows to reasons and sentences: the stage's one entry."""

import polars as pl

from assets.explanations.keys import distinct_sentences, with_keys
from assets.explanations.numbers import SentenceNumbers
from assets.explanations.reasons import choose_reasons
from assets.explanations.shared_facts import Catalogue
from assets.explanations.templates import template_version, write_sentences
from core.explanation_settings import ExplanationSettings
from core.schemas import EXPLANATIONS
from core.tables import conform


def explain_block(
    rows: pl.DataFrame,
    catalogue: Catalogue,
    settings: ExplanationSettings,
    numbers: SentenceNumbers,
    *,
    disliked: pl.DataFrame | None = None,
    list_column: str = "user_id",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns a block's rows with their reasons, and the sentences that no block had before.

    Args:
        rows: rows of whole lists, as `reasons.choose_reasons` takes them.
        catalogue: of all items, read once for all blocks.
        settings: priorities, limits and wording.
        numbers: of the sentences of all blocks so far; this block's are added.
        disliked: pairs (`list_column`, item_id) that may never be a seed.
        list_column: what identifies a list: a user, or a segment.

    Returns:
        The rows with reason_type, explanation_key and reason_num, sorted by list and rank; and
        the new sentences, schema EXPLANATIONS.

    Raises:
        CheckFailed: a row's item is not in the catalogue.
    """
    bare = rows.drop("reason_type", "explanation_key", "reason_num", strict=False)
    chosen = choose_reasons(bare, catalogue, settings, disliked=disliked, list_column=list_column)
    version = template_version(settings)
    distinct = distinct_sentences(chosen, catalogue.sheets, settings.locale, version)
    known, new = numbers.number(distinct.with_columns(target_item_id="item_id"))
    texts = write_sentences(new, catalogue.sheets, settings)
    explained = (
        with_keys(chosen, distinct)
        .join(known, on="explanation_key", how="left", maintain_order="left")
        .select(*bare.columns, "reason_type", "explanation_key", "reason_num")
    )
    written = new.join(texts, on="explanation_key", how="left").with_columns(
        locale=pl.lit(settings.locale), origin=pl.lit("template")
    )
    return explained, conform(written, EXPLANATIONS)
