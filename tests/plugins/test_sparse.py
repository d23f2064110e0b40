"""Sparse coding of sequences against the lasso of scikit-learn, and the sizes of the published code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch.nn import functional

from vadkit.api import ClipSpec, FeatureSpec, LatentSpec, ShapeError
from vadkit.testing.toy_fit import ToyContext, ToySource
from vadkit_baselines.regions import RegionSequences
from vadkit_baselines.sparse import TSC, StackRNN

SPEC = FeatureSpec((6, 3), 1)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def lasso(atoms: torch.Tensor, x: torch.Tensor, before: torch.Tensor, pull: float) -> np.ndarray:
    """argmin ||x - atoms code||² / 2 + 0.2 |code| + pull ||code - before||² / 2, of one step (C,)."""
    rows = torch.cat([atoms, pull**0.5 * torch.eye(atoms.shape[1])]).numpy()
    wanted = torch.cat([x, pull**0.5 * before]).numpy()
    return Lasso(alpha=0.2 / len(wanted), fit_intercept=False, tol=1e-12, max_iter=100_000).fit(rows, wanted).coef_


def test_codes_of_tsc_solve_the_coherent_lasso() -> None:
    density = TSC(SPEC, hidden=4, iterations=300, sparsity=0.2, coherence=0.5, bandwidth=10.0)
    atoms, steps = functional.normalize(drawn(6, 4), dim=0), drawn(3, 2, 6, seed=1)
    found = density.codes(steps, atoms)
    for sample in range(2):
        before, pull = torch.zeros(4).double(), 0.0
        for number, x in enumerate(steps[:, sample]):
            if number:
                pull = 0.5 * float(torch.exp(-(x - steps[number - 1, sample]).square().sum() / 10))
            before = torch.from_numpy(lasso(atoms, x, before, pull))
            np.testing.assert_allclose(found[number, sample].numpy(), before.numpy(), atol=1e-5)
    assert 0 < float((found == 0).double().mean()) < 1


def test_many_layers_of_the_stacked_rnn_solve_it_too() -> None:
    torch.manual_seed(0)
    density = StackRNN(SPEC, hidden=4, layers=300, gamma=5.0, sparsity=0.2, coherence=0.5, projection=5).double().eval()
    steps = drawn(2, 1, 6, seed=2)
    with torch.no_grad():
        density.atoms.copy_(functional.normalize(drawn(6, 4), dim=0))
        density.decoder.copy_(torch.eye(4, 6))
    atoms, projected = density.atoms.detach(), functional.relu(steps[:, 0] @ density.projection.detach())
    first = torch.from_numpy(lasso(atoms, steps[0, 0], torch.zeros(4).double(), 0.0))
    like = float(functional.cosine_similarity(projected[0], projected[1], dim=0))
    assert like > 0.05
    second = torch.from_numpy(lasso(atoms, steps[1, 0], first, 0.5 * like))
    expected = [
        (x - functional.pad(code, (0, 2))).square().sum() / 2
        for x, code in zip(steps[:, 0], (first, second), strict=True)
    ]
    found = density.errors(steps)[:, 0].detach()
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-6)
    assert float(density(steps.permute(1, 2, 0)).detach()) == pytest.approx(float(expected[1]), rel=1e-4)
    assert float(density.train()(steps.permute(1, 2, 0)).detach()) == pytest.approx(float(sum(expected)) / 2, rel=1e-4)


def test_a_stacked_rnn_has_the_matrices_of_the_published_code() -> None:
    density = StackRNN(FeatureSpec((2048, 10), 1))
    shapes = {name: tuple(value.shape) for name, value in density.named_parameters()}
    assert shapes == {"atoms": (2048, 2048), "projection": (2048, 512), "decoder": (2048, 2048)}
    assert (density.rounds, density.gamma, density.sparsity, density.coherence) == (3, 1.0, 0.1, 0.01)


@pytest.mark.parametrize(
    "density", [TSC(SPEC, hidden=8, iterations=15), StackRNN(SPEC, hidden=8, projection=4)], ids=["tsc", "rnn"]
)
def test_training_reduces_the_error_of_sequences_like_those_seen(density: Any) -> None:
    patterns = drawn(2, 6, seed=3).float()
    sample = (drawn(64, 3, 2, seed=4).abs().float() @ patterns).transpose(1, 2)  # sums of two patterns in each step
    before = float(density.eval()(sample).mean().detach())
    density.fit(ToySource(sample, SPEC), ToyContext(25))
    assert float(density.eval()(sample).mean().detach()) < 0.5 * before


def test_regions_are_means_of_their_cells() -> None:
    clip, latents = ClipSpec(8, 28, 42), {"deep": LatentSpec(3, 4, 7, 7)}
    latent = drawn(2, 3, 4, 7, 7).float()
    for regions, step in ((1, 7), (2, 4), (4, 2)):  # as in the published code: steps of ceil(7 / n) cells
        feature = RegionSequences(clip, latents, latent="deep", regions=regions)
        found = feature(torch.zeros(2, *clip.shape), {"deep": latent})
        assert found.shape == (2, 1, regions, regions, 3, 4)
        last = latent[..., step * (regions - 1) :, step * (regions - 1) :].mean((3, 4))
        torch.testing.assert_close(found[:, 0, -1, -1], last)
        assert feature.spec.frames == ((6, 8),)
    with pytest.raises(ShapeError, match="7x7 cells cannot be divided into 5x5 regions"):
        RegionSequences(clip, latents, latent="deep", regions=5)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"(?s)must be sequences \(C, T\).*region_sequences"):
        TSC(FeatureSpec((6,), 1))
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (TSC, {"bandwidth": 0.0}),
        (StackRNN, {"gamma": 0.0}),
        (TSC, {"hidden": 0}),
    ]
    for cls, keys in wrong:
        with pytest.raises(ShapeError, match="must be"):
            cls(SPEC, **keys)
