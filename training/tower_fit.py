"""Fits the two towers: prepares the data, runs the epochs, stops early, exports arrays.

Shapes: U users, I items, F content features, P preference tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
import torch

from core.errors import InputError, TrainingDiverged
from core.model_settings import TwoTowerSettings
from core.seeds import derive_seed, generator
from training.fitted import Floats, Tracker
from training.preferences import column_counts, scaled_preferences
from training.threads import available_threads
from training.tower_batches import Batches, hold_out
from training.tower_model import TwoTowerModel, normalised
from training.tower_network import Towers
from training.tower_steps import Described, Steps
from training.tower_validation import Validation


def fit(
    matrix: sp.csr_matrix,
    item_content: sp.csr_matrix,
    user_preferences: sp.csr_matrix,
    settings: TwoTowerSettings,
    *,
    seed: int,
    warm_start: TwoTowerModel | None,
    tracker: Tracker | None,
    device: str,
    n_threads: int | None,
) -> TwoTowerModel:
    """Fits the network; see `training.two_tower.fit_two_tower`."""
    whole = scaled_preferences(matrix)
    place = torch.device(_device(device))
    validation = None
    if settings.validation_share:
        rng = generator(seed, "validation")
        kept, held = hold_out(whole, settings.validation_share, rng)
        validation = Validation.of(kept, held, user_preferences, settings, rng)
    else:
        kept = whole
    popularity = column_counts(kept)
    data = Described(
        content=unit_content(item_content),
        preferences=unit_content(user_preferences),
        trained=popularity > 0,
        with_content=np.diff(item_content.indptr) > 0,
    )
    sizes = (
        whole.shape[1],
        item_content.shape[1],
        user_preferences.shape[1],
        settings.embedding_size,
    )
    earlier = None if warm_start is None else _checked(warm_start, sizes)
    sparse = int(data.trained.sum()) > settings.full_softmax_max_items
    batches = Batches.of(kept, user_preferences, settings)
    with _threads(n_threads or available_threads()):
        towers = Towers(
            sizes,
            data.trained,
            seed=derive_seed(seed, "weights"),
            sparse=sparse,
            warm_start=earlier,
        ).to(place)
        run = Steps(towers, batches, data, settings, popularity, sparse, seed)
        best: tuple[float, TwoTowerModel | None, int] = (-1.0, None, 0)
        for epoch in range(1, run.n_epochs + 1):
            metrics = run.epoch()
            if validation is not None:
                model = _export(towers, data, batches.scale, settings)
                metrics["ndcg"] = validation.ndcg(model)
                if metrics["ndcg"] > best[0]:
                    best = (metrics["ndcg"], model, epoch)
            if tracker is not None:
                tracker(epoch, metrics)
            if validation is not None and epoch - best[2] >= settings.patience:
                break
        return best[1] or _export(towers, data, batches.scale, settings)


def unit_content(features: sp.csr_matrix) -> sp.csr_matrix:
    """Returns feature rows of L2 norm 1, so that long descriptions do not outweigh ids."""
    norm = np.sqrt(np.asarray(features.multiply(features).sum(axis=1), dtype=np.float32).ravel())
    scale = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
    return sp.csr_matrix(sp.diags_array(scale) @ features)


def _export(
    towers: Towers, data: Described, scale: Floats, settings: TwoTowerSettings
) -> TwoTowerModel:
    tables = towers.tables()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        items = tables["item_ids"] + data.content @ tables["item_content"]
        inputs = (tables["input_ids"] + data.content @ tables["input_content"]) * scale[:, None]
        squares = [np.square(table).sum() for table in (items, inputs, *tables.values())]
    if not np.isfinite(squares).all():
        raise TrainingDiverged(
            "two-tower weights are not finite or too large (learning_rate "
            f"{settings.learning_rate}, batches of {settings.batch_size}); lower learning_rate"
        )
    return TwoTowerModel(normalised(items), inputs, tables)


def _checked(earlier: TwoTowerModel, sizes: tuple[int, int, int, int]) -> dict[str, Floats]:
    tables = earlier.parameters
    found = (
        len(tables["item_ids"]), len(tables["item_content"]), len(tables["preferences"]),
        tables["item_ids"].shape[1],
    )  # fmt: skip
    if found != sizes:
        raise InputError(
            f"warm start has (items, features, tokens, size) {found}, this fit {sizes}; "
            "start cold or from a model of this numbering"
        )
    return tables


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


@contextmanager
def _threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
