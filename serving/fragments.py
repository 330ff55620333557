"""The pieces of JSON from which answers are joined, in one file with the places of each.

    ,{"item_id":"858","title":"…","rank":      an item's head
    ,"reason":{"type":…,"text":…}}             a row's tail

Between them the server puts rank, score and rung.
"""

import polars as pl

from core.titles import display_titles

_MAX_TITLE_CHARS = 120


def item_heads(items: pl.DataFrame) -> pl.Series:
    """Returns the head of each item.

    Args:
        items: item_id, title.
    """
    whole = pl.struct("item_id", "title").struct.json_encode()
    return items.select(
        pl.concat_str(pl.lit(","), whole.str.strip_suffix("}"), pl.lit(',"rank":')).alias("head")
    ).to_series()


def reason_tails(reasons: pl.DataFrame) -> pl.Series:
    """Returns the tail of each reason.

    Args:
        reasons: reason_type, source_item_id (or null), text, origin.
    """
    fields = ("source_item_id", "text", "origin")
    whole = pl.struct(pl.col("reason_type").alias("type"), *fields).struct.json_encode()
    return reasons.select(
        pl.concat_str(pl.lit(',"reason":'), whole, pl.lit("}")).alias("tail")
    ).to_series()


def segment_reasons(segments: list[str], prefix: str) -> pl.DataFrame:
    """Returns the reason that every row of a segment's list has: being on that list.

    Args:
        segments: names, `genre:<name>` or `trending`.
        prefix: what marks a genre's name.
    """
    names = pl.Series("segment", segments, dtype=pl.String)
    genre = pl.col("segment").str.strip_prefix(prefix)
    is_genre = pl.col("segment").str.starts_with(prefix)
    return names.to_frame().select(
        pl.when(is_genre)
        .then(pl.lit("popular_in_genre"))
        .otherwise(pl.lit("trending"))
        .alias("reason_type"),
        pl.lit(None, pl.String).alias("source_item_id"),
        pl.when(is_genre)
        .then(pl.concat_str(pl.lit("Popular in "), genre, pl.lit(".")))
        .otherwise(pl.lit("Trending now."))
        .alias("text"),
        pl.lit("template").alias("origin"),
    )


def session_reasons(items: pl.DataFrame) -> pl.DataFrame:
    """Returns, for each item, the reason of a row shown because someone has just seen that item.

    Args:
        items: item_id, title.
    """
    return items.select(
        pl.lit("just_seen").alias("reason_type"),
        pl.col("item_id").alias("source_item_id"),
        pl.format("Because you just looked at {}.", display_titles(items, _MAX_TITLE_CHARS)).alias(
            "text"
        ),
        pl.lit("template").alias("origin"),
    )
