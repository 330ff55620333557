"""Measures systems' lists against what users went on to choose: by user, pooled, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.list_settings import EvaluationSettings
from core.schemas import USER_METRICS
from core.seeds import derive_seed
from training.bootstrap import Comparison, mean_interval, paired_relative_difference, pool_by_user
from training.held_out import HeldOut
from training.list_metrics import list_metrics
from training.metrics import user_metrics
from training.slices import history_slices, tail_items

METRICS = tuple(f"{name}@{k}" for name in ("ndcg", "recall", "precision", "mrr") for k in (10, 20))


@dataclass(frozen=True)
class FoldLists:
    """What every system lists for the measured users of one fold.

    Attributes:
        users: (n,) user numbers.
        truth: the held-out items of these users, rows aligned.
        lists: (n, 20) item numbers by system, best first, padded with −1.
        n_history: (n,) items that each user had touched before the cut.
        n_people: users who took to anything before the cut.
        popularity: (n_items,) users who liked each item before the cut.
        content: (n_items, n_tokens) multi-hot, for diversity.
    """

    users: NDArray[np.int32]
    truth: HeldOut
    lists: Mapping[str, NDArray[np.int32]]
    n_history: NDArray[np.integer]
    n_people: int
    popularity: NDArray[np.int64]
    content: Any


def pooled_metrics(folds: Sequence[FoldLists], user_ids: pl.Series) -> pl.DataFrame:
    """Returns USER_METRICS: each user's mean over the folds in which they are measured."""
    frames = []
    for system in sorted({name for fold in folds for name in fold.lists}):
        users = np.concatenate([fold.users for fold in folds])
        found = [user_metrics(fold.lists[system], fold.truth) for fold in folds]
        rows = np.concatenate([f.users[m.user_rows] for f, m in zip(folds, found, strict=True)])
        history = np.concatenate(
            [f.n_history[m.user_rows] for f, m in zip(folds, found, strict=True)]
        )
        assert len(rows) == len(users), "every measured user has something held out"
        columns = {
            name: pool_by_user(rows, np.concatenate([m.values[name] for m in found]))
            for name in METRICS
        }
        distinct = columns[METRICS[0]][0]
        frames.append(
            pl.DataFrame(
                {
                    "system": [system] * len(distinct),
                    "user_id": user_ids[distinct],
                    **{name: values for name, (_, values) in columns.items()},
                    "n_history": pool_by_user(rows, history)[1].astype(np.int64),
                }
            )
        )
    return pl.concat(frames).select(USER_METRICS.names).sort("system", "user_id")


def summary(
    metrics: pl.DataFrame, folds: Sequence[FoldLists], settings: EvaluationSettings, seed: int
) -> dict[str, Any]:
    """Returns, for each system: means, intervals, slices, list metrics and tail recall.

    Args:
        metrics: USER_METRICS.
        folds: the folds they were measured on.
        settings: bootstrap samples.
        seed: the root seed.
    """
    report = {}
    for (system,), rows in metrics.group_by("system", maintain_order=True):
        slices = history_slices(rows["n_history"].to_numpy())
        ndcg = rows["ndcg@10"].to_numpy()
        report[str(system)] = {
            "metrics": {
                name: asdict(
                    mean_interval(
                        rows[name].to_numpy(), n_samples=settings.n_bootstrap,
                        seed=derive_seed(seed, "evaluation", name),
                    )
                )
                for name in METRICS
            },
            "slices": {
                name: {"n_users": int(mask.sum()), "ndcg@10": _mean(ndcg[mask])}
                for name, mask in slices.items()
            },
            **_pooled_list_metrics(folds, str(system)),
        }  # fmt: skip
    return report


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _pooled_list_metrics(folds: Sequence[FoldLists], system: str) -> dict[str, Any]:
    """Coverage and the like over all folds' lists; recall of tail items and of warm ones."""
    last = folds[-1]
    lists = np.concatenate([fold.lists[system] for fold in folds])
    whole = list_metrics(
        lists, cutoff=10, popularity=last.popularity,
        n_users=last.n_people, item_features=last.content,
    )  # fmt: skip
    parts = {}
    for name in ("tail", "warm"):
        values = []
        for fold in folds:
            mask = tail_items(fold.popularity) if name == "tail" else fold.popularity > 0
            values.append(
                user_metrics(fold.lists[system], fold.truth.only(mask)).values["recall@20"]
            )
        parts[f"{name}_recall@20"] = _mean(np.concatenate(values))
    return {"lists": whole, **parts}


def compare(
    metrics: pl.DataFrame, challenger: str, champion: str, metric: str,
    settings: EvaluationSettings, seed: int, margin: float,
) -> Comparison:  # fmt: skip
    """Returns the paired relative difference of two systems over the users of both."""
    sides = [
        metrics.filter(pl.col("system") == name).select("user_id", pl.col(metric).alias(name))
        for name in (challenger, champion)
    ]
    both = sides[0].join(sides[1], on="user_id", how="inner").sort("user_id")
    return paired_relative_difference(
        both[challenger].to_numpy(), both[champion].to_numpy(), margin=margin,
        n_samples=settings.n_bootstrap,
        seed=derive_seed(seed, "evaluation", challenger, champion, metric),
    )  # fmt: skip
