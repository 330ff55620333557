"""Fact sheets: all that a sentence may say of an item, and nothing that the catalogue does not."""

import hashlib

import polars as pl

from assets.explanations.titles import display_title, plain_text, title_year
from core.explanation_settings import ExplanationSettings

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
    n = settings.max_names
    stated = items.select(
        item_id="item_id",
        title=display_title(pl.col("title"), pl.col("item_id"), settings.max_title_chars),
        year=pl.coalesce(_year_in_facts(), title_year(pl.col("title"))),
        creators=_listed(pl.col("creators")),
        cast=_listed(_names_in_facts("cast", n)),
        series=_text_in_facts("series"),
        themes=_listed(pl.col("themes")),
        genres=_listed(pl.col("genres")),
        awards=_listed(_names_in_facts("awards", n)),
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


def _listed(names: pl.Expr) -> pl.Expr:
    """Cleans a list's entries; drops empty and repeated ones; no list becomes the empty one."""
    clean = names.list.eval(plain_text(pl.element()))
    known = clean.list.filter(pl.element().str.len_bytes() > 0)
    return known.list.unique(maintain_order=True).fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _fact(path: str) -> pl.Expr:
    return pl.col("facts").str.json_path_match(path)


def _year_in_facts() -> pl.Expr:
    return _fact("$.year").str.extract(r"^(\d{4})$", 1).cast(pl.Int32)


def _text_in_facts(name: str) -> pl.Expr:
    text = plain_text(_fact(f"$.{name}"))
    return pl.when(text.str.contains(r"^[^\[{]")).then(text)


def _names_in_facts(name: str, n: int) -> pl.Expr:
    """Reads up to n names from a JSON list of strings, or from a lone string."""
    value = _fact(f"$.{name}")
    entries = [value.str.json_path_match(f"$[{place}]") for place in range(n)]
    many = pl.concat_list([pl.when(e.str.contains(r"^[^\[{]")).then(e) for e in entries])
    one = pl.concat_list([pl.when(value.str.contains(r"^[^\[{]")).then(value)])
    return pl.when(value.str.starts_with("[")).then(many).otherwise(one).list.drop_nulls()
