from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from assets.evaluation.measure import METRICS, FoldLists, compare, pooled_metrics, summary
from core.errors import InputError
from core.list_settings import EvaluationSettings
from core.schemas import USER_METRICS
from core.tables import conform
from training.bootstrap import Comparison
from training.held_out import HeldOut

N_ITEMS = 30
IDS = pl.Series("user_id", ["ann", "ben", "cai", "dot"])
SETTINGS = EvaluationSettings(n_bootstrap=200)


def fold(
    users: list[int], truth: list[tuple[int, int]], lists: dict[str, list[list[int]]],
    n_history: list[int],
) -> FoldLists:  # fmt: skip
    rows, items = zip(*truth, strict=True)
    return FoldLists(
        users=np.array(users, np.int32),
        truth=HeldOut.from_pairs(rows, items, n_users=len(users), n_items=N_ITEMS),
        lists={
            name: np.array([one + [-1] * (20 - len(one)) for one in shown], np.int32)
            for name, shown in lists.items()
        },
        n_history=np.array(n_history),
        n_people=39,
        popularity=np.array([9] * 10 + [0] * 20, np.int64),
        content=sp.csr_matrix(np.eye(N_ITEMS, dtype=np.float32)),
    )


FIRST = fold(
    [0, 2],
    [(0, 5), (1, 6), (1, 7)],
    {"als": [[5, 1, 2], [1, 6, 2]], "popularity": [[1, 2], [7, 6]]},
    [3, 20],
)
SECOND = fold(
    [2, 3], [(0, 8), (1, 9)], {"als": [[], [1, 2, 9]], "popularity": [[8], [9]]}, [25, 200]
)
HALF = 1 / np.log2(3)  # the discount of the second place


def test_a_users_measures_are_their_mean_over_the_folds() -> None:
    found = pooled_metrics([FIRST, SECOND], IDS)
    assert found.columns == USER_METRICS.names
    assert found.select("system", "user_id", "n_history").rows() == [
        ("als", "ann", 3), ("als", "cai", 22), ("als", "dot", 200),
        ("popularity", "ann", 3), ("popularity", "cai", 22), ("popularity", "dot", 200),
    ]  # fmt: skip
    # cai's first fold: a hit in the second place of two held out; the second: an empty list.
    assert found["recall@10"].to_list() == pytest.approx([1, (0.5 + 0) / 2, 1, 0, 1, 1])
    assert found["mrr@10"].to_list() == pytest.approx([1, (0.5 + 0) / 2, 1 / 3, 0, 1, 1])
    assert found["precision@20"].to_list() == pytest.approx(
        [1 / 20, (1 / 20) / 2, 1 / 20, 0, (2 / 20 + 1 / 20) / 2, 1 / 20]
    )
    assert found["ndcg@10"].to_list() == pytest.approx(
        [1, HALF / (1 + HALF) / 2, 1 / np.log2(4), 0, 1, 1]
    )
    assert conform(found, USER_METRICS).equals(found)
    values = found.select(METRICS).to_numpy()
    assert ((values >= 0) & (values <= 1)).all()


def test_the_order_of_folds_and_users_does_not_matter() -> None:
    found = pooled_metrics([FIRST, SECOND], IDS)
    assert pooled_metrics([SECOND, FIRST], IDS).equals(found)
    turned = replace(
        FIRST,
        users=FIRST.users[::-1],
        truth=HeldOut.from_pairs([1, 0, 0], [5, 6, 7], n_users=2, n_items=N_ITEMS),
        lists={name: rows[::-1] for name, rows in FIRST.lists.items()},
        n_history=FIRST.n_history[::-1],
    )
    assert pooled_metrics([turned, SECOND], IDS).equals(found)


def test_one_fold_alone_is_not_averaged() -> None:
    found = pooled_metrics([FIRST], IDS).filter(system="als")
    assert found.select("user_id", "recall@20", "n_history").rows() == [
        ("ann", 1.0, 3), ("cai", 0.5, 20),
    ]  # fmt: skip


def test_a_measured_user_has_something_held_out() -> None:
    empty = replace(FIRST, truth=HeldOut.from_pairs([0], [5], n_users=2, n_items=N_ITEMS))
    with pytest.raises(AssertionError, match="every measured user has something held out"):
        pooled_metrics([empty], IDS)


