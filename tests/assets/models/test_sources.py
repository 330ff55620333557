"""Each source alone, with small fitted models; and the union of what they propose."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from assets.models.fold_data import FoldData
from assets.models.fold_models import read_sources
from assets.models.sources import (
    DotSource,
    NeighbourSource,
    Source,
    candidate_block,
    fused,
    proposals,
    user_blocks,
)
from core.model_settings import AlsSettings, NeighboursSettings
from core.schemas import SOURCES
from tests import tiny_night
from training.als import fit_als
from training.neighbours import NeighboursModel, fit_neighbours

N_USERS, N_ITEMS = 12, 30
DRAW = np.random.default_rng(7)
HISTORY = sp.random(N_USERS, N_ITEMS, 0.2, "csr", np.float32, DRAW)
SEEN = HISTORY.astype(bool)
ALL = np.ones(N_ITEMS, bool)
ALS = fit_als(HISTORY, AlsSettings(embedding_size=4, epochs=2), seed=1)
EASE = fit_neighbours(HISTORY, NeighboursSettings())
COOCCURRENCE = fit_neighbours(HISTORY, NeighboursSettings(ease_max_items=0))


def dense(matrix: object) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray(), dtype=np.float64)  # type: ignore[attr-defined]  # sparse


SYSTEMS: dict[str, tuple[Source, NDArray[np.float64]]] = {
    "als": (
        DotSource(ALS.user_factors, ALS.item_factors),
        (ALS.user_factors @ ALS.item_factors.T).astype(np.float64),
    ),
    "ease": (NeighbourSource(EASE, HISTORY), dense(HISTORY) @ dense(EASE.weights)),
    "cooccurrence": (
        NeighbourSource(COOCCURRENCE, HISTORY),
        dense(HISTORY) @ dense(COOCCURRENCE.weights),
    ),
}


def users(*numbers: int) -> NDArray[np.int32]:
    return np.array(numbers or range(N_USERS), dtype=np.int32)


def test_who_and_what_a_source_does_not_know_is_not_proposed() -> None:
    """Zero vectors score 0 everywhere; the lowest item numbers would pass for an opinion."""
    taste = np.array([[1.0], [0.0], [-1.0]], np.float32)
    worth = np.array([[0.5], [0.0], [-0.25], [2.0]], np.float32)
    source = DotSource(taste, worth)
    seen = sp.csr_matrix((3, 4), dtype=bool)
    items, scores = source.propose(users(0, 1, 2), 4, seen, np.ones(4, bool))
    assert items.tolist() == [[3, 0, 2, -1], [-1, -1, -1, -1], [2, 0, 3, -1]]
    assert scores[0].tolist() == [2.0, 0.5, -0.25, -np.inf]
    assert np.isneginf(scores[1]).all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_scores_are_those_of_the_model(name: str) -> None:
    source, expected = SYSTEMS[name]
    rows, items = np.divmod(np.arange(N_USERS * N_ITEMS, dtype=np.int32), N_ITEMS)
    found = source.score(rows.astype(np.int32), items.astype(np.int32))
    assert found.dtype == np.float32
    assert np.abs(found - expected.ravel()).max() < 1e-5
    some = np.array([3, 3, 7], np.int32), np.array([9, 2, 2], np.int32)
    assert np.abs(source.score(*some) - expected[some]).max() < 1e-5
    assert source.score(some[0][:0], some[1][:0]).tolist() == []


@pytest.mark.parametrize("name", SYSTEMS)
def test_proposals_are_the_best_unseen_allowed_items(name: str) -> None:
    source, expected = SYSTEMS[name]
    allowed = ALL.copy()
    allowed[[1, 5, 6]] = False
    items, scores = source.propose(users(), 6, SEEN, allowed)
    masked = np.where(SEEN.toarray() | ~allowed, -np.inf, expected)
    if isinstance(source, NeighbourSource):
        masked = np.where(masked > 0, masked, -np.inf)  # what nothing speaks for is not proposed
    for user in range(N_USERS):
        best = [
            n for n in np.argsort(-masked[user], kind="stable")[:6] if masked[user, n] > -np.inf
        ]
        assert items[user].tolist() == best + [-1] * (6 - len(best))
        assert scores[user, : len(best)] == pytest.approx(masked[user, best], abs=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_fewer_proposals_are_the_beginning_of_more(name: str) -> None:
    source, _ = SYSTEMS[name]
    ten = source.propose(users(), 10, SEEN, ALL)[0]
    assert source.propose(users(), 4, SEEN, ALL)[0].tolist() == ten[:, :4].tolist()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_user_gets_the_same_alone_as_among_others(name: str) -> None:
    source, _ = SYSTEMS[name]
    whole = source.propose(users(), 8, SEEN, ALL)
    for user in (0, 5, 11):
        alone = source.propose(users(user), 8, SEEN[[user]], ALL)
        assert alone[0].tolist() == whole[0][[user]].tolist()
        assert alone[1][np.isfinite(alone[1])] == pytest.approx(
            whole[1][user][np.isfinite(whole[1][user])], abs=1e-6
        )


def test_scores_beyond_one_block_of_users_fit_their_users() -> None:
    n_users = 1_100  # more than two blocks of 512 dense rows
    draw = np.random.default_rng(3)
    history = sp.random(n_users, N_ITEMS, 0.1, "csr", np.float32, draw)
    source = NeighbourSource(COOCCURRENCE, history)
    rows = np.sort(draw.integers(0, n_users, 5_000)).astype(np.int32)
    items = draw.integers(0, N_ITEMS, 5_000).astype(np.int32)
    expected = (dense(history) @ dense(COOCCURRENCE.weights))[rows, items]
    assert np.abs(source.score(rows, items) - expected).max() < 1e-5


def test_a_user_without_overlap_leaves_the_neighbours_of_others_alone() -> None:
    """A new user of new items: what co-occurrence says of the old ones stays as it was."""
    before = np.zeros((9, 12), np.float32)
    before[:8, :10] = np.kron(np.eye(2), np.ones((4, 5)))
    before[0, 0] = before[4, 5] = before[3, 2] = 0
    after = before.copy()
    after[8, 10:] = 1  # of weight 1 like the others: all are scaled by the mean
    history = sp.csr_matrix(before)
    for settings in (NeighboursSettings(), NeighboursSettings(ease_max_items=0)):
        found = []
        for matrix in (before, after):
            model = fit_neighbours(sp.csr_matrix(matrix), settings)
            source = NeighbourSource(model, history)
            seen = history[:8].astype(bool)
            found.append(source.propose(users(*range(8)), 5, seen, np.ones(12, bool)))
        assert found[0][0].tolist() == found[1][0].tolist()
        assert found[0][0][0, 0] == 0
        assert found[0][1] == pytest.approx(found[1][1], abs=1e-6)


def some_sources() -> dict[str, Source]:
    draw = np.random.default_rng(11)

    def dots() -> DotSource:
        return DotSource(
            draw.normal(size=(N_USERS, 3)).astype(np.float32),
            draw.normal(size=(N_ITEMS, 3)).astype(np.float32),
        )

    return {
        "popularity": DotSource(
            np.ones((N_USERS, 1), np.float32),
            np.arange(N_ITEMS, 0, -1, dtype=np.float32)[:, None],
        ),
        "category": dots(),
        "als": SYSTEMS["als"][0],
        "neighbours": SYSTEMS["cooccurrence"][0],
        "two_tower": dots(),
    }


def test_the_candidates_are_the_union_with_every_ones_rank_and_score() -> None:
    sources = some_sources()
    proposed = proposals(sources, users(2, 5, 9), 4, SEEN, ALL)
    block = candidate_block(sources, users(2, 5, 9), proposed, N_ITEMS)
    pairs = list(zip(block.user_nums.tolist(), block.items.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    expected = {
        (user, int(item))
        for items, _ in proposed.values()
        for user, row in zip((2, 5, 9), items, strict=True)
        for item in row
        if item >= 0
    }
    assert set(pairs) == expected
    assert (block.ranks > 0).any(axis=1).all()
    for column, name in enumerate(SOURCES):
        for (user, item), rank, score in zip(
            pairs, block.ranks[:, column], block.scores[:, column], strict=True
        ):
            places = proposed[name][0][[2, 5, 9].index(user)].tolist()
            assert rank == (places.index(item) + 1 if item in places else 0)
            mine = sources[name].score(users(user), np.array([item], np.int32))
            assert score == pytest.approx(float(mine[0]), abs=1e-6)
    assert (block.ranks.dtype, block.scores.dtype) == (np.int32, np.float32)


def test_nothing_seen_or_disallowed_is_a_candidate() -> None:
    allowed = np.arange(N_ITEMS) % 3 != 0
    sources = some_sources()
    block = candidate_block(
        sources, users(), proposals(sources, users(), 10, SEEN, allowed), N_ITEMS
    )
    assert allowed[block.items].all()
    assert not np.asarray(SEEN[block.user_nums, block.items]).any()


def test_users_without_any_proposal_have_no_candidates() -> None:
    sources = some_sources()
    none = proposals(sources, users(1, 4), 5, SEEN, np.zeros(N_ITEMS, bool))
    block = candidate_block(sources, users(1, 4), none, N_ITEMS)
    assert block.users.tolist() == [1, 4]
    assert len(block.items) == 0
    assert block.ranks.shape == block.scores.shape == (0, len(SOURCES))


def test_an_item_without_an_interaction_scores_nothing_among_neighbours() -> None:
    model = NeighboursModel(sp.csr_matrix((N_ITEMS, N_ITEMS), dtype=np.float32))
    source = NeighbourSource(model, HISTORY)
    assert (source.propose(users(), 3, SEEN, ALL)[0] == -1).all()
    assert source.score(users(0, 1), users(3, 3)).tolist() == [0, 0]


def test_fused_places_add_up_and_a_place_nowhere_adds_nothing() -> None:
    ranks = np.array([[1, 0, 0, 0, 0], [0, 0, 1, 0, 4], [0] * 5, [2, 3, 1, 1, 1]], np.int32)
    expected = [0.25 / 61, 1 / 61 + 1 / 64, 0, 0.25 / 62 + 0.25 / 63 + 3 / 61]
    assert fused(ranks).tolist() == pytest.approx(expected)
    assert fused(ranks).dtype == np.float32


def test_user_blocks_are_all_users_in_order() -> None:
    numbers = np.array([1, 3, 4, 8, 9], np.int32)
    assert [block.tolist() for block in user_blocks(numbers, 2)] == [[1, 3], [4, 8], [9]]
    assert [block.tolist() for block in user_blocks(numbers, 5)] == [[1, 3, 4, 8, 9]]
    assert list(user_blocks(numbers[:0], 2)) == []


def test_the_stored_models_propose_through_one_seam(tiny: FoldData) -> None:
    sources = read_sources(tiny)
    assert list(sources) == list(SOURCES)
    everyone = np.arange(tiny_night.N_USERS, dtype=np.int32)
    for items, scores in proposals(sources, everyone, 5, tiny.history.seen, tiny.allowed).values():
        assert items.shape == scores.shape == (tiny_night.N_USERS, 5)
        assert np.isfinite(scores[items >= 0]).all()
        assert 0 not in items  # gone since yesterday
