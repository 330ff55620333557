"""The retrieval sources of one fold: who proposes what to whom, and how each scores any pair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from core.schemas import SOURCES
from training.neighbours import NeighboursModel
from training.topk import topk, topk_sparse

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class DotSource:
    """A source whose score is a dot product.

    Attributes:
        users: (n_users, D) float32.
        items: (n_items, D) float32.
    """

    users: Floats
    items: Floats

    def propose(
        self, rows: Numbers, k: int, seen: sp.csr_matrix, allowed: NDArray[np.bool_]
    ) -> tuple[Numbers, Floats]:
        """Returns the best k unseen, allowed items of each user and their scores, (n, k) each.

        A score of 0 is no opinion: of a user or an item that the source knows nothing about, all
        others being equal. Such items are not proposed.
        """
        items, scores = topk(self.users[rows], self.items, k, seen=seen, allowed=allowed)
        known = (scores != 0) & (items >= 0)
        place = np.cumsum(known, axis=1) - 1  # closes the gap that zeros leave among negatives
        row, column = np.nonzero(known)
        closed = np.full_like(items, -1), np.full_like(scores, -np.inf)
        for whole, found in zip(closed, (items, scores), strict=True):
            whole[row, place[row, column]] = found[row, column]
        return closed

    def score(self, rows: Numbers, items: Numbers) -> Floats:
        """Returns the score of each (user, item) pair, (N,)."""
        scores = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), 1 << 18):
            part = slice(start, start + (1 << 18))
            np.einsum("nd,nd->n", self.users[rows[part]], self.items[items[part]], out=scores[part])
        return scores


@dataclass(frozen=True)
class NeighbourSource:
    """A source whose score is the sum of what each history item says for the target.

    Attributes:
        model: the item-to-item weights.
        weights: (n_users, n_items) the histories.
    """

    model: NeighboursModel
    weights: sp.csr_matrix

    def propose(
        self, rows: Numbers, k: int, seen: sp.csr_matrix, allowed: NDArray[np.bool_]
    ) -> tuple[Numbers, Floats]:
        """Returns the best k unseen, allowed items of each user and their scores, (n, k) each."""
        return topk_sparse(self.weights[rows], self.model.weights, k, seen=seen, allowed=allowed)

    def score(self, rows: Numbers, items: Numbers) -> Floats:
        """Returns the score of each (user, item) pair, (N,); rows ascending."""
        users, place = np.unique(rows, return_inverse=True)
        scores = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(users), 512):  # 512 dense rows at a time
            chosen = (place >= start) & (place < start + 512)
            dense = np.asarray(
                (self.weights[users[start : start + 512]] @ self.model.weights).todense()
            )
            scores[chosen] = dense[place[chosen] - start, items[chosen]]
        return scores


Source = DotSource | NeighbourSource


@dataclass(frozen=True)
class Block:
    """The candidates of a block of users, by user and item ascending.

    Attributes:
        users: (B,) user numbers of the block, ascending.
        rows: (N,) index into `users` of each candidate.
        items: (N,) item numbers.
        ranks: (N, n_sources) int32 place in each source, 0 where it did not propose the item.
        scores: (N, n_sources) float32 score by each source, proposed or not.
    """

    users: Numbers
    rows: Numbers
    items: Numbers
    ranks: NDArray[np.int32]
    scores: Floats

    @property
    def user_nums(self) -> Numbers:
        """(N,) user number of each candidate."""
        return self.users[self.rows]


def proposals(
    sources: Mapping[str, Source],
    users: Numbers,
    k: int,
    seen: sp.csr_matrix,
    allowed: NDArray[np.bool_],
) -> dict[str, tuple[Numbers, Floats]]:
    """Returns each source's proposals for some users: items (n, k), padded with −1, and scores."""
    unseen = seen[users]
    return {name: source.propose(users, k, unseen, allowed) for name, source in sources.items()}


def candidate_block(
    sources: Mapping[str, Source], users: Numbers, proposed: Mapping[str, tuple[Numbers, Floats]],
    n_items: int,
) -> Block:  # fmt: skip
    """Returns the union of the sources' proposals, with every source's score of every pair."""
    keys, ranks = [], []
    for name in SOURCES:
        items = proposed[name][0]
        row, place = np.nonzero(items >= 0)
        keys.append(row.astype(np.int64) * n_items + items[row, place])
        ranks.append(place.astype(np.int32) + 1)
    union = np.unique(np.concatenate(keys))
    table = np.zeros((len(union), len(SOURCES)), dtype=np.int32)
    for column, (key, rank) in enumerate(zip(keys, ranks, strict=True)):
        table[np.searchsorted(union, key), column] = rank
    rows = (union // n_items).astype(np.int32)
    items = (union % n_items).astype(np.int32)
    scores = np.column_stack([sources[name].score(users[rows], items) for name in SOURCES])
    return Block(users, rows, items, table, scores.astype(np.float32))


def fused(ranks: NDArray[np.int32]) -> Floats:
    """Returns reciprocal rank fusion over the sources, (N,): Σ weight / (60 + place).

    Cormack, Clarke, Büttcher: "Reciprocal Rank Fusion" (2009). The sources that know nothing of a
    user but their categories count a quarter.

    Args:
        ranks: (N, n_sources) place in each source, 0 where it did not propose the item.
    """
    weight = np.array([0.25 if name in ("popularity", "category") else 1.0 for name in SOURCES])
    share = np.where(ranks > 0, 1.0 / (60 + ranks), 0.0)
    total: Floats = (share @ weight).astype(np.float32)
    return total


def user_blocks(users: Numbers, size: int) -> Iterator[Numbers]:
    """Yields user numbers in pieces of at most `size`."""
    for start in range(0, len(users), size):
        yield users[start : start + size]
