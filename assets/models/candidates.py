"""Makes the candidates: the union of what the sources propose, by blocks of users."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from assets.evaluation.folds import read_folds
from assets.evaluation.protocol import Fold
from assets.models.fold_data import FoldData
from assets.models.fold_models import read_sources
from assets.models.sources import Block, Source, candidate_block, proposals, user_blocks
from core.night import Made, Night
from core.schemas import CANDIDATES, SOURCES
from core.seeds import derive_seed
from core.staging import Staging
from training.neighbours import contributions

Seeds = tuple[NDArray[np.int32], NDArray[np.float32]]
"""(N,) the history item that counts most for each candidate (−1: none), and how much."""


def listed_users(data: FoldData) -> NDArray[np.int32]:
    """Returns who gets candidates in a fold, (n,) user numbers ascending.

    For the release everyone who let it and did something; to measure, those with something held
    out, at most `max_users` of them, drawn by the root seed.
    """
    if data.fold.role == "release":
        opted_out = data.users["opted_out"].to_numpy()
        return np.flatnonzero((data.history.n_touched > 0) & ~opted_out).astype(np.int32)
    known = np.unique(data.truth["user_num"].to_numpy()).astype(np.int32)
    limit = data.night.settings.evaluation.max_users
    if len(known) <= limit:
        return known
    rng = np.random.default_rng(derive_seed(data.night.settings.seed, "measured", data.fold.name))
    return np.sort(rng.choice(known, limit, replace=False))


def candidate_blocks(data: FoldData, sources: dict[str, Source]) -> Iterator[Block]:
    """Yields a fold's candidates, one block of users after another."""
    settings = data.night.settings.lists
    k = settings.candidates_per_source
    for users in user_blocks(listed_users(data), settings.block_size):
        proposed = proposals(sources, users, k, data.history.seen, data.allowed)
        yield candidate_block(sources, users, proposed, data.numbering.shape[1])


def seeds_of(block: Block, data: FoldData, sources: dict[str, Source]) -> Seeds:
    """Returns the history item that counts most for each candidate, and how much it counts."""
    model = sources["neighbours"].model  # type: ignore[union-attr]  # it is a NeighbourSource
    return contributions(model, data.history.weights[block.users], block.rows, block.items)


def candidate_table(block: Block, seeds: Seeds) -> pa.Table:
    """Returns a block as rows of CANDIDATES."""
    columns: dict[str, NDArray[np.generic]] = {"user_num": block.user_nums, "item_num": block.items}
    for place, name in enumerate(SOURCES):
        columns[f"{name}_rank"] = block.ranks[:, place]
        columns[f"{name}_score"] = block.scores[:, place]
    columns["seed_num"], columns["seed_contribution"] = seeds
    return pl.DataFrame(columns, schema=CANDIDATES.polars).to_arrow()


def make_candidates(night: Night) -> Made:
    """Makes `candidates`: <fold>/candidates.parquet, sorted by user and item."""

    def write(staging: Staging) -> None:
        for fold in read_folds(night).folds:
            staging.write_batches(_tables(night, fold), CANDIDATES, fold.name)

    settings = night.settings
    inputs = [
        "folds", "users", "items", "interactions", "item_features", "user_features",
        "popularity", "als", "neighbours", "two_tower", "recency",
    ]  # fmt: skip
    config = {
        "candidates_per_source": settings.lists.candidates_per_source,
        "max_users": settings.evaluation.max_users,
    }
    return night.make("candidates", write, inputs=inputs, config=config)


def _tables(night: Night, fold: Fold) -> Iterator[pa.Table]:
    data = FoldData(night, fold)
    sources = read_sources(data)
    for block in candidate_blocks(data, sources):
        yield candidate_table(block, seeds_of(block, data, sources))


def stored_blocks(data: FoldData, users_per_block: int) -> Iterator[tuple[Block, Seeds]]:
    """Yields a fold's stored candidates in blocks of whole users, with their seeds."""
    path = data.night.get("candidates").table_path(CANDIDATES, data.fold.name)
    rows = pl.scan_parquet(path)
    counts = rows.group_by("user_num").len().collect().sort("user_num")
    ends = counts["len"].cum_sum().to_numpy()
    users = counts["user_num"].to_numpy()
    for first in range(0, len(users), users_per_block):
        last = min(first + users_per_block, len(users))
        start = int(ends[first - 1]) if first else 0
        frame = rows.slice(start, int(ends[last - 1]) - start).collect()
        block_users = users[first:last].astype(np.int32)
        block = Block(
            users=block_users,
            rows=np.searchsorted(block_users, frame["user_num"].to_numpy()).astype(np.int32),
            items=frame["item_num"].to_numpy(),
            ranks=frame.select([f"{name}_rank" for name in SOURCES]).to_numpy(),
            scores=frame.select([f"{name}_score" for name in SOURCES]).to_numpy(),
        )
        yield block, (frame["seed_num"].to_numpy(), frame["seed_contribution"].to_numpy())
