"""Which sentence a row needs: rows that need the same one have the same key."""

import polars as pl

from assets.explanations.facts import stable_hash

_SEPARATOR = "\x1e"
SENTENCE = ("reason_type", "source_item_id", "item_id", "preference")
"""What tells sentences of one locale and version apart."""


def distinct_sentences(
    chosen: pl.DataFrame, sheets: pl.DataFrame, locale: str, version: str
) -> pl.DataFrame:
    """Returns the distinct sentences that some rows need, each with its key.

    A key is 128 bits of SHA-256 over source item, target item, reason type, locale, the hashes
    of both fact sheets and the writer's version. Where the reason is a stated preference, its
    genre stands in the source's place, written as the segment is: `genre:<name>`. No user is in
    it, so texts are shared by all users who have the same reason.

    Args:
        chosen: `choose_reasons`' result.
        sheets: the fact sheets of all items in it.
        locale: language of the sentences.
        version: whatever else shapes the text (template forms and wording; later prompt, model).

    Returns:
        Columns SENTENCE, shared, facts_hash (source's and target's, joined by a dot; the target's
        alone where no source is named) and explanation_key; by key.
    """
    distinct = chosen.select(*SENTENCE, "shared").unique([*SENTENCE], keep="any")
    hashes = sheets.select("item_id", "facts_hash")
    known = distinct.join(hashes, on="item_id", how="left").join(
        hashes.rename({"item_id": "source_item_id", "facts_hash": "source_hash"}),
        on="source_item_id",
        how="left",
    )
    segment = pl.format("genre:{}", pl.col("preference"))
    parts = [
        pl.coalesce("source_item_id", segment, pl.lit("")), pl.col("item_id"),
        pl.col("reason_type"), pl.lit(locale), pl.col("source_hash").fill_null(""),
        pl.col("facts_hash"), pl.lit(version),
    ]  # fmt: skip
    spelled = known.select(explanation_key=pl.concat_str(parts, separator=_SEPARATOR)).to_series()
    both = pl.concat_str(["source_hash", "facts_hash"], separator=".", ignore_nulls=True)
    keyed = known.with_columns(stable_hash(spelled, 32), facts_hash=both)
    columns = (*SENTENCE, "shared", "facts_hash", "explanation_key")
    return keyed.select(columns).sort("explanation_key")


def with_keys(chosen: pl.DataFrame, sentences: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows in their order with the key of the sentence that each needs."""
    keyed = sentences.select(*SENTENCE, "explanation_key")
    return chosen.join(keyed, on=[*SENTENCE], how="left", nulls_equal=True, maintain_order="left")
