"""The two-tower's loss: softmax over the whole catalogue, or over drawn items with a correction.

Both estimate Σ weight × (log Σ_i exp(s_i) − s_target). Drawn items stand for the whole catalogue:
an item drawn c times out of n with probability q counts c / (n q) times, so its score has
log(n q / c) subtracted; a user's own targets are always in their sum, uncorrected, and never among
the drawn.

Shapes: B users of a step, C items in the softmax, T targets, D embedding size.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class _FullSoftmax(torch.autograd.Function):
    """The loss and its gradient in one pass, so that the (B, C) scores are held once."""

    @staticmethod
    def forward(
        ctx: Any, users: Tensor, items: Tensor, rows: Tensor, columns: Tensor, weights: Tensor,
        temperature: float,
    ) -> Tensor:  # fmt: skip
        scores = (users @ items.T).div_(temperature)  # (B, C)
        log_sum = torch.logsumexp(scores, dim=1)  # (B,)
        loss = (weights * (log_sum[rows] - scores[rows, columns])).sum()
        of_user = torch.zeros_like(log_sum).index_add_(0, rows, weights)
        scores.sub_(log_sum[:, None]).exp_().mul_(of_user[:, None])
        scores.view(-1).index_add_(0, rows * scores.shape[1] + columns, -weights)
        scores.div_(temperature)
        ctx.save_for_backward(scores @ items, scores.T @ users)
        return loss

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        (gradient,) = outputs
        of_users, of_items = ctx.saved_tensors
        return gradient * of_users, gradient * of_items, None, None, None, None


def full_softmax_loss(
    users: Tensor, items: Tensor, rows: Tensor, columns: Tensor, weights: Tensor, temperature: float
) -> Tensor:
    """Returns the loss with every item in the softmax.

    Args:
        users: (B, D) user vectors.
        items: (C, D) item vectors.
        rows: (T,) row of each target's user.
        columns: (T,) row of each target in `items`; a (row, column) pair stands once.
        weights: (T,) weight of each target.
        temperature: what cosines are divided by.
    """
    loss: Tensor = _FullSoftmax.apply(users, items, rows, columns, weights, temperature)  # type: ignore[no-untyped-call]  # torch's apply has no types
    return loss


@dataclass(frozen=True)
class Sampler:
    """Draws items for the sampled softmax, with replacement.

    Attributes:
        items: (n,) item numbers that may be drawn, ascending.
        probability: (n,) float64 of each, summing to 1.
    """

    items: NDArray[np.int64]
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, items: NDArray[np.int64], popularity: NDArray[Any], exponent: float) -> "Sampler":
        """Prepares drawing in proportion to popularity to a power."""
        weight = popularity.astype(np.float64) ** exponent
        return cls(items, weight / weight.sum())

    def draw(
        self, n: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns distinct item numbers, ascending, and what to subtract from their scores."""
        places = np.searchsorted(np.cumsum(self.probability), rng.random(n), side="right")
        drawn, count = np.unique(np.minimum(places, len(self.items) - 1), return_counts=True)
        correction = np.log(n * self.probability[drawn] / count).astype(np.float32)
        return self.items[drawn], correction


def sampled_softmax_loss(
    users: Tensor,
    targets: Tensor,
    drawn: Tensor,
    correction: Tensor,
    own: tuple[Tensor, Tensor],
    rows: Tensor,
    weights: Tensor,
    temperature: float,
) -> Tensor:
    """Returns an estimate of `full_softmax_loss` from drawn items.

    Args:
        users: (B, D) user vectors.
        targets: (T, D) vector of each target.
        drawn: (C, D) vectors of the drawn items, shared by all users.
        correction: (C,) what `Sampler.draw` returned beside them.
        own: rows (n,) of users and columns (n,) of `drawn` that are among the user's own targets.
        rows: (T,) row of each target's user.
        weights: (T,) weight of each target.
        temperature: what cosines are divided by.
    """
    # index_select, not indexing: the gradient of indexing adds in an order that threads decide
    positive = (users.index_select(0, rows) * targets).sum(dim=1) / temperature  # (T,)
    scores = users @ drawn.T / temperature - correction  # (B, C)
    masked = scores.index_put(own, scores.new_tensor(-torch.inf))
    most = torch.maximum(  # per user, to keep the exponentials finite
        masked.detach().amax(dim=1),
        torch.full_like(scores[:, 0], -torch.inf).scatter_reduce(
            0, rows, positive.detach(), reduce="amax"
        ),
    )
    total = torch.exp(masked - most[:, None]).sum(dim=1)
    total = total.index_add(0, rows, torch.exp(positive - most[rows]))  # `most` has no gradient
    log_sum = most + torch.log(total)
    return (weights * (log_sum.index_select(0, rows) - positive)).sum()
