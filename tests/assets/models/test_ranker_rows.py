"""Which users and candidates teach the ranker."""

from dataclasses import replace

import numpy as np
import pytest

from assets.models.fold_data import FoldData
from assets.models.ranker import training_rows
from core.night import Night
from tests import tiny_night


def with_settings(tiny: FoldData, *, block_size: int = 5, max_users: int = 1000) -> Night:
    settings = tiny.night.settings
    changed = settings.model_copy(
        update={
            "lists": settings.lists.model_copy(update={"block_size": block_size}),
            "evaluation": settings.evaluation.model_copy(update={"max_ranker_users": max_users}),
        }
    )
    return replace(tiny.night, settings=changed)


def test_blocks_change_no_row(tiny: FoldData) -> None:
    whole = training_rows(with_settings(tiny, block_size=100), [tiny_night.TEST])
    assert len(whole[1]) > 50
    for size in (1, 3):
        for one, other in zip(
            whole, training_rows(with_settings(tiny, block_size=size), [tiny_night.TEST]),
            strict=True,
        ):  # fmt: skip
            np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("limit", [1, 4])
def test_no_more_users_train_than_may(tiny: FoldData, limit: int) -> None:
    _, grades, groups = training_rows(with_settings(tiny, max_users=limit), [tiny_night.TEST])
    assert set(groups.tolist()) == set(range(limit))
    best = [grades[groups == group].max() for group in range(limit)]
    assert min(best) >= 1, "each of them has a hit"


def test_the_users_are_drawn_and_not_the_first(tiny: FoldData) -> None:
    everyone, _, _ = training_rows(with_settings(tiny), [tiny_night.TEST])
    some, _, groups = training_rows(with_settings(tiny, max_users=4), [tiny_night.TEST])
    assert len(np.unique(groups)) == 4
    assert not np.array_equal(some, everyone[: len(some)])


def test_no_fold_no_rows(tiny: FoldData) -> None:
    features, grades, groups = training_rows(tiny.night, [])
    assert (len(features), len(grades), len(groups)) == (0, 0, 0)
