import numpy as np
import polars as pl

from assets.explanations.together import count_together


def test_counts_agree_with_a_join_over_many_blocks() -> None:
    rng = np.random.default_rng(1)
    n = 6_000
    interactions = pl.DataFrame({
        "user_id": rng.integers(0, 60, n).astype(str),
        "item_id": rng.integers(0, 1_300, n).astype(str),
        "weight_micro": rng.integers(-1, 3, n),
    }).unique(["user_id", "item_id"], keep="first", maintain_order=True)  # fmt: skip
    ids = np.arange(1_301).astype(str)  # one item that nobody has
    pairs = pl.DataFrame({
        "source_item_id": rng.choice(ids, 5_000), "target_item_id": rng.choice(ids, 5_000),
    }).unique(maintain_order=True)  # fmt: skip
    positive = interactions.filter(pl.col("weight_micro") > 0).select("user_id", "item_id")
    joined = (
        positive.join(positive, on="user_id", suffix="_2").group_by("item_id", "item_id_2").len()
    )
    expected = pairs.join(
        joined, left_on=["source_item_id", "target_item_id"], right_on=["item_id", "item_id_2"],
        how="left", maintain_order="left",
    )["len"].fill_null(0)  # fmt: skip
    found = count_together(pairs, interactions)
    assert found.select("source_item_id", "target_item_id").equals(pairs)
    assert found["n_together"].to_list() == expected.to_list()
    assert found["n_together"].max() > 1


def test_without_history_or_pairs_nothing_is_counted() -> None:
    pairs = pl.DataFrame({"source_item_id": ["a"], "target_item_id": ["b"]})
    history = pl.DataFrame({"user_id": ["u"], "item_id": ["a"], "weight_micro": [1]})
    assert count_together(pairs, history)["n_together"].to_list() == [0]
    assert count_together(pairs, history.clear())["n_together"].to_list() == [0]
    assert count_together(pairs.clear(), history).height == 0
