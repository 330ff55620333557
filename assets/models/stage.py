"""Makes the sources: each fitted for every fold, a later fold from an earlier one's weights."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.folds import read_folds
from assets.evaluation.protocol import Fold
from assets.models.fold_data import FoldData
from assets.models.fold_models import model_file
from core.days import DAY_US
from core.model_settings import AlsSettings, TwoTowerSettings
from core.night import Made, Night
from core.schemas import WEEKS_BEFORE
from core.seeds import derive_seed
from core.staging import Staging
from training.als import fit_als
from training.fitted import save_model
from training.neighbours import fit_neighbours
from training.popularity import fit_popularity
from training.two_tower import fit_two_tower

Epochs = TypeVar("Epochs", AlsSettings, TwoTowerSettings)
Curve = dict[int, dict[str, float]]

_INPUTS = ("folds", "users", "items", "interactions", "user_features", "item_features")

_LEAST_EPOCHS = 4


class Earlier:
    """The fit before this one: its model, and how far its cut lies back."""

    def __init__(self, horizon_days: int) -> None:
        self._horizon_us = horizon_days * DAY_US
        self._fold: Fold | None = None
        self.model: Any = None

    def refit(self, settings: Epochs, fold: Fold) -> Epochs:
        """Returns the settings of a fit that starts from this model, if there is one.

        A fold whose cut is less than one horizon later has little that is new to learn, and gets
        `refit_epochs` in proportion, at least four: fewer cost Deskdrop's two-tower a tenth.
        """
        if self._fold is None:
            return settings
        passed_us = fold.fit_before_us - self._fold.fit_before_us
        share = min(1.0, passed_us / self._horizon_us) if passed_us else 1.0
        epochs = max(_LEAST_EPOCHS, math.ceil(settings.refit_epochs * share))
        least = min(settings.epochs, settings.refit_epochs)
        return settings.model_copy(update={"epochs": min(least, epochs)})

    def replace(self, fold: Fold, model: Any) -> None:
        """Puts the newest fit in the place of the one before."""
        self._fold, self.model = fold, model


Fit = Callable[[FoldData, Earlier, Curve], Any]


def _make(night: Night, kind: str, config: dict[str, Any], fit: Fit) -> Made:
    def write(staging: Staging) -> None:
        earlier, curves = Earlier(night.settings.evaluation.horizon_days), {}
        for fold in read_folds(night).folds:
            curve: Curve = {}
            earlier.replace(fold, fit(FoldData(night, fold), earlier, curve))
            save_model(earlier.model, staging.file(model_file(fold)))
            curves[fold.name] = [curve[step] for step in sorted(curve)]
        staging.write_json("curves.json", curves)

    return night.make(kind, write, inputs=_INPUTS, config=config)


def make_popularity(night: Night) -> Made:
    """Makes `popularity`: by horizon, by category and trending."""
    settings = night.settings.models.popularity

    def fit(data: FoldData, earlier: Earlier, curve: Curve) -> Any:
        def count(name: str) -> NDArray[np.int64]:
            return data.numbering.item_lookup(data.item_features, name).astype(np.int64)

        horizons = ("n_users_1d", "n_users_7d", "n_users_30d", "n_users")
        weeks = np.stack([count(name) for name in ("n_users_7d", *WEEKS_BEFORE)])
        return fit_popularity({name: count(name) for name in horizons}, weeks, settings)

    return _make(night, "popularity", settings.model_dump(), fit)


def make_als(night: Night) -> Made:
    """Makes `als`: implicit matrix factorisation."""
    settings = night.settings.models.als
    seed = derive_seed(night.settings.seed, "als")

    def fit(data: FoldData, earlier: Earlier, curve: Curve) -> Any:
        return fit_als(
            data.history.weights, earlier.refit(settings, data.fold), seed=seed,
            warm_start=earlier.model, tracker=curve.__setitem__,
        )  # fmt: skip

    return _make(night, "als", settings.model_dump(), fit)


def make_neighbours(night: Night) -> Made:
    """Makes `neighbours`: what each item says about every other."""
    settings = night.settings.models.neighbours

    def fit(data: FoldData, earlier: Earlier, curve: Curve) -> Any:
        return fit_neighbours(data.history.weights, settings)

    return _make(night, "neighbours", settings.model_dump(), fit)


def make_two_tower(night: Night) -> Made:
    """Makes `two_tower`: item vectors from id and content, user vectors from histories."""
    settings = night.settings.models.two_tower
    seed = derive_seed(night.settings.seed, "two_tower")

    def fit(data: FoldData, earlier: Earlier, curve: Curve) -> Any:
        return fit_two_tower(
            data.history.weights, data.content, data.preferences,
            earlier.refit(settings, data.fold), seed=seed, warm_start=earlier.model,
            tracker=curve.__setitem__,
        )  # fmt: skip

    return _make(night, "two_tower", settings.model_dump(), fit)
