"""Makes the sources: each fitted for every fold, a later fold from an earlier one's weights."""

from collections.abc import Callable
from typing import Any, TypeVar

from assets.evaluation.folds import read_folds
from assets.models.fold_models import FoldData, model_file
from core.model_settings import AlsSettings, TwoTowerSettings
from core.night import Made, Night
from core.seeds import derive_seed
from core.store import Staging
from training.als import fit_als
from training.fitted import save_model
from training.neighbours import fit_neighbours
from training.popularity import fit_popularity
from training.two_tower import fit_two_tower

Epochs = TypeVar("Epochs", AlsSettings, TwoTowerSettings)

_INPUTS = ("folds", "users", "items", "interactions", "user_features", "item_features")

Fit = Callable[[FoldData, Any, dict[int, dict[str, float]]], Any]


def _make(night: Night, kind: str, config: dict[str, Any], fit: Fit) -> Made:
    def write(staging: Staging) -> None:
        earlier, curves = None, {}
        for fold in read_folds(night).folds:
            curve: dict[int, dict[str, float]] = {}
            earlier = fit(FoldData(night, fold), earlier, curve)
            save_model(earlier, staging.file(model_file(fold)))
            curves[fold.name] = [curve[step] for step in sorted(curve)]
        staging.write_json("curves.json", curves)

    return night.make(kind, write, inputs=_INPUTS, config=config)


def _shortened(settings: Epochs, earlier: object) -> Epochs:
    """Returns the settings of a fit that starts from an earlier one's weights, if there is one."""
    if earlier is None:
        return settings
    return settings.model_copy(update={"epochs": min(settings.epochs, settings.refit_epochs)})


def make_popularity(night: Night) -> Made:
    """Makes `popularity`: by horizon, by category and trending."""
    settings = night.settings.models.popularity

    def fit(data: FoldData, earlier: Any, curve: dict[int, dict[str, float]]) -> Any:
        lookup = data.numbering.item_lookup
        counts = {
            name: lookup(data.item_features, name).astype("int64")
            for name in ("n_users_1d", "n_users_7d", "n_users_30d", "n_users")
        }
        return fit_popularity(counts, settings)

    return _make(night, "popularity", settings.model_dump(), fit)


def make_als(night: Night) -> Made:
    """Makes `als`: implicit matrix factorisation."""
    settings = night.settings.models.als
    seed = derive_seed(night.settings.seed, "als")

    def fit(data: FoldData, earlier: Any, curve: dict[int, dict[str, float]]) -> Any:
        return fit_als(
            data.history.weights, _shortened(settings, earlier), seed=seed, warm_start=earlier,
            tracker=curve.__setitem__,
        )  # fmt: skip

    return _make(night, "als", settings.model_dump(), fit)


def make_neighbours(night: Night) -> Made:
    """Makes `neighbours`: what each item says about every other."""
    settings = night.settings.models.neighbours

    def fit(data: FoldData, earlier: Any, curve: dict[int, dict[str, float]]) -> Any:
        return fit_neighbours(data.history.weights, settings)

    return _make(night, "neighbours", settings.model_dump(), fit)


def make_two_tower(night: Night) -> Made:
    """Makes `two_tower`: item vectors from id and content, user vectors from histories."""
    settings = night.settings.models.two_tower
    seed = derive_seed(night.settings.seed, "two_tower")

    def fit(data: FoldData, earlier: Any, curve: dict[int, dict[str, float]]) -> Any:
        return fit_two_tower(
            data.history.weights, data.content, data.preferences, _shortened(settings, earlier),
            seed=seed, warm_start=earlier, tracker=curve.__setitem__,
        )  # fmt: skip

    return _make(night, "two_tower", settings.model_dump(), fit)
