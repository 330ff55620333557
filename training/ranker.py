"""LambdaMART: gradient-boosted trees that order each user's candidates.

Burges: "From RankNet to LambdaRank to LambdaMART" (2010), by XGBoost's `rank:ndcg`. Rows of one
group (a user's candidates) must lie together: XGBoost trains on scattered groups without a word and
ranks badly, so that is refused here.

Time: O(trees × rows × features). Memory: the rows as one byte a value. Missing features are NaN.

Shapes: N rows, F features.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, IntegrityError, TrainingDiverged
from core.model_settings import RankerSettings
from training.fitted import Floats, Tracker
from training.threads import available_threads

_MORE_PAIRS = 5  # pairs are drawn from the top k + 5, a little above the cut that is learnt


@dataclass(frozen=True, eq=False)
class RankerModel:
    """A fitted ranker.

    Attributes:
        booster: an `xgboost.Booster` cut to its best number of trees.
        feature_names: the columns that it was fitted on, in order.
    """

    kind: ClassVar[str] = "ranker"

    booster: Any
    feature_names: tuple[str, ...]

    def predict(self, features: Floats) -> Floats:
        """Returns a score for each row, (N,) float32; higher is better, comparable in a group.

        Args:
            features: (N, F) float32 in the order of `feature_names`; NaN where missing.

        Raises:
            InputError: another number of features.
            TrainingDiverged: a score is not finite.
        """
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise InputError(
                f"features have shape {features.shape}, the ranker reads {len(self.feature_names)} "
                "columns; compute them by the version that fitted it"
            )
        if not len(features):
            return np.zeros(0, dtype=np.float32)
        scores: Floats = self.booster.inplace_predict(features, missing=np.nan)
        if not np.isfinite(scores).all():
            raise TrainingDiverged("the ranker gave a score that is not finite; fit it again")
        return scores.astype(np.float32, copy=False)

    def importance(self) -> dict[str, float]:
        """Returns each feature's share of the total gain, greatest first, ties by name."""
        gain = self.booster.get_score(importance_type="total_gain")
        total = sum(gain.values()) or 1.0
        shares = {name: float(gain.get(name, 0.0)) / total for name in self.feature_names}
        return dict(sorted(shares.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def n_trees(self) -> int:
        """The number of trees."""
        return int(self.booster.num_boosted_rounds())

    def to_bytes(self) -> bytes:
        """Returns the model as UBJSON, the content of a `.ubj` file."""
        return bytes(self.booster.save_raw("ubj"))

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Returns the model that `to_bytes` came from.

        XGBoost's parser can end the process on damaged bytes, so they must come from a file whose
        digest was checked; only what is plainly no model is refused here.

        Raises:
            IntegrityError: the bytes are no model.
        """
        import xgboost as xgb  # heavy

        refused = IntegrityError(f"{len(content)} bytes are no XGBoost model; fit the ranker again")
        if not (content.startswith(b"{L") and content.endswith(b"}")):
            raise refused
        try:
            booster = xgb.Booster({"nthread": available_threads()})
            booster.load_model(bytearray(content))
        except (xgb.core.XGBoostError, ValueError) as error:
            raise refused from error
        return cls(booster, tuple(booster.feature_names or ()))


def fit_ranker(
    features: Floats,
    grades: NDArray[np.integer[Any]],
    group_ids: NDArray[np.integer[Any]],
    settings: RankerSettings,
    *,
    feature_names: Sequence[str],
    seed: int,
    tracker: Tracker | None = None,
    n_threads: int | None = None,
) -> RankerModel:
    """Fits a ranker that puts higher grades first within each group.

    Args:
        features: (N, F) float32; NaN where missing.
        grades: (N,) 0 to 31, higher is better.
        group_ids: (N,) any numbers; rows of one group lie together.
        settings: how; with a validation share, whole groups are held out to stop early by.
        feature_names: (F,) distinct.
        seed: of held-out groups and of the rows and features that trees see.
        tracker: receives `ndcg` on the held-out groups after each tree.
        n_threads: fixed for the fit; all that are available by default. Another number may change
            the last bits.

    Raises:
        InputError: shapes do not fit, a group is scattered, a feature is infinite, a grade is out
            of range, or there are no rows.
        TrainingDiverged: a score on the training rows is not finite.
    """
    import xgboost as xgb  # heavy

    starts = _checked(features, grades, group_ids, feature_names)
    group = np.cumsum(np.isin(np.arange(len(grades)), starts)) - 1  # (N,) 0, 1, …
    held = _held_out(len(starts), settings.validation_share, seed)[group]
    threads = n_threads or available_threads()

    def rows(chosen: NDArray[np.bool_], like: Any = None) -> Any:
        return xgb.QuantileDMatrix(
            features[chosen], grades[chosen], qid=group[chosen], missing=np.nan, nthread=threads,
            feature_names=list(feature_names), ref=like,
        )  # fmt: skip

    training = rows(~held)
    watched = [(rows(held, training), "held_out")] if held.any() else []
    curve: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        _parameters(settings, seed, threads),
        training,
        num_boost_round=settings.epochs,
        evals=watched,
        early_stopping_rounds=settings.patience if watched else None,
        evals_result=curve,
        verbose_eval=False,
    )
    if watched:
        booster = booster[: booster.best_iteration + 1]
    if tracker is not None:
        for tree, value in enumerate(curve.get("held_out", {}).get(f"ndcg@{settings.k}", []), 1):
            tracker(tree, {"ndcg": value})
    model = RankerModel(booster, tuple(feature_names))
    model.predict(features)  # refuses what is not finite
    return model


def _parameters(settings: RankerSettings, seed: int, threads: int) -> dict[str, Any]:
    return {
        "objective": "rank:ndcg",
        "eval_metric": f"ndcg@{settings.k}",
        "lambdarank_pair_method": "topk",
        "lambdarank_num_pair_per_sample": settings.k + _MORE_PAIRS,
        "tree_method": "hist",
        "eta": settings.learning_rate,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "lambda": settings.regularization,
        "subsample": settings.row_share,
        "colsample_bytree": settings.feature_share,
        "nthread": threads,
        "seed": seed % (1 << 31),
    }


def _held_out(n_groups: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Returns which groups are held out, (n_groups,); none where that would leave too few."""
    held = np.zeros(n_groups, dtype=bool)
    n_held = round(share * n_groups)
    if 0 < n_held < n_groups:
        held[np.random.default_rng(seed).permutation(n_groups)[:n_held]] = True
    return held


def _checked(
    features: Floats,
    grades: NDArray[np.integer[Any]],
    group_ids: NDArray[np.integer[Any]],
    feature_names: Sequence[str],
) -> NDArray[np.int64]:
    """Returns the first row of each group."""
    n_rows = len(features)
    if not n_rows or len(grades) != n_rows or len(group_ids) != n_rows:
        raise InputError(
            f"{n_rows} rows of features, {len(grades)} grades and {len(group_ids)} group ids; "
            "give one of each for every row, and at least one row"
        )
    if features.ndim != 2 or features.shape[1] != len(feature_names):
        raise InputError(f"features of shape {features.shape} have {len(feature_names)} names")
    if len(set(feature_names)) != len(feature_names):
        raise InputError(f"feature names repeat: {json.dumps(sorted(feature_names))}")
    if np.isinf(features).any():
        raise InputError("a feature is infinite; bound it, or give NaN where it is missing")
    if grades.min() < 0 or grades.max() > 31:
        raise InputError(f"grades run from {grades.min()} to {grades.max()}; the range is 0 to 31")
    starts = np.flatnonzero(np.r_[True, group_ids[1:] != group_ids[:-1]])
    if len(np.unique(group_ids)) != len(starts):
        raise InputError(
            f"{len(np.unique(group_ids))} groups lie in {len(starts)} pieces; sort rows by group"
        )
    return starts
