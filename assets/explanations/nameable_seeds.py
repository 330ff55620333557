"""Which rows have a seed that a sentence may name."""

import polars as pl

_SEPARATOR = "\x1f"


def nameable_seeds(
    rows: pl.DataFrame, sheets: pl.DataFrame, disliked: pl.DataFrame | None, list_column: str
) -> pl.DataFrame:
    """Returns the rows in their order with `seed`: the seed item, or null where none may be named.

    None is named that is the item itself, that the list's owner disliked, or that has the item's
    own title and year: no sentence could tell those two apart.

    Args:
        rows: `list_column`, item_id, seed_item_id (nullable).
        sheets: the fact sheets of all items.
        disliked: pairs (`list_column`, item_id) that may never be a seed.
        list_column: what identifies a list.
    """
    usable = pl.col("seed_item_id") != pl.col("item_id")
    seeded = rows.with_columns(seed=pl.when(usable).then(pl.col("seed_item_id").cast(pl.String)))
    return _without_namesakes(_without_disliked(seeded, disliked, list_column), sheets)


def _without_disliked(
    rows: pl.DataFrame, disliked: pl.DataFrame | None, list_column: str
) -> pl.DataFrame:
    if disliked is None:
        return rows
    barred = disliked.select(list_column, seed="item_id", barred=pl.lit(True)).unique()
    marked = rows.join(barred, on=[list_column, "seed"], how="left", maintain_order="left")
    return marked.with_columns(seed=pl.when(pl.col("barred").is_null()).then("seed")).drop("barred")


def _without_namesakes(rows: pl.DataFrame, sheets: pl.DataFrame) -> pl.DataFrame:
    lowered = pl.col("title").str.to_lowercase()
    name = pl.concat_str(lowered, "year", separator=_SEPARATOR, ignore_nulls=True)
    names = sheets.select("item_id", item_name=name)
    theirs = names.rename({"item_id": "seed", "item_name": "seed_name"})
    named = rows.join(names, on="item_id", how="left", maintain_order="left").join(
        theirs, on="seed", how="left", maintain_order="left"
    )
    alike = (pl.col("seed_name") == pl.col("item_name")).fill_null(False)
    return named.with_columns(seed=pl.when(~alike).then("seed")).drop("item_name", "seed_name")
