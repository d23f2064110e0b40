"""One-class models against scikit-learn and against their own optimisation problems, solved by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM as Machine
from torch import nn

from vadkit.api import DataError, DensityModel, FeatureSpec, ShapeError
from vadkit.testing.toy_fit import ToyContext, ToySource
from vadkit_densities.deep_svdd import DeepSVDD
from vadkit_densities.one_class import OneClassSVM
from vadkit_densities.subspace import SubspaceSVDD

SPEC = FeatureSpec((4,), 2)


def values(count: int = 300, seed: int = 0) -> torch.Tensor:
    """Two dimensions that are nearly equal, and two that are independent."""
    drawn = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    drawn[:, 1] = drawn[:, 0] + 0.1 * drawn[:, 1]
    return drawn * torch.tensor([1.0, 2, 3, 4]) + 5


def fit(density: DensityModel, sample: torch.Tensor, *, epochs: int = 0) -> nn.Module:
    density.fit(ToySource(sample, SPEC), ToyContext(epochs))
    assert isinstance(density, nn.Module)
    return density.eval()


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_a_one_class_svm_is_that_of_scikit_learn(kernel: Any) -> None:
    sample, other = values(), 2 * values(50, 1)
    found = fit(OneClassSVM(SPEC, nu=0.2, kernel=kernel), sample)(other)
    scaler = StandardScaler().fit(sample.double())
    gamma: Any = 0.25
    known = Machine(kernel=kernel, gamma=gamma, nu=0.2).fit(scaler.transform(sample.double()))
    expected = -known.decision_function(scaler.transform(other.double()))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("penalty", [1.0, 0.1, 0.03])
def test_the_ball_solves_its_problem(penalty: float) -> None:
    density = SubspaceSVDD(SPEC, subspace=2, penalty=penalty, iterations=3)
    sample = values(60)
    outside = fit(density, sample)(sample).double().numpy()
    points = (density.scale(sample) @ density.projection.T).double().numpy()

    def room(at: Any) -> Any:  # at: squared radius, centre, slack of each sample
        return at[0] + at[3:] - ((points - at[1:3]) ** 2).sum(1)

    found = minimize(
        lambda at: at[0] + penalty * at[3:].sum(),
        np.full(63, 10.0),
        bounds=[(0, None), (None, None), (None, None), *[(0, None)] * 60],
        constraints={"type": "ineq", "fun": room},
    )
    assert found.success
    assert float(density.radius) + penalty * outside.clip(0).sum() == pytest.approx(found.fun, rel=1e-3)
    np.testing.assert_allclose(density.centre.numpy(), found.x[1:3], atol=0.02)


def test_the_subspace_is_where_the_samples_are_close_together() -> None:
    density = SubspaceSVDD(SPEC, penalty=0.02)
    fit(density, values())
    alone = torch.tensor([1.0, -1.0, 0, 0]) / 2**0.5  # the difference of the two nearly equal dimensions
    assert float((density.projection @ alone).abs()) > 0.99


@pytest.mark.parametrize("regularizer", ["all", "support", "boundary"])
def test_a_regularizer_follows_autograd(regularizer: Any) -> None:
    density = SubspaceSVDD(SPEC, subspace=2, regularizer=regularizer, beta=0.5)
    q = torch.linalg.qr(torch.randn(4, 2, generator=torch.Generator().manual_seed(0)).double()).Q.T.requires_grad_()
    sample, alpha = values(6).double(), torch.tensor([0.0, 0.1, 0.1, 0.05, 0.05, 0]).double()
    chosen = {"support": alpha, "boundary": torch.where(alpha < 0.1, alpha, 0)}
    points = sample @ q.T
    ball = (alpha * points.square().sum(1)).sum() - (alpha @ points).square().sum()
    spread = points.square().sum() if regularizer == "all" else (chosen[regularizer] @ points).square().sum()
    (ball + 0.5 * spread).backward()
    assert q.grad is not None
    torch.testing.assert_close(density._gradient(q.detach(), sample, alpha), q.grad)


def test_settings_that_do_not_fit_are_refused() -> None:
    wrong: list[dict[str, Any]] = [{"nu": 0.0}, {"nu": 1.5}, {"gamma": 0.0}, {"samples": 0}]
    for keys in wrong:
        with pytest.raises(ShapeError, match=f"{next(iter(keys))} must be"):
            OneClassSVM(SPEC, **keys)
    with pytest.raises(ShapeError, match="between 1 and the 4 dimensions of a sample, but it is 5"):
        SubspaceSVDD(SPEC, subspace=5)
    with pytest.raises(ShapeError, match="must be above 0"):
        SubspaceSVDD(SPEC, step=0.0)
    with pytest.raises(ShapeError, match="nu must be between 0 and 1"):
        DeepSVDD(SPEC, nu=1.0)
    with pytest.raises(ShapeError, match="must be at least 1"):
        DeepSVDD(SPEC, hidden=[0])
    with pytest.raises(DataError, match=r"a penalty of 0\.1 needs at least 10 samples, but there are 7"):
        fit(SubspaceSVDD(SPEC), values(7))


@pytest.mark.parametrize("objective", ["one_class", "soft_boundary"])
def test_deep_svdd_draws_normal_samples_to_its_centre(objective: Any) -> None:
    torch.manual_seed(0)
    density = DeepSVDD(SPEC, hidden=[16], code=4, objective=objective, nu=0.1)
    sample = values()
    first = fit(density, sample)(sample).detach()
    found = fit(density, sample, epochs=10)(sample).detach()
    assert float(found.std()) < 0.5 * float(first.std())
    assert float(density.centre.abs().min()) >= 0.1
    if objective == "soft_boundary":
        assert float((found > 0).float().mean()) == pytest.approx(0.1, abs=0.01)


def test_the_soft_boundary_reduces_the_largest_distances() -> None:
    density = DeepSVDD(SPEC, hidden=[8], code=2, objective="soft_boundary", nu=0.25).train()
    sample = values(8)
    distances = density.eval()(sample).detach()
    worst = distances.topk(2).values.mean()  # the least R² + mean(max(0, distance² - R²)) / nu over all R
    grid = torch.linspace(0, float(distances.max()), 20001)[:, None]
    assert float((grid[:, 0] + (distances - grid).clamp_min(0).mean(1) / 0.25).min()) == pytest.approx(float(worst))
    assert float(density.train()(sample).mean().detach()) == pytest.approx(float(worst))
