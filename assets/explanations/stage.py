"""Makes the explanations: a reason for every list row, and each sentence once."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from assets.explanations.numbers import SentenceNumbers
from assets.explanations.preferences import preferred_genres
from assets.explanations.shared_facts import read_catalogue
from assets.explanations.signals import item_signals
from assets.explanations.together import count_together
from assets.explanations.write import explain_block
from core.night import Made, Night
from core.schemas import (
    EXPLANATIONS,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    LISTS,
    RANKED,
    USERS,
)
from core.staging import Staging

_FOLD = "release"
_ROWS_PER_BLOCK = 262_144


def make_explanations(night: Night) -> Made:
    """Makes `explanations`: lists.parquet (every row with its reason) and explanations.parquet."""
    settings = night.settings.explanations

    def write(staging: Staging) -> None:
        sentences: list[pl.DataFrame] = []

        def tables() -> Iterator[pa.Table]:
            for rows in _explained(night, sentences):
                yield rows.select(LISTS.names).to_arrow()

        n_rows = staging.write_batches(tables(), LISTS)
        written = pl.concat([pl.DataFrame(schema=EXPLANATIONS.polars), *sentences])
        staging.write_table(written, EXPLANATIONS)
        shares = written.group_by("reason_type").len().sort("reason_type")
        staging.facts.update(
            n_rows=n_rows,
            n_sentences=written.height,
            sentences_by_reason=dict(shares.iter_rows()),
        )

    inputs = ["ranked", "items", "users", "interactions", "item_features"]
    return night.make("explanations", write, inputs=inputs, config=settings.model_dump())


def _explained(night: Night, sentences: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yields the lists with their reasons in blocks of whole users; collects the sentences."""
    settings = night.settings.explanations
    items, users = night.get("items").table(ITEMS), night.get("users").table(USERS)
    pairs = night.get("interactions").table(INTERACTIONS, _FOLD)
    disliked = pairs.filter(pl.col("n_negative") > 0).select("user_id", "item_id")
    features = night.get("item_features").table(ITEM_FEATURES, _FOLD)
    signals = item_signals(items, features, night.before_us, settings).join(
        items.select("item_id", item_num=pl.int_range(pl.len(), dtype=pl.Int32)), on="item_id"
    )
    catalogue = read_catalogue(items, settings)
    together = count_together(_seeded_pairs(night), pairs).rename(
        {"source_item_id": "seed_item_id", "target_item_id": "item_id"}
    )
    numbers = SentenceNumbers()
    for rows in _blocks(night):
        marked = (
            preferred_genres(rows, users, items)
            .join(signals, on="item_id", how="left", maintain_order="left")
            .join(together, on=["seed_item_id", "item_id"], how="left", maintain_order="left")
        )
        explained, written = explain_block(marked, catalogue, settings, numbers, disliked=disliked)
        sentences.append(written)
        yield explained


def _seeded_pairs(night: Night) -> pl.DataFrame:
    """Returns every distinct pair of a seed and an item that it recommended, in order."""
    rows = pl.scan_parquet(night.get("ranked").table_path(RANKED))
    pairs = rows.select(source_item_id="seed_item_id", target_item_id="item_id").drop_nulls()
    distinct = pairs.unique().collect(engine="streaming")
    return distinct.sort("source_item_id", "target_item_id")


def _blocks(night: Night) -> Iterator[pl.DataFrame]:
    """Yields the ranked rows in order, cut between users."""
    rows = pl.scan_parquet(night.get("ranked").table_path(RANKED))
    sizes = rows.group_by("user_id").len().collect().sort("user_id")
    block = sizes.with_columns(block=(pl.col("len").cum_sum() - 1) // _ROWS_PER_BLOCK)
    start = 0
    for (_,), part in block.group_by("block", maintain_order=True):
        n_rows = int(part["len"].sum())
        yield rows.slice(start, n_rows).collect()
        start += n_rows
