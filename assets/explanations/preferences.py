"""Which of a user's stated preferences a list item fits."""

import polars as pl


def preferred_genres(rows: pl.DataFrame, users: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows in their order with `preference_genre`.

    It is the first of the item's genres that the user said they like (case and blanks at the
    ends ignored), as the item spells it, or null.

    Args:
        rows: user_id, item_id and any other columns; each pair at most once.
        users: schema USERS.
        items: schema ITEMS.
    """
    genres = items.select("item_id", genre="genres").filter(pl.col("genre").list.len() > 0)
    places = genres.with_columns(place=pl.int_ranges(pl.col("genre").list.len()))
    offered = places.explode("genre", "place").with_columns(token=_token("genre"))
    liked = (
        users.select("user_id", token="preferences")
        .filter(pl.col("token").list.len() > 0)
        .explode("token")
        .select("user_id", _token("token"))
        .unique()
    )
    pairs = rows.select("user_id", "item_id").join(
        users.filter(pl.col("preferences").list.len() > 0).select("user_id"),
        on="user_id",
        how="semi",
    )
    fitting = (
        pairs.join(offered, on="item_id")
        .join(liked, on=["user_id", "token"], how="semi")
        .sort("user_id", "item_id", "place")
        .group_by("user_id", "item_id", maintain_order=True)
        .agg(preference_genre=pl.col("genre").first())
    )
    return rows.join(fitting, on=["user_id", "item_id"], how="left", maintain_order="left")


def _token(name: str) -> pl.Expr:
    return pl.col(name).str.strip_chars().str.to_lowercase()
