"""How many people two items have in common: what lets a sentence speak of other people."""

import numpy as np
import polars as pl
import scipy.sparse as sp

_SOURCES_AT_ONCE = 512


def count_together(pairs: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    """Returns the pairs with the number of distinct users of positive weight for both items.

    Time and memory are those of the products of 512 source items at a time with the whole
    history: the sum of squared history lengths in all.

    Args:
        pairs: distinct source_item_id, target_item_id.
        interactions: schema INTERACTIONS (or its user_id, item_id, weight_micro).

    Returns:
        source_item_id, target_item_id, n_together (int64; 0 where an item has no history), in the
        order given.
    """
    positive = interactions.filter(pl.col("weight_micro") > 0).select("user_id", "item_id").unique()
    items = positive.select("item_id").unique().sort("item_id").with_row_index("num")
    users = positive.select("user_id").unique().sort("user_id").with_row_index("user_num")
    cells = positive.join(items, on="item_id").join(users, on="user_id")
    ones = np.ones(cells.height, dtype=np.int32)
    shape = (items.height, users.height)
    by_item = sp.csr_matrix((ones, (cells["num"].to_numpy(), cells["user_num"].to_numpy())), shape)
    by_user = by_item.T.tocsr()
    numbered = (
        pairs.with_row_index("at")
        .join(items.rename({"item_id": "source_item_id", "num": "s"}), on="source_item_id")
        .join(items.rename({"item_id": "target_item_id", "num": "t"}), on="target_item_id")
        .sort("s", "t")
    )
    counts = np.zeros(pairs.height, dtype=np.int64)
    places, s, t = (numbered[name].to_numpy() for name in ("at", "s", "t"))
    for start in range(0, items.height, _SOURCES_AT_ONCE):
        low, high = np.searchsorted(s, [start, start + _SOURCES_AT_ONCE])
        if low == high:
            continue
        block = by_item[start : start + _SOURCES_AT_ONCE] @ by_user  # (512, n_items)
        counts[places[low:high]] = np.asarray(block[s[low:high] - start, t[low:high]]).ravel()
    return pairs.with_columns(n_together=pl.Series(counts, dtype=pl.Int64))
