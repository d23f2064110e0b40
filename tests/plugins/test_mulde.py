"""Score matching against a Gaussian: the ranks of its log-densities are those of the smoothed Gaussian."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from vadkit.api import FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit.testing.toy_fit import ToySource
from vadkit_densities.mulde import Mulde

SPEC = FeatureSpec((2,), 1)
MIXING = torch.tensor([[2.0, 1.2], [0.0, 0.5]])
MEAN = torch.tensor([3.0, -1.0])


class Steps(FitContext):
    """Adam for a number of steps."""

    seed = 0

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        optimizer, done = torch.optim.Adam(density.parameters(), 5e-3), 0
        density.train()
        while done < self.steps:
            for batch in features.batches(256, epoch=done):
                optimizer.zero_grad()
                density(batch).mean().backward()
                optimizer.step()
                done += 1


def drawn(count: int, seed: int) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)) @ MIXING + MEAN


@pytest.fixture(scope="module")
def density() -> Mulde:
    torch.manual_seed(0)
    made = Mulde(SPEC, hidden=(32, 32), lowest=0.1, levels=4, components=1)
    made.fit(ToySource(drawn(2000, 0), SPEC), Steps(300))
    return made.eval()


def test_the_ranks_are_those_of_the_smoothed_gaussian(density: Mulde) -> None:
    others = drawn(400, 1) * 1.3 - 0.3 * MEAN
    scaled = (others - density.mean) / density.std
    covariance = torch.cov(((drawn(2000, 0) - density.mean) / density.std).T)
    with torch.no_grad():
        found = density.log_densities(others)
    assert found.shape == (400, 4)
    assert density.deviations.tolist() == pytest.approx([0.1, 0.4, 0.7, 1.0])
    for level, least in zip(range(4), (0.8, 0.9, 0.9, 0.9), strict=True):
        smoothed = MultivariateNormal(torch.zeros(2), covariance + density.deviations[level] ** 2 * torch.eye(2))
        correlation: Any = spearmanr(smoothed.log_prob(scaled), found[:, level])
        assert correlation.statistic > least


def test_far_samples_are_less_likely_the_farther_they_are(density: Mulde) -> None:
    with torch.no_grad():
        nll = density(MEAN + torch.tensor([[0.0, 0.0], [4.0, -1.0], [8.0, -2.0], [16.0, -4.0]]))
        normal = density(drawn(200, 2))
    assert (nll[1:].diff() > 0).all()
    assert nll[1] > normal.quantile(0.95)


def test_the_loss_is_that_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """For f(x, s) = x^2 / 2 and noise e of deviation s: s^2 |x + e - e / s^2|^2 / 2 + beta f(x)^2 / 2."""
    density = Mulde(FeatureSpec((1,), 1), hidden=(4,), lowest=0.5, highest=0.5 + 1e-9, beta=0.3, levels=1)
    monkeypatch.setattr(density, "_value", lambda values, _: values[:, 0].square() / 2)
    values = torch.tensor([[1.0], [-2.0], [0.3]])
    torch.manual_seed(5)
    found = density.train()(values)
    torch.manual_seed(5)
    torch.rand(3)
    noise = 0.5 * torch.randn(3, 1)
    expected = 0.5**2 / 2 * (values + noise - noise / 0.5**2).square() + 0.3 / 2 * (values.square() / 2).square()
    assert found.tolist() == pytest.approx(expected[:, 0].tolist(), rel=1e-4)


def test_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        shapes = [tuple(each.shape) for each in Mulde(FeatureSpec((512,), 1)).layers.parameters()]
    assert shapes == [(4096, 513), (4096,), (4096, 4096), (4096,), (1, 4096), (1,)]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"hidden": ()}, "hidden needs at least one width"),
        ({"levels": 0}, "must be at least 1"),
        ({"lowest": 2.0}, "lowest must be above 0 and below highest"),
        ({"beta": math.nan}, "beta must not be negative"),
        ({"components": 0}, "components must be between 1"),
    ],
)
def test_keys_out_of_range(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Mulde(SPEC, **({"hidden": (4,)} | keys))  # pyright: ignore
    with pytest.raises(ShapeError, match="9000 dimensions; the maximum is 8192"):
        Mulde(FeatureSpec((9000,), 1))
