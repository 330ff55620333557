"""Fact sheets: all that a sentence may say of an item, and nothing that the catalogue does not."""

import hashlib

import polars as pl

from core.explanation_settings import ExplanationSettings
from core.item_facts import names_in_facts
from core.titles import display_titles, plain_text, title_year

LISTS = ("creators", "cast", "themes", "genres", "awards")
_FIELD, _ENTRY = "\x1e", "\x1f"  # cannot occur in plain text, so the hashed spelling is unambiguous

SHEET = {
    "item_id": pl.String(),
    "title": pl.String(),
    "year": pl.Int32(),
    "creators": pl.List(pl.String()),
    "cast": pl.List(pl.String()),
    "series": pl.String(),
    "themes": pl.List(pl.String()),
    "genres": pl.List(pl.String()),
    "awards": pl.List(pl.String()),
    "facts_hash": pl.String(),
}


def fact_sheets(items: pl.DataFrame, settings: ExplanationSettings) -> pl.DataFrame:
    """Returns one fact sheet an item, by item id.

    Lists keep the catalogue's order (billing), without repeats, and are empty where it says
    nothing. The year is the one in `facts`, else the one that ends the title. A value in `facts`
    that is not of the expected kind counts as absent.

    Args:
        items: schema ITEMS (or any frame with its item_id, title, genres, creators, themes, facts).
        settings: lengths.

    Returns:
        Schema SHEET; `facts_hash` is 16 hex digits over all other columns.
    """
    names = names_in_facts(items["facts"])
    known = items.select(
        "item_id", "title", "genres", "creators", "themes",
        names["series"],
        names["cast"].list.head(settings.max_names),
        names["awards"].list.head(settings.max_names),
        year=pl.col("facts").str.json_path_match("$.year"),
    )  # fmt: skip
    year = pl.col("year").str.extract(r"^(\d{4})$", 1).cast(pl.Int32)
    stated = known.select(
        "item_id",
        title=display_titles(items, settings.max_title_chars),
        year=pl.coalesce(year, title_year(pl.col("title"))),
        creators=_listed("creators"),
        cast=_listed("cast"),
        series=_or_absent(plain_text(pl.col("series"))),
        themes=_listed("themes"),
        genres=_listed("genres"),
        awards=_listed("awards"),
    )
    hashed = stated.with_columns(facts_hash=_hashes(stated))
    return hashed.select([pl.col(name).cast(kind) for name, kind in SHEET.items()]).sort("item_id")


def stable_hash(texts: pl.Series, digits: int) -> pl.Series:
    """Returns the first hex digits of each text's SHA-256.

    No vectorised hash here is both cryptographic and the same on every library version; this one
    takes 0.6 s for a million texts, and callers pass distinct ones only.
    """
    digests = [hashlib.sha256(text.encode()).hexdigest()[:digits] for text in texts]
    return pl.Series(texts.name, digests, dtype=pl.String())


def _hashes(stated: pl.DataFrame) -> pl.Series:
    spelled = [
        pl.col(name).list.join(_ENTRY) if name in LISTS else pl.col(name).cast(pl.String)
        for name in stated.columns
    ]
    present = [part.fill_null("") for part in spelled]
    return stable_hash(stated.select(pl.concat_str(present, separator=_FIELD)).to_series(), 16)


def _listed(name: str) -> pl.Expr:
    """Cleans a list's entries; drops empty and repeated ones; no list becomes the empty one."""
    clean = pl.col(name).list.eval(plain_text(pl.element()))
    known = clean.list.filter(pl.element().str.len_bytes() > 0)
    return known.list.unique(maintain_order=True).fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _or_absent(text: pl.Expr) -> pl.Expr:
    """Returns null where nothing of a text is left."""
    return pl.when(text != "").then(text)