def test_the_summary_of_a_system() -> None:
    folds = [FIRST, SECOND]
    metrics = pooled_metrics(folds, IDS)
    report = summary(metrics, folds, SETTINGS, 7)
    assert list(report) == ["als", "popularity"]
    als = report["als"]
    assert als["metrics"]["recall@10"]["mean"] == pytest.approx((1 + 0.25 + 1) / 3)
    assert als["metrics"]["recall@10"]["n_users"] == 3
    for one in als["metrics"].values():
        assert one["lower"] <= one["mean"] <= one["upper"]
    assert als["slices"] == {
        "new": {"n_users": 0, "ndcg@10": None},
        "light": {"n_users": 1, "ndcg@10": 1.0},
        "regular": {"n_users": 1, "ndcg@10": pytest.approx(HALF / (1 + HALF) / 2)},
        "heavy": {"n_users": 1, "ndcg@10": pytest.approx(0.5)},
    }
    # als shows 1, 2, 5, 6, 9 of thirty items.
    assert als["lists"]["coverage@10"] == pytest.approx(5 / 30)
    # Ten items of equal popularity: half of all interactions, items 0 to 4, are the head.
    assert als["tail_recall@20"] == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    assert als["warm_recall@20"] == als["tail_recall@20"]


def test_the_summary_repeats_and_follows_the_seed() -> None:
    draw = np.random.default_rng(7)
    users = 60
    truth = [(user, int(draw.integers(N_ITEMS))) for user in range(users)]
    lists = {"als": [draw.permutation(N_ITEMS)[:20].tolist() for _ in range(users)]}
    one = fold(list(range(users)), truth, lists, [5] * users)
    metrics = pooled_metrics([one], pl.Series([f"u{n}" for n in range(users)]))
    told = [summary(metrics, [one], SETTINGS, seed)["als"]["metrics"] for seed in (1, 1, 2)]
    assert told[0] == told[1]
    assert told[0]["ndcg@10"]["mean"] == told[2]["ndcg@10"]["mean"]
    assert told[0]["ndcg@10"]["lower"] != told[2]["ndcg@10"]["lower"]
    shuffled = metrics.sample(fraction=1, shuffle=True, seed=1).sort("system", "user_id")
    assert summary(shuffled, [one], SETTINGS, 1)["als"]["metrics"] == told[0]


def compared(metrics: pl.DataFrame, **changes: object) -> Comparison:
    arguments = {
        "metric": "recall@10", "settings": SETTINGS, "seed": 1, "margin": 0.05, **changes,
    }  # fmt: skip
    return compare(metrics, "als", "popularity", **arguments)  # type: ignore[arg-type]  # by name


def test_systems_are_compared_over_the_users_of_both() -> None:
    metrics = pooled_metrics([FIRST, SECOND], IDS)
    fewer = metrics.filter(~((pl.col("system") == "als") & (pl.col("user_id") == "ann")))
    found = compared(fewer)
    assert found.n_users == 2
    assert found.mean_challenger == pytest.approx((0.25 + 1) / 2)
    assert found.mean_champion == pytest.approx(1)
    assert found.margin == 0.05
    shuffled = fewer.sample(fraction=1, shuffle=True, seed=3)
    assert compared(shuffled) == found


def test_systems_without_a_common_user_cannot_be_compared() -> None:
    metrics = pooled_metrics([FIRST, SECOND], IDS)
    apart = metrics.filter((pl.col("system") == "als") == (pl.col("user_id") == "ann"))
    found = compared(apart)
    assert found.n_users == 0
    assert found.lower is None


def test_a_measure_that_is_no_number_is_refused() -> None:
    metrics = pooled_metrics([FIRST, SECOND], IDS).with_columns(
        pl.lit(float("nan")).alias("recall@10")
    )
    with pytest.raises(InputError, match="not finite"):
        compared(metrics)


def test_the_order_of_the_rows_does_not_move_a_bound() -> None:
    draw = np.random.default_rng(7)
    users = [f"u{n:03}" for n in range(200)]
    metrics = pl.concat(
        pl.DataFrame({"system": [name] * 200, "user_id": users, "recall@10": draw.random(200)})
        for name in ("als", "popularity")
    )
    found = compared(metrics)
    assert found.lower is not None
    for seed in range(3):
        assert compared(metrics.sample(fraction=1, shuffle=True, seed=seed)) == found


def test_novelty_is_told_against_all_who_took_to_anything() -> None:
    """Of 39 people 9 took to each of the first ten items: log2(40/10) = 2 bits; untouched: 5.3."""
    found = summary(pooled_metrics([FIRST], IDS), [FIRST], SETTINGS, seed=1)
    assert found["als"]["lists"]["novelty@10"] == pytest.approx(2.0)
    only_new = replace(FIRST, lists={"als": np.full((2, 20), -1, np.int32)})
    only_new.lists["als"][:, 0] = 20
    found = summary(pooled_metrics([only_new], IDS), [only_new], SETTINGS, seed=1)
    assert found["als"]["lists"]["novelty@10"] == pytest.approx(np.log2(40))
