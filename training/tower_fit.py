"""Fits the two towers: one loop over epochs and steps.

Shapes: U users, I items, F content features, P preference tokens, B users of a step, T targets.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InputError, TrainingDiverged
from core.model_settings import TwoTowerSettings
from core.seeds import derive_seed, generator
from training.fitted import Floats, Tracker
from training.preferences import column_counts, scaled_preferences
from training.threads import available_threads
from training.tower_batches import Batch, Batches, hold_out
from training.tower_loss import Sampler, full_softmax_loss, sampled_softmax_loss
from training.tower_network import Towers, optimizers
from training.tower_validation import Validation
from training.two_tower import TwoTowerModel, normalised


@dataclass(frozen=True)
class _Data:
    """What every step reads: content (I, F), preferences (U, P), and which items were touched."""

    content: sp.csr_matrix
    preferences: sp.csr_matrix
    trained: NDArray[np.bool_]
    with_content: NDArray[np.bool_]


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
    data = _Data(
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
        run = _Run(towers, batches, data, settings, popularity, sparse, seed)
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


class _Run:
    """The state of one fit: towers, optimizers, the step reached and the generator."""

    def __init__(
        self,
        towers: Towers,
        batches: Batches,
        data: _Data,
        settings: TwoTowerSettings,
        popularity: NDArray[np.int64],
        sparse: bool,
        seed: int,
    ) -> None:
        self._towers, self._batches, self._data, self._settings = towers, batches, data, settings
        self._optimizers = optimizers(towers, settings.learning_rate, sparse)
        self._rng = generator(seed, "steps")
        self._step, self._rate = 0, 0.0
        enough = -(-settings.max_steps // max(1, batches.n_steps))
        self.n_epochs = min(settings.epochs, enough)
        self._device = next(towers.parameters()).device
        items = np.flatnonzero(data.trained)  # others stay out, or content would learn to shun them
        self._sampler = (
            Sampler.of(items, popularity[items], settings.negative_exponent) if sparse else None
        )
        self._all = items
        self._all_content = data.content[items]
        self._column = np.full(len(popularity), -1, dtype=np.int64)
        self._column[items] = np.arange(len(items))

    def epoch(self) -> dict[str, float]:
        """Visits every user once; returns the mean loss and the last rate."""
        losses = [self._train(batch) for batch in self._batches.epoch(self._rng)]
        return {"loss": float(np.mean(losses)) if losses else 0.0, "learning_rate": self._rate}

    def _train(self, batch: Batch) -> float:
        n_steps = self.n_epochs * self._batches.n_steps
        rising = (self._step + 1) / max(1, min(self._settings.warmup_steps, n_steps // 10))
        falling = 1 - self._step / n_steps
        self._rate = self._settings.learning_rate * min(1.0, rising) * falling
        self._step += 1
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._rate
            optimizer.zero_grad()
        loss = self._loss(batch)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingDiverged(
                f"two-tower loss is {value} at step {self._step} of {n_steps} (learning_rate "
                f"{self._rate:.3g}, batch of {len(batch.users)} users from user_num "
                f"{batch.users[0]}); lower learning_rate or raise temperature"
            )
        loss.backward()  # type: ignore[no-untyped-call]  # torch's backward has no types
        for optimizer in self._optimizers:
            optimizer.step()
        return value

    def _loss(self, batch: Batch) -> Tensor:
        users = self._towers.users(
            batch.history,
            sp.csr_matrix(batch.history @ self._data.content),
            self._data.preferences[batch.users],
        )
        rows, weights = self._tensor(batch.rows), self._tensor(batch.weights)
        temperature = self._settings.temperature
        if self._sampler is None:
            items = self._items(self._all, self._all_content)
            columns = self._tensor(self._column[batch.targets])
            return full_softmax_loss(users, items, rows, columns, weights, temperature)
        drawn, correction = self._sampler.draw(self._settings.n_negatives, self._rng)
        distinct, place = np.unique(np.concatenate([drawn, batch.targets]), return_inverse=True)
        vectors = self._items(distinct, self._data.content[distinct])
        return sampled_softmax_loss(
            users,
            vectors[self._tensor(place[len(drawn) :])],
            vectors[self._tensor(place[: len(drawn)])],
            self._tensor(correction),
            self._own(drawn, batch),
            rows,
            weights,
            temperature,
        )

    def _own(self, drawn: NDArray[np.int64], batch: Batch) -> tuple[Tensor, Tensor]:
        """Returns where drawn items are the user's own targets: rows and columns."""
        column = np.minimum(np.searchsorted(drawn, batch.targets), len(drawn) - 1)
        own = drawn[column] == batch.targets
        return self._tensor(batch.rows[own]), self._tensor(column[own])

    def _items(self, items: NDArray[np.int64], content: sp.csr_matrix) -> Tensor:
        kept = self._rng.random(len(items), dtype=np.float32) >= self._settings.id_dropout
        kept |= ~self._data.with_content[items]
        with_id = None if kept.all() else self._tensor(kept.astype(np.float32))
        return self._towers.items(self._tensor(items), content, with_id)

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._device)


def unit_content(features: sp.csr_matrix) -> sp.csr_matrix:
    """Returns feature rows of L2 norm 1, so that long descriptions do not outweigh ids."""
    norm = np.sqrt(np.asarray(features.multiply(features).sum(axis=1), dtype=np.float32).ravel())
    scale = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
    return sp.csr_matrix(sp.diags_array(scale) @ features)


def _export(
    towers: Towers, data: _Data, scale: Floats, settings: TwoTowerSettings
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
