import numpy as np
import pytest
import torch

from training.tower_loss import Sampler, full_softmax_loss, sampled_softmax_loss

TEMPERATURE = 0.3
ROWS = torch.tensor([0, 0, 1, 2])
TARGETS = torch.tensor([3, 7, 7, 0])
WEIGHTS = torch.tensor([0.1, 0.3, 0.4, 0.2])


def vectors(n, seed):
    table = np.random.default_rng(seed).standard_normal((n, 5)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    return torch.tensor(table, requires_grad=True)


def plain_loss(users, items):
    scores = users @ items.T / TEMPERATURE
    return -(WEIGHTS * torch.log_softmax(scores, dim=1)[ROWS, TARGETS]).sum()


def sampled(users, items, sampler, n, rng):
    drawn, correction = sampler.draw(n, rng)
    column = np.searchsorted(drawn, TARGETS.numpy()).clip(max=len(drawn) - 1)
    own = torch.from_numpy(drawn[column] == TARGETS.numpy())
    return sampled_softmax_loss(
        users,
        items[TARGETS],
        items[torch.from_numpy(drawn)],
        torch.from_numpy(correction),
        (ROWS[own], torch.from_numpy(column)[own]),
        ROWS,
        WEIGHTS,
        TEMPERATURE,
    )


def gradients(loss, *tables):
    return [gradient.detach().numpy() for gradient in torch.autograd.grad(loss, tables)]


def test_the_full_softmax_and_its_gradient_are_torch_s_own():
    users, items = vectors(3, 1), vectors(12, 2)
    ours = full_softmax_loss(users, items, ROWS, TARGETS, WEIGHTS, TEMPERATURE)
    plain = plain_loss(users, items)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-5)
    for one, other in zip(
        gradients(ours, users, items), gradients(plain, users, items), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_the_correction_makes_the_sampled_softmax_the_full_one(exponent):
    users, items = vectors(3, 1), vectors(40, 2)
    sampler = Sampler.of(np.arange(40), np.arange(10, 50), exponent)
    rng = np.random.default_rng(3)
    full = gradients(plain_loss(users, items), users, items)
    some = [gradients(sampled(users, items, sampler, 400, rng), users, items) for _ in range(60)]
    mean = [np.mean(part, axis=0) for part in zip(*some, strict=True)]
    for one, other in zip(mean, full, strict=True):
        np.testing.assert_allclose(one, other, atol=0.03 * np.abs(other).max())


def test_the_other_sign_of_the_correction_would_be_found():
    class Wrong(Sampler):
        def draw(self, n, rng):
            drawn, correction = super().draw(n, rng)
            return drawn, -correction

    users, items = vectors(3, 1), vectors(40, 2)
    full = plain_loss(users, items).item()
    popularity = np.arange(2, 42)
    # few draws: each stands for several items, and by the wrong sign for a part of one
    means = {}
    for kind in (Sampler, Wrong):
        rng = np.random.default_rng(3)
        sampler = kind.of(np.arange(40), popularity, 0.5)
        means[kind] = np.mean(
            [sampled(users, items, sampler, 12, rng).detach().item() for _ in range(300)]
        )
    assert means[Sampler] == pytest.approx(full, rel=0.03)
    assert means[Wrong] < 0.8 * full


def test_drawing_follows_popularity_and_counts_repeats():
    sampler = Sampler.of(np.array([4, 9]), np.array([1, 9]), 0.5)
    np.testing.assert_allclose(sampler.probability, [0.25, 0.75])
    drawn, correction = sampler.draw(1000, np.random.default_rng(0))
    assert drawn.tolist() == [4, 9]
    # log(n q / count) is near 0: each item was drawn about as often as expected
    np.testing.assert_allclose(correction, 0, atol=0.1)


def test_far_apart_scores_stay_finite():
    users, items = vectors(3, 1), vectors(12, 2)
    rng = np.random.default_rng(3)
    sampler = Sampler.of(np.arange(12), np.ones(12), 0.0)
    with torch.no_grad():
        loss = sampled(users * 300, items, sampler, 5, rng)
    assert torch.isfinite(loss)
