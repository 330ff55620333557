"""Ranks stored candidates and applies the rules, one block of users after another."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.lists.listing import ItemTraits, blended, build_lists, stages, under_rules
from assets.models.candidates import stored_blocks
from assets.models.fold_data import FoldData
from assets.models.pair_features import NAMES, n_shared, pair_features
from assets.models.sources import fused
from core.days import DAY_US
from core.errors import TrainingDiverged
from core.schemas import SOURCES
from training.ranker import RankerModel

_CONTENT = NAMES.index("content_affinity")
_DISLIKE = NAMES.index("matches_dislike")


@dataclass(frozen=True)
class RankedBlock:
    """One block of users, ranked.

    Attributes:
        users: (B,) user numbers.
        rows: what `build_lists` returns, by user and rank, with `stage`.
        order: user_num, item_num in the ranker's order before any rule, at most `length` a user.
    """

    users: NDArray[np.int32]
    rows: pl.DataFrame
    order: pl.DataFrame


def ranked_blocks(data: FoldData, ranker: RankerModel | None) -> Iterator[RankedBlock]:
    """Yields a fold's lists in blocks of whole users.

    Args:
        data: the fold.
        ranker: None where too little came true to fit one; then the fused places in the sources
            order the list.

    Raises:
        TrainingDiverged: the ranker gave a score that is not finite.
    """
    settings = data.night.settings.lists
    traits = item_traits(data)
    for block, seeds in stored_blocks(data, settings.block_size):
        features = pair_features(block, seeds[1], data.features)
        scores = fused(block.ranks) if ranker is None else ranker.predict(features)
        if not np.isfinite(scores).all():
            raise TrainingDiverged(
                f"the ranker gave {np.count_nonzero(~np.isfinite(scores))} scores that are not "
                f"finite in fold {data.fold.name}; look at its features and fit it again"
            )
        n_touched = data.history.n_touched[block.users]
        both = blended(
            scores.astype(np.float64), features[:, _CONTENT], block.rows, n_touched, settings
        )
        rows = build_lists(block, both, scores, seeds, features[:, _DISLIKE] > 0, traits, settings)
        stage = stages(
            n_touched, data.history.n_positive[block.users], settings.full_from_interactions
        )
        named = pl.DataFrame({"user_num": block.users, "stage": stage})
        order = (
            pl.DataFrame({"user_num": block.user_nums, "item_num": block.items, "minus": -both})
            .sort("user_num", "minus", "item_num")
            .group_by("user_num", maintain_order=True)
            .head(settings.length)
        )
        yield RankedBlock(
            block.users, rows.join(named, on="user_num", how="left", maintain_order="left"), order
        )


def source_blocks(data: FoldData, name: str) -> Iterator[tuple[NDArray[np.int32], pl.DataFrame]]:
    """Yields what one source alone would list under the same rules: users, and rows by place.

    Args:
        data: the fold.
        name: one of `SOURCES`.
    """
    settings, traits, column = data.night.settings.lists, item_traits(data), SOURCES.index(name)
    for block, _ in stored_blocks(data, settings.block_size):
        proposed = block.ranks[:, column] > 0
        users, items = block.user_nums[proposed], block.items[proposed]
        frame = pl.DataFrame(
            {
                "user_num": users,
                "item_num": items,
                "score": -block.ranks[proposed, column],
                "disliked": n_shared(data.dislikes, users, data.labels, items) > 0,
                "category_num": traits.category[items],
                "is_fresh": traits.fresh[items],
            }
        )
        yield block.users, under_rules(frame, settings)


def item_traits(data: FoldData) -> ItemTraits:
    """Returns what rules read of the fold's items."""
    settings = data.night.settings.lists
    born = pl.coalesce("released_us", "available_from_us", "first_event_us")
    since = data.fold.fit_before_us - settings.fresh_days * DAY_US
    fresh = data.items.select("item_id", fresh=(born >= since).fill_null(False))
    return ItemTraits(
        category=data.item_category, fresh=data.numbering.item_lookup(fresh, "fresh") > 0
    )


def top_matrix(rows: pl.DataFrame, users: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """Returns the first k items of each user's rows, (n_users, k), padded with −1.

    Args:
        rows: user_num, item_num, by user and place.
        users: the users wanted, ascending.
        k: the number of places.
    """
    placed = rows.with_columns(place=pl.int_range(pl.len()).over("user_num")).filter(
        pl.col("place") < k
    )
    matrix = np.full((len(users), k), -1, dtype=np.int32)
    row = np.searchsorted(users, placed["user_num"].to_numpy())
    matrix[row, placed["place"].to_numpy()] = placed["item_num"].to_numpy()
    return matrix
