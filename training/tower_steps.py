"""The steps of a two-tower fit: one batch, one loss, one update.

Shapes: U users, I items, F content features, P preference tokens, B users of a step, T targets.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import TrainingDiverged
from core.model_settings import TwoTowerSettings
from core.seeds import generator
from training.tower_batches import Batch, Batches
from training.tower_loss import Sampler, full_softmax_loss, sampled_softmax_loss
from training.tower_network import Towers, optimizers


@dataclass(frozen=True)
class Described:
    """What every step reads beside histories.

    Attributes:
        content: (I, F) feature rows of norm 1.
        preferences: (U, P) stated preferences, rows of norm 1.
        trained: (I,) items with an interaction.
        with_content: (I,) items with a feature.
    """

    content: sp.csr_matrix
    preferences: sp.csr_matrix
    trained: NDArray[np.bool_]
    with_content: NDArray[np.bool_]


class Steps:
    """The state of one fit: towers, optimizers, the step reached and the generator."""

    def __init__(
        self,
        towers: Towers,
        batches: Batches,
        data: Described,
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
            vectors.index_select(0, self._tensor(place[len(drawn) :])),
            vectors.index_select(0, self._tensor(place[: len(drawn)])),
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
