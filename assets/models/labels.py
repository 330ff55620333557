"""What people can say they like or dislike: an item's genres and its primary category.

Names are compared without regard to case and blanks at the ends, as people type them. Unlike
content tokens a label counts even where only one item has it.
"""

import polars as pl
import scipy.sparse as sp

from assets.models.arrays import Numbering
from assets.models.content import multi_hot


def label(name: str) -> pl.Expr:
    """Returns a column of names as labels."""
    return pl.col(name).str.strip_chars().str.to_lowercase()


def item_labels(items: pl.DataFrame) -> pl.DataFrame:
    """Returns (item_id, label), each pair once, for ITEMS."""
    genres = items.select("item_id", label="genres").explode(
        "label", empty_as_null=False, keep_nulls=False
    )
    named = pl.concat([genres, items.select("item_id", label="category")]).drop_nulls("label")
    return named.with_columns(label("label")).unique()


def label_names(items: pl.DataFrame) -> list[str]:
    """Returns all labels of a catalogue, ascending."""
    return item_labels(items)["label"].unique().sort().to_list()


def labelled_items(items: pl.DataFrame, numbering: Numbering, names: list[str]) -> sp.csr_matrix:
    """Returns which labels items have, (n_items, n_labels) float32 of ones."""
    rows = numbering.number(item_labels(items)).rename({"label": "token"})
    return multi_hot(rows, "item_num", names, numbering.shape[1])


def stated_labels(
    users: pl.DataFrame, numbering: Numbering, column: str, names: list[str]
) -> sp.csr_matrix:
    """Returns which labels users stated, (n_users, n_labels) float32 of ones.

    Args:
        users: USERS.
        numbering: the date's numbering.
        column: `preferences` or `dislikes`.
        names: `label_names`.
    """
    stated = (
        numbering.number(users.select("user_id", token=pl.col(column)))
        .explode("token", empty_as_null=False, keep_nulls=False)
        .with_columns(token=label("token"))
        .unique()
    )
    return multi_hot(stated, "user_num", names, numbering.shape[0])
