"""Which facts two items share, for many pairs at once."""

from dataclasses import dataclass

import polars as pl

from assets.explanations.facts import fact_sheets
from core.explanation_settings import ExplanationSettings

FACT_TYPES = {
    "same_series": "series",
    "same_creator": "creators",
    "same_cast": "cast",
    "same_theme": "themes",
    "same_genre": "genres",
}
_PAIRS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Catalogue:
    """The items, prepared once for any number of blocks of rows.

    Attributes:
        sheets: schema `facts.SHEET`, by item id.
        tokens: one speakable fact of one item: item_id, reason_type, code (uint32: the same for
            the same fact whatever its case), spoken (as this item's sheet spells it), place.
        codes: item_id and the list of all its codes.
    """

    sheets: pl.DataFrame
    tokens: pl.DataFrame
    codes: pl.DataFrame


def read_catalogue(items: pl.DataFrame, settings: ExplanationSettings) -> Catalogue:
    """Returns the catalogue of schema ITEMS: every item's fact sheet and what may be said of it."""
    sheets = fact_sheets(items, settings)
    columns = [
        _entries(sheets, name).with_columns(reason_type=pl.lit(kind))
        for kind, name in FACT_TYPES.items()
    ]
    listed = pl.concat(columns)
    distinct = listed.select("spoken").unique().filter(_is_speakable(settings))
    spoken = listed.join(distinct, on="spoken", how="semi")
    tokens = (
        spoken.with_columns(
            code=pl.struct("reason_type", token=pl.col("spoken").str.to_lowercase()).rank("dense")
        )
        .sort("item_id", "code", "place")
        .unique(["item_id", "code"], keep="first", maintain_order=True)
        .select("item_id", "reason_type", pl.col("code").cast(pl.UInt32), "spoken", "place")
    )
    codes = tokens.group_by("item_id", maintain_order=True).agg("code")
    return Catalogue(sheets, tokens, codes)


def shared_facts(pairs: pl.DataFrame, catalogue: Catalogue, n: int) -> pl.DataFrame:
    """Returns what each pair of items has in common.

    Which facts are named, and in which order, follows from the two sheets alone (the order of the
    target's), so that a sentence is a function of its key.

    Args:
        pairs: distinct source_item_id, target_item_id.
        catalogue: the items.
        n: most facts of one kind.

    Returns:
        source_item_id, target_item_id, reason_type, shared (list of 1 to n strings as the
        target's sheet spells them); by the first three.
    """
    blocks = [
        _shared_in_block(pairs.slice(start, _PAIRS_AT_ONCE), catalogue, n)
        for start in range(0, max(pairs.height, 1), _PAIRS_AT_ONCE)
    ]
    return pl.concat(blocks).sort("source_item_id", "target_item_id", "reason_type")


def _shared_in_block(pairs: pl.DataFrame, catalogue: Catalogue, n: int) -> pl.DataFrame:
    source = catalogue.codes.rename({"item_id": "source_item_id", "code": "theirs"})
    target = catalogue.codes.rename({"item_id": "target_item_id", "code": "ours"})
    numbered = pairs.select("source_item_id", "target_item_id").with_row_index("pair")
    common = (
        numbered.join(source, on="source_item_id")
        .join(target, on="target_item_id")
        .select("pair", "target_item_id", code=pl.col("ours").list.set_intersection("theirs"))
        .explode("code", empty_as_null=False)
        .drop_nulls("code")
    )
    named = (
        common.join(
            catalogue.tokens, left_on=["target_item_id", "code"], right_on=["item_id", "code"]
        )
        .sort("pair", "reason_type", "place")
        .group_by("pair", "reason_type", maintain_order=True)
        .agg(shared=pl.col("spoken").head(n))
    )
    return numbered.join(named, on="pair").drop("pair")


def _entries(sheets: pl.DataFrame, name: str) -> pl.DataFrame:
    """Returns one row for each entry of one column of the sheets."""
    as_list = pl.concat_list(name) if name == "series" else pl.col(name)
    entries = sheets.select("item_id", spoken=as_list).filter(pl.col("spoken").list.len() > 0)
    places = entries.with_columns(place=pl.int_ranges(pl.col("spoken").list.len()))
    return places.explode("spoken", "place").drop_nulls("spoken")


def _is_speakable(settings: ExplanationSettings) -> pl.Expr:
    text = pl.col("spoken")
    speakable = text.str.len_chars() <= settings.max_fact_chars
    for pattern in settings.unspoken:
        speakable &= ~text.str.contains(f"(?i){pattern}")
    return speakable
