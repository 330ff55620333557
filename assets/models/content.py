"""What items are about and what users say they like, as multi-hot matrices."""

import numpy as np
import polars as pl
import scipy.sparse as sp

from assets.models.arrays import Numbering
from core.item_facts import names_in_facts


def item_tokens(items: pl.DataFrame) -> pl.DataFrame:
    """Returns (item_id, token): `genre:Comedy`, `creator:…`, `theme:…`, `cast:…`, `series:…`."""
    names = items.select("item_id").hstack(names_in_facts(items["facts"]))
    lists = (
        (items, "genres", "genre"),
        (items, "creators", "creator"),
        (items, "themes", "theme"),
        (names, "cast", "cast"),
    )
    parts = [
        items.select("item_id", token=pl.format("category:{}", "category")),
        names.select("item_id", token=pl.format("series:{}", "series")),
        *(
            frame.select("item_id", token=pl.col(column))
            .explode("token", empty_as_null=False, keep_nulls=False)
            .with_columns(token=pl.format(name + ":{}", "token"))
            for frame, column, name in lists
        ),
    ]
    return pl.concat(parts).drop_nulls().unique().sort("item_id", "token")


def vocabulary(items: pl.DataFrame, min_items: int = 2) -> list[str]:
    """Returns the content tokens, ascending, that at least `min_items` items share.

    What only one item has says nothing about likeness.
    """
    shared = item_tokens(items).group_by("token").len().filter(pl.col("len") >= min_items)
    return shared["token"].sort().to_list()


def item_content(items: pl.DataFrame, numbering: Numbering, tokens: list[str]) -> sp.csr_matrix:
    """Returns the items' content features, (n_items, n_tokens) float32 of ones.

    Args:
        items: ITEMS of the fold.
        numbering: the date's numbering.
        tokens: `vocabulary`, one for all folds of a date, so that columns keep their meaning.
    """
    return multi_hot(numbering.number(item_tokens(items)), "item_num", tokens, numbering.shape[1])


def user_preferences(users: pl.DataFrame, numbering: Numbering, tokens: list[str]) -> sp.csr_matrix:
    """Returns stated likes as columns of `item_content`, (n_users, n_tokens) float32.

    A name finds `genre:<name>` whatever its case, or `category:<name>` where no genre is called so.

    Args:
        users: USERS.
        numbering: the date's numbering.
        tokens: the tokens of `item_content`.
    """
    named = pl.DataFrame({"token": tokens}, schema={"token": pl.String}).with_columns(
        name=pl.col("token").str.extract(r"^(?:genre|category):(.*)$").str.to_lowercase()
    )
    # Descending, so that `genre:` goes before `category:`.
    by_name = (
        named.drop_nulls("name")
        .sort("token", descending=True)
        .unique("name", keep="first", maintain_order=True)
    )
    stated = (
        numbering.number(users.select("user_id", name="preferences"))
        .explode("name", empty_as_null=False, keep_nulls=False)
        .with_columns(pl.col("name").str.strip_chars().str.to_lowercase())
        .join(by_name, on="name", how="inner")
        .select("user_num", "token")
        .unique()
    )
    return multi_hot(stated, "user_num", tokens, numbering.shape[0])


def multi_hot(frame: pl.DataFrame, row: str, tokens: list[str], n_rows: int) -> sp.csr_matrix:
    """Returns a frame of (row number, token) as a matrix (n_rows, n_tokens) float32 of ones.

    Args:
        frame: `row` and `token`, each pair once; a token that is not among `tokens` is left out.
        row: the column with the row numbers.
        tokens: the columns' names, in order.
        n_rows: number of rows.
    """
    columns = pl.DataFrame(
        {"token": tokens, "column": np.arange(len(tokens), dtype=np.int32)},
        schema={"token": pl.String, "column": pl.Int32},
    )
    placed = frame.join(columns, on="token", how="inner").sort(row, "column")
    ones = np.ones(placed.height, dtype=np.float32)
    return sp.csr_matrix(
        (ones, (placed[row].to_numpy(), placed["column"].to_numpy())), shape=(n_rows, len(tokens))
    )


def content_affinity(
    weights: sp.csr_matrix, unit: sp.csr_matrix, rows: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """Returns how near each pair's item lies to its user's history by content, in [0, 1].

    Cosine between the item's inverse-frequency-weighted tokens and the weighted mean of the
    user's history.

    Args:
        weights: (n, n_items) history of the users concerned.
        unit: `weighted_content`, (n_items, n_tokens).
        rows: (N,) row of each pair's user in `weights`.
        items: (N,) item numbers.
    """
    profile = _unit_rows(weights @ unit)
    return np.asarray(profile[rows].multiply(unit[items]).sum(axis=1)).ravel().astype(np.float32)


def weighted_content(content: sp.csr_matrix) -> sp.csr_matrix:
    """Returns items as unit vectors, rare tokens weighing more, (n_items, n_tokens)."""
    frequency = np.asarray(content.sum(axis=0)).ravel()
    rarity = np.log((1 + content.shape[0]) / (1 + frequency)).astype(np.float32)
    return _unit_rows(content @ sp.diags_array(rarity))


def _unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    matrix = sp.csr_matrix(matrix, dtype=np.float32)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return sp.csr_matrix(sp.diags_array(scale.astype(np.float32)) @ matrix)
