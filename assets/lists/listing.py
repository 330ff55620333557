"""From scored candidates to lists: each user's stage, the rules, each row's why-record."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from assets.lists.rules import RULES, category_cap, fresh_slot, ranked, without_disliked
from assets.models.sources import Block
from core.list_settings import ListSettings
from core.schemas import SOURCES


@dataclass(frozen=True)
class ItemTraits:
    """What rules read of items, each (n_items,).

    Attributes:
        category: int32 category number, −1 for none.
        fresh: bool, young enough for the fresh slot.
    """

    category: NDArray[np.int32]
    fresh: NDArray[np.bool_]


def stages(
    n_touched: NDArray[np.integer], n_positive: NDArray[np.integer], full_from: int
) -> NDArray[np.str_]:
    """Returns how each user's list is made.

    >>> stages(np.array([0, 3, 4, 30]), np.array([0, 0, 4, 30]), 10).tolist()
    ['cold', 'cold', 'blend', 'full']
    """
    early = np.where(n_positive > 0, "blend", "cold")
    return np.where((n_touched >= full_from) & (n_positive > 0), "full", early)


def blended(
    ranker: NDArray[np.float64], content: NDArray[np.float32], rows: NDArray[np.int32],
    n_touched: NDArray[np.integer], settings: ListSettings,
) -> NDArray[np.float64]:  # fmt: skip
    """Returns the scores that lists are ordered by, in (0, 1).

    A user's candidates are placed by the ranker and by content, each as 1 − (place − ½)/n, equal
    ones at the mean of their places; the weight of content falls from `content_weight` at one
    interaction to 0 at `full`. Beyond, the order is the ranker's alone.

    Args:
        ranker: (N,) the ranker's scores.
        content: (N,) content affinity.
        rows: (N,) index of each candidate's user, ascending.
        n_touched: (B,) length of each user's history.
        settings: the weight and where it ends.
    """
    full = settings.full_from_interactions
    share = np.clip((full - n_touched) / max(1, full - 1), 0, 1)
    weight = (settings.content_weight * share)[rows]
    both = (1 - weight) * _quantiles(ranker, rows) + weight * _quantiles(content, rows)
    return both


def _quantiles(scores: NDArray[np.floating], rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Returns each score's place among its user's, 1 for the best; equal ones share a place.

    They must: where nothing is known of content all are equal, and that may say nothing.
    """
    if not len(rows):
        return np.zeros(0)
    order = np.lexsort((-scores, rows))
    row, score = rows[order], scores[order]
    opens = np.concatenate([[True], (row[1:] != row[:-1]) | (score[1:] != score[:-1])])
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(rows)) - 1
    place = np.empty(len(rows), dtype=np.float64)
    place[order] = ((first + last) / 2)[np.cumsum(opens) - 1] - np.searchsorted(row, row)
    return 1 - (place + 0.5) / np.bincount(rows)[rows]


def build_lists(
    block: Block,
    scores: NDArray[np.float64],
    ranker: NDArray[np.floating],
    seeds: tuple[NDArray[np.int32], NDArray[np.float32]],
    disliked: NDArray[np.bool_],
    traits: ItemTraits,
    settings: ListSettings,
) -> pl.DataFrame:
    """Returns the list rows of a block of users with the numbers behind them.

    Args:
        block: the candidates.
        scores: (N,) what the lists are ordered by.
        ranker: (N,) the ranker's scores, for the why-record.
        seeds: (N,) the history item that counted most (−1: none) and how much it counted.
        disliked: (N,) whether the user said they dislike the item's category.
        traits: what rules read of items.
        settings: length, cap and fresh share.

    Returns:
        user_num, rank, item_num, score, ranker_score, seed_num, seed_contribution, sources,
        source_scores, rules; at most `length` rows for a user.
    """
    frame = pl.DataFrame(
        {
            "user_num": block.user_nums,
            "item_num": block.items,
            "score": scores,
            "ranker_score": ranker,
            "seed_num": seeds[0],
            "seed_contribution": seeds[1],
            "disliked": disliked,
            "category_num": traits.category[block.items],
            "is_fresh": traits.fresh[block.items],
            "candidate": np.arange(len(block.items), dtype=np.int64),
        }
    )
    ordered = under_rules(frame, settings)
    kept = ordered.filter(pl.col("place") <= settings.length)
    why = kept["candidate"].to_numpy()
    marks = [pl.when(pl.col(f"rule_{name}")).then(pl.lit(name)) for name in RULES]
    return kept.with_columns(
        rules=pl.concat_list(marks).list.drop_nulls(),
        sources=_proposers(block.ranks[why]),
        source_scores=_scores_of_proposers(block.ranks[why], block.scores[why]),
    ).rename({"place": "rank"})  # fmt: skip


def under_rules(block: pl.DataFrame, settings: ListSettings) -> pl.DataFrame:
    """Returns a block of scored rows in the order that all rules leave; see `assets.lists.rules`.

    Reads user_num, item_num, score and what the rules read.
    """
    ordered = without_disliked(ranked(block))
    ordered = category_cap(ordered, settings.max_category_share)
    return fresh_slot(ordered, settings.fresh_share, settings.max_category_share)


def _proposers(ranks: NDArray[np.int32]) -> pl.Series:
    """Returns the sources that proposed each row, best place first, equal places by source."""
    order = np.argsort(np.where(ranks > 0, ranks, np.iinfo(np.int32).max), axis=1, kind="stable")
    n_proposers = np.count_nonzero(ranks, axis=1)
    named = np.arange(ranks.shape[1]) < n_proposers[:, None]
    names = pa.array(SOURCES, pa.large_string()).take(pa.array(order[named]))
    offsets = np.concatenate([[0], np.cumsum(n_proposers)]).astype(np.int64)
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), names)
    return pl.Series("sources", pl.from_arrow(lists), dtype=pl.List(pl.String))


def _scores_of_proposers(ranks: NDArray[np.int32], scores: NDArray[np.float32]) -> pl.Series:
    """Returns each row's scores by the sources that proposed it, as the text of a JSON object."""
    table = pl.DataFrame(
        {
            **{f"rank_{name}": ranks[:, place] for place, name in enumerate(SOURCES)},
            **{f"score_{name}": scores[:, place] for place, name in enumerate(SOURCES)},
        }
    )
    texts = [
        pl.when(pl.col(f"rank_{name}") > 0).then(
            pl.format('"{}":{}', pl.lit(name), pl.col(f"score_{name}").round(5))
        )
        for name in SOURCES
    ]
    joined = pl.concat_str(texts, separator=",", ignore_nulls=True)
    return table.select(source_scores=pl.lit("{") + joined + pl.lit("}")).to_series()
