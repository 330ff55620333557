"""Titles as people say them, from titles as catalogues file them."""

import polars as pl

_INVISIBLE = (
    r"[\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}\x{FEFF}"
    r"\x{FFF9}-\x{FFFB}\x{E0000}-\x{E007F}]"
)
_TAG = r"</?[A-Za-z!][^<>]*>"
_YEAR = r"\s*\((\d{4})(?:\s*[-–]\s*(?:\d{4})?)?\)\s*$"
_OTHER_TITLES = r"(?:\s*\((?:[^()]|\([^()]*\))*\))+\s*$"
_ARTICLE = r"^(.+), (The|A|An)$"
_FOREIGN_ARTICLE = (
    r"^(.+), (La|Le|Les|El|Los|Las|Il|Lo|I|Das|Der|Die|Det|Den|Da|Un|Une|Una|Ein|Eine)$"
)
_ELIDED = r"^(.+), ([LlD]['’])$"


def plain_text(text: pl.Expr) -> pl.Expr:
    """Returns text in NFC, trimmed, single-spaced, without markup or invisible characters."""
    return (
        text.str.normalize("NFC")
        .str.replace_all(_INVISIBLE, "")
        .str.replace_all(r"[\p{Cc}\p{Z}]+", " ")
        .str.replace_all(_TAG, "")
        .str.replace_all(r" {2,}", " ")
        .str.strip_chars(" ")
    )


def title_year(title: pl.Expr) -> pl.Expr:
    """Returns the year that ends a title (`Heat (1995)`; of a span the first), else null."""
    return plain_text(title).str.extract(_YEAR, 1).cast(pl.Int32)


def display_titles(items: pl.DataFrame, max_chars: int) -> pl.Series:
    """Returns each item's title for use inside a sentence.

    The year at its end goes, and with it the other titles in parentheses before it, and an
    article behind a comma returns to the front: so MovieLens and its like file their titles.
    Where no year ends the title only `, The`, `, A` and `, An` move and the rest stays as it is.
    An item without a title is called by its id in quotes.

    Args:
        items: item_id, title (nullable).
        max_chars: longest result; a longer title is cut and ends with an ellipsis.
    """
    dated = pl.col("clean").str.contains(_YEAR)
    foreign = pl.col("bare").str.replace(_FOREIGN_ARTICLE, "$2 $1").str.replace(_ELIDED, "$2$1")
    front = pl.when(dated).then(foreign).otherwise("bare").str.replace(_ARTICLE, "$2 $1")
    quoted_id = pl.format("“{}”", plain_text(pl.col("item_id")))
    cut = pl.format("{}…", pl.col("named").str.head(max_chars - 1).str.strip_chars_end(" "))
    return (
        # One step a frame: an expression that uses another twice computes it twice.
        items.select("item_id", clean=plain_text(pl.col("title")))
        .with_columns(undated=pl.col("clean").str.replace(_YEAR, ""))
        .with_columns(short=pl.col("undated").str.replace(_OTHER_TITLES, ""))
        .with_columns(
            bare=pl.when(dated & (pl.col("short") != "")).then("short")
            .when(dated & (pl.col("undated") != "")).then("undated")
            .otherwise("clean")
        )
        .with_columns(spoken=front)
        .with_columns(
            named=pl.when(pl.col("spoken").fill_null("") == "").then(quoted_id).otherwise("spoken")
        )
        .select(
            title=pl.when(pl.col("named").str.len_chars() > max_chars).then(cut).otherwise("named")
        )
        .to_series()
    )  # fmt: skip
