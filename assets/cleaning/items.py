"""The items known at D, with their themes."""

import string
from collections.abc import Collection

import narwhals as nw
import polars as pl

from core import schemas
from core.engine import Frame


def first_events(clean_events: Frame) -> Frame:
    """Returns when each item was first seen in a clean event: item_id, first_event_us."""
    return clean_events.group_by("item_id").agg(nw.col("occurred_us").min().alias("first_event_us"))


def count_themes(tags: Frame, excluded_users: Frame, before_us: int) -> Frame:
    """Returns how many people gave each theme to each item before D.

    Args:
        tags: TAGS.
        excluded_users: `exclusion.excluded_users`; their tags count no more than their events.
        before_us: D 00:00 UTC.

    Returns:
        item_id, theme as written, n_users.
    """
    earlier = tags.filter(nw.col("occurred_us") < before_us)
    given = earlier.join(excluded_users, on="user_id", how="anti")
    once = given.select("item_id", "theme", "user_id").unique()
    return once.group_by("item_id", "theme").agg(nw.len().cast(nw.Int64).alias("n_users"))


def items_at(
    latest_items: pl.DataFrame,
    themes: pl.DataFrame,
    first_events: pl.DataFrame,
    before_us: int,
    taken_down: Collection[str] = (),
) -> pl.DataFrame:
    """Returns ITEMS: the catalogue at D, and items that only events know.

    In Polars, on collected frames of the catalogue's size: no engine agrees with another on
    building lists. An item that comes out or becomes available at D or later is left out even
    where events name it already. Themes are the catalogue's own, in its order, then the tags,
    most givers first; all trimmed and in lower case (ASCII), each once. An item that is taken
    down cannot be had from the cut on, and has lost its title: no list holds it, no sentence
    names it.

    Args:
        latest_items: `latest.latest_items`, collected.
        themes: `count_themes`, collected.
        first_events: `first_events`, collected.
        before_us: D 00:00 UTC.
        taken_down: ids of items that may not be shown.
    """
    there = pl.all_horizontal(
        pl.col(name).fill_null(before_us - 1) < before_us
        for name in ("released_us", "available_from_us")
    )
    catalogue = (
        latest_items.filter(there)
        .join(first_events, on="item_id", how="left")
        .with_columns(in_catalogue=pl.lit(True))
    )
    unlisted = first_events.join(latest_items, on="item_id", how="anti").with_columns(
        in_catalogue=pl.lit(False)
    )
    known = pl.concat([catalogue, unlisted], how="diagonal")
    merged = known.drop("themes").join(_merge_themes(known, themes), on="item_id", how="left")
    shown = merged.with_columns(**_taken_down(taken_down, before_us)) if taken_down else merged
    return shown.select(schemas.ITEMS.names).sort("item_id")


def _taken_down(item_ids: Collection[str], before_us: int) -> dict[str, pl.Expr]:
    hidden = pl.col("item_id").is_in(sorted(item_ids))
    until = pl.min_horizontal("available_until_us", pl.lit(before_us))
    return {
        "title": pl.when(~hidden).then("title"),
        "available_until_us": pl.when(hidden).then(until).otherwise("available_until_us"),
    }


def _merge_themes(items: pl.DataFrame, themes: pl.DataFrame) -> pl.DataFrame:
    """Returns item_id and its list of themes, for items that have any."""
    own = (
        items.select("item_id", theme="themes")
        .with_columns(place=pl.int_ranges(pl.col("theme").list.len()))
        .explode("theme", "place", empty_as_null=False)
        .select("item_id", _plain("theme"), pl.col("place"), n_users=pl.lit(0))
    )
    given = (
        themes.with_columns(_plain("theme"))
        .group_by("item_id", "theme")
        .agg(pl.col("n_users").sum())
        .with_columns(place=pl.lit(None, pl.Int64))
    )
    every = pl.concat([own, given.select(own.columns)], how="vertical_relaxed")
    ordered = (
        every.filter(pl.col("theme").fill_null("") != "")
        .sort("item_id", "place", -pl.col("n_users"), "theme", nulls_last=True)
        .unique(["item_id", "theme"], keep="first", maintain_order=True)
    )
    return ordered.group_by("item_id", maintain_order=True).agg(pl.col("theme").alias("themes"))


def _plain(name: str) -> pl.Expr:
    """Trims blanks and lowers A to Z; other alphabets have rules that depend on the library."""
    capitals = dict(zip(string.ascii_uppercase, string.ascii_lowercase, strict=True))
    return pl.col(name).str.strip_chars(string.whitespace).str.replace_many(capitals).alias(name)
