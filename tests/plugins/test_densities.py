"""Cheap densities against scikit-learn and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from sklearn.covariance import LedoitWolf
from sklearn.mixture import GaussianMixture as Mixture
from sklearn.neighbors import NearestNeighbors
from torch import nn

from vadkit.api import DataError, DensityModel, FeatureSpec, Grid, ShapeError
from vadkit.testing.toy_fit import ToyContext, ToySource
from vadkit_densities.gaussian import Gaussian
from vadkit_densities.mixture import GaussianMixture
from vadkit_densities.neighbours import NearestNeighbours
from vadkit_densities.one_class import OneClassSVM
from vadkit_densities.places import Places
from vadkit_densities.subspace import SubspaceSVDD

SPEC = FeatureSpec((4,), 2)


def values(count: int = 400, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.tensor([[1.0, 0.9, 0, 0], [0, 0.5, 0, 0], [0, 0, 3, 0], [0, 0, 1, 0.1]])
    return torch.randn(count, 4, generator=generator) @ mixing + torch.tensor([0.0, 5, -2, 1])


def fit(density: DensityModel, sample: torch.Tensor, spec: FeatureSpec = SPEC) -> nn.Module:
    density.fit(ToySource(sample, spec), ToyContext(0))
    assert isinstance(density, nn.Module)
    return density.eval()


def test_a_full_gaussian_is_that_of_ledoit_and_wolf() -> None:
    sample, other = values(), values(50, 1) * 2
    found = fit(Gaussian(SPEC), sample)(other)
    std = sample.numpy().astype(float).std(0)
    shrunk = LedoitWolf(assume_centered=True).fit((sample.numpy() - sample.numpy().mean(0)) / std).covariance_
    expected = -multivariate_normal(sample.numpy().mean(0), shrunk * np.outer(std, std)).logpdf(other.numpy())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3)


def test_a_diagonal_gaussian_adds_up_dimensions() -> None:
    spec = FeatureSpec((1, 2, 2), 1)
    sample = values().reshape(-1, 1, 2, 2)
    found = fit(Gaussian(spec, covariance="diagonal"), sample, spec)(sample[:9])
    flat = sample.flatten(1).numpy()
    expected = -norm.logpdf(flat[:9], flat.mean(0), flat.std(0)).sum(1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3)


def test_a_mixture_is_that_of_scikit_learn() -> None:
    sample = torch.cat([values(), values(200, 1) + 20])
    found = fit(GaussianMixture(SPEC, components=2), sample)(values(30, 2))
    array = sample.double().numpy()
    mean, std = array.mean(0), array.std(0)
    known = Mixture(2, reg_covar=1e-3, random_state=0).fit((array - mean) / std)
    expected = np.log(std).sum() - known.score_samples((values(30, 2).numpy() - mean) / std)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3, atol=1e-3)


def test_neighbours_rank_as_the_distance_of_scikit_learn_does() -> None:
    sample, other = values(), values(50, 1) * 1.5
    found = fit(NearestNeighbours(SPEC, neighbours=3), sample)(other).numpy()
    array = sample.numpy().astype(float)
    known = NearestNeighbors(n_neighbors=3).fit((array - array.mean(0)) / array.std(0))
    distance = known.kneighbors((other.numpy() - array.mean(0)) / array.std(0))[0][:, -1]
    np.testing.assert_array_equal(np.argsort(found), np.argsort(distance))


def test_neighbours_estimate_a_density() -> None:
    spec = FeatureSpec((1,), 1)
    sample = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0))
    points = torch.linspace(-1.5, 1.5, 31)[:, None]
    found = fit(NearestNeighbours(spec, neighbours=100), sample, spec)(points)
    np.testing.assert_allclose(found.numpy(), -norm.logpdf(points[:, 0].numpy()), atol=0.35)


SMALL: dict[str, Any] = {"subspace": 2, "iterations": 4}
ALL = {
    "full": Gaussian(SPEC),
    "diagonal": Gaussian(SPEC, covariance="diagonal"),
    "mixture": GaussianMixture(SPEC),
    "neighbours": NearestNeighbours(SPEC),
    "one_class_svm": OneClassSVM(SPEC),
    "subspace_svdd": SubspaceSVDD(SPEC, **SMALL),
}
each = pytest.mark.parametrize("density", ALL.values(), ids=ALL)


@each
def test_state_survives_save_and_load(density: DensityModel) -> None:
    fit(density, values())
    assert isinstance(density, nn.Module)
    keys: dict[str, Any] = {"covariance": density.covariance} if isinstance(density, Gaussian) else {}
    keys |= SMALL if isinstance(density, SubspaceSVDD) else {}
    other = type(density)(SPEC, **keys)
    assert isinstance(other, nn.Module)
    other.load_state_dict(density.state_dict())
    assert torch.equal(other(values(9, 3)), density(values(9, 3)))


@each
def test_far_samples_are_unlikelier_and_all_are_finite(density: DensityModel) -> None:
    model = fit(density, values())
    near, far = model(values(50, 1)), model(values(50, 1) + 100)
    assert bool(torch.isfinite(torch.cat([near, far, model(values()[:5])])).all())
    assert bool(near.max() < far.min())


@each
def test_a_dead_dimension_does_no_harm(density: DensityModel) -> None:
    sample = values()
    sample[:, 2] = 7
    assert bool(torch.isfinite(fit(density, sample)(sample)).all())


@each
def test_features_that_are_not_finite_are_refused(density: DensityModel) -> None:
    sample = values()
    sample[3, 1] = float("nan")
    with pytest.raises(DataError, match="not finite"):
        fit(density, sample)


@pytest.mark.parametrize("density", [Gaussian(SPEC), NearestNeighbours(SPEC, samples=500)], ids=["gaussian", "knn"])
def test_the_module_for_scoring_gives_the_same_likelihoods(density: DensityModel) -> None:
    fitted, other = fit(density, values()), values(30, 1)
    ready = density.for_scoring()
    assert ready is not fitted
    torch.testing.assert_close(ready(other), fitted(other), rtol=1e-5, atol=1e-4)  # pyright: ignore


def test_too_many_dimensions_say_what_to_choose() -> None:
    spec = FeatureSpec((3, 60, 90), 4)
    with pytest.raises(ShapeError, match=r"(?s)16200 dimensions.*vector_pool"):
        Gaussian(spec)
    with pytest.raises(ShapeError, match=r"(?s)maximum is 512.*vector_pool"):
        GaussianMixture(spec)
    with pytest.raises(DataError, match="8 components need at least as many samples, but there are 5"):
        fit(GaussianMixture(SPEC), values(5))
    with pytest.raises(ShapeError, match="neighbours must be between 1 and samples"):
        NearestNeighbours(SPEC, neighbours=0)


PLACED = FeatureSpec((4,), 1, grid=Grid(3, 4, (8, 8), (8, 8)), position=True)


def placed(count: int, seed: int = 0) -> torch.Tensor:
    """Two values of a place, with the mean (10 * row, column) and the deviation 1; then row and column."""
    generator = torch.Generator().manual_seed(seed)
    row = torch.randint(0, 3, (count,), generator=generator).float()
    column = torch.randint(0, 4, (count,), generator=generator).float()
    values = torch.randn(count, 2, generator=generator) + torch.stack([10 * row, column], dim=1)
    return torch.cat([values, row[:, None], column[:, None]], dim=1)


@pytest.mark.parametrize(
    ("cls", "keys"),
    [
        (Gaussian, {"covariance": "diagonal", "smooth": 0.0, "prior": 2.0}),
        (GaussianMixture, {"components": 12, "smooth": 0.0, "prior": 1.0}),
        (NearestNeighbours, {"reach": 0}),
    ],
)
def test_what_is_normal_depends_on_the_place(cls: Any, keys: dict[str, Any]) -> None:
    density = fit(cls(PLACED, per_place=True, **keys), placed(6000), PLACED)
    normal = placed(300, 1)
    moved = normal.clone()
    moved[:, 2] = (moved[:, 2] + 1) % 3  # values of another row
    assert float((density(moved) > density(normal)).float().mean()) > 0.9


def test_a_gaussian_of_a_place_is_mixed_with_that_of_all_places() -> None:
    sample = placed(6000)
    one = sample[(sample[:, 2] == 1) & (sample[:, 3] == 2)]
    density = fit(Gaussian(PLACED, covariance="diagonal", per_place=True, prior=50.0, smooth=0.0), sample, PLACED)
    shared, weight = sample[:, :2].mean(0), len(one) + 50.0
    mean = (one[:, :2].sum(0) + 50 * shared) / weight
    second = (one[:, :2].square().sum(0) + 50 * sample[:, :2].square().mean(0)) / weight
    expected = -norm.logpdf(one[:5, :2], mean, (second - mean.square()).sqrt()).sum(1)
    np.testing.assert_allclose(density(one[:5]).numpy(), expected, rtol=1e-3)


def test_a_place_without_samples_uses_those_of_all_places() -> None:
    sample = placed(6000)
    sample = sample[sample[:, 2] < 2]
    there = torch.tensor([[5.0, 1.5, 2.0, 0.0], [40.0, 1.5, 2.0, 0.0]])
    for density in (
        Gaussian(PLACED, covariance="diagonal", per_place=True, smooth=0.0),
        GaussianMixture(PLACED, components=2, per_place=True, smooth=0.0),
        NearestNeighbours(PLACED, per_place=True, reach=0),
    ):
        nll = fit(density, sample, PLACED)(there)
        assert torch.isfinite(nll).all()
        assert nll[0] < nll[1]


def test_neighbouring_places_share_samples() -> None:
    places = Places(PLACED, smooth=1.0)
    sums = places.smoothed(places.sums(torch.ones(1, 1), torch.tensor([5]))).reshape(3, 4)
    assert sums[1, 1] == 1
    assert sums[1, 2].item() == pytest.approx(np.exp(-0.5))
    assert sums[0, 0].item() == pytest.approx(np.exp(-1))
    _, place = places.near(torch.tensor([[0.0, 0.0, 0.0, 0.0]]), 1)
    assert sorted(place.tolist()) == [0, 1, 4, 5]


@pytest.mark.parametrize("cls", [Gaussian, GaussianMixture, NearestNeighbours])
def test_places_need_samples_with_a_position(cls: Any) -> None:
    with pytest.raises(ShapeError, match="do not contain the row and the column"):
        cls(SPEC, per_place=True)


def test_a_full_covariance_for_each_place_is_refused() -> None:
    with pytest.raises(ShapeError, match="too many samples"):
        Gaussian(PLACED, per_place=True)
