"""Glow against autograd's Jacobian, its own inverse, and the paper's parameter counts."""

from __future__ import annotations

import math

import pytest
import torch
from flow_steps import check_steps_invert
from torch import Tensor

from vadkit.api import FeatureSpec, ShapeError
from vadkit.testing.toy_fit import ToyContext, ToySource
from vadkit_flows.glow import Glow


def fitted(spec: FeatureSpec, levels: int, steps: int = 0) -> Glow:
    torch.manual_seed(0)
    glow = Glow(spec, steps=2, levels=levels, hidden=8)
    values = torch.randn(64, *spec.shape) * 3 + 2
    glow.standardize.fit([values])
    glow(values)  # actnorm takes its start from the first batch
    for parameter in glow.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return glow.eval()


@pytest.mark.parametrize(
    ("channels", "ours", "papers"), [(2, 10_195_968, 10.16), (3, 11_086_336, 11.05)], ids=["dynamic", "static"]
)
def test_sizes_beside_the_papers(channels: int, ours: int, papers: float) -> None:
    glow = Glow(FeatureSpec((channels, 60, 90), 4), steps=32, levels=1, hidden=512)
    assert sum(parameter.numel() for parameter in glow.parameters()) == ours
    wide = 4 * channels
    biases = 32 * (512 + 512 + 2 * (wide // 2))
    lu = 32 * (2 * wide**2 + wide - wide**2)  # L, U and log S instead of one matrix
    assert round((ours - biases - lu) / 1e6, 2) == papers


@pytest.mark.parametrize("levels", [1, 2])
def test_log_likelihood_agrees_with_autograds_jacobian(levels: int) -> None:
    spec = FeatureSpec((2, 4, 4), 1)
    glow = fitted(spec, levels).double()
    glow.standardize.forward(torch.zeros(1, *spec.shape, dtype=torch.double))
    sample = torch.randn(1, *spec.shape, dtype=torch.double)

    def flat(x: Tensor) -> Tensor:
        rest, _ = glow.standardize(x.reshape(1, *spec.shape))
        latents = []
        for index, level in enumerate(glow.levels):
            rest, _ = glow.squeeze.inverse(rest)
            for step in level:  # pyright: ignore[reportGeneralTypeIssues]
                rest, _ = step.inverse(rest)
            if index < levels - 1:
                done, rest = rest.chunk(2, dim=1)
                latents.append(done)
        return torch.cat([z.flatten() for z in (*latents, rest)])

    jacobian = torch.autograd.functional.jacobian(flat, sample.flatten())
    z = flat(sample.flatten())
    expected = 0.5 * (z.square().sum() + len(z) * math.log(2 * math.pi)) - torch.linalg.slogdet(jacobian)[1]
    assert torch.allclose(glow(sample)[0], expected.float().double(), rtol=1e-4)


@pytest.mark.parametrize("levels", [1, 2])
def test_decoding_inverts_encoding(levels: int) -> None:
    spec = FeatureSpec((3, 8, 8), 1, (0.0, 0.0, 2 / 255))
    glow = fitted(spec, levels)
    values = torch.randn(5, *spec.shape)
    latents, _ = glow.encode(values)
    assert torch.allclose(glow.decode(latents), values, atol=1e-3)
    check_steps_invert(glow, values)


def test_fitting_finds_normal_samples_likelier_than_shifted_ones() -> None:
    torch.manual_seed(0)
    spec = FeatureSpec((2, 4, 4), 1)
    base = torch.randn(256, 1, 4, 4)
    values = torch.cat([base, base + 0.1 * torch.randn_like(base)], 1)  # two channels that agree
    glow = Glow(spec, steps=2, levels=1, hidden=16)
    glow.train()
    glow.fit(ToySource(values, spec), ToyContext(15))
    glow.eval()
    with torch.no_grad():
        normal = glow(values).mean()
        swapped = glow(torch.cat([values[:, :1], values[:, 1:].roll(1, 0)], 1)).mean()
    assert normal < swapped


def test_actnorms_start_survives_save_and_load() -> None:
    spec = FeatureSpec((2, 4, 4), 1)
    glow = fitted(spec, 1)
    other = Glow(spec, steps=2, levels=1, hidden=8)
    other.load_state_dict(glow.state_dict())
    other.train()
    values = torch.randn(9, *spec.shape) * 7
    assert torch.allclose(other(values), glow(values))


def test_the_log_determinant_stays_in_float32_under_bfloat16() -> None:
    spec = FeatureSpec((2, 8, 8), 1)
    glow = fitted(spec, 1)
    values = torch.randn(4, *spec.shape)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = glow(values)
    assert mixed.dtype == torch.float32
    assert torch.allclose(mixed, glow(values), rtol=2e-2)


def test_scores_do_not_depend_on_chance_or_on_batch_mates() -> None:
    spec = FeatureSpec((3, 4, 4), 1, (0.0, 0.0, 2 / 255))
    glow = fitted(spec, 1)
    values = torch.randn(6, *spec.shape)
    assert torch.equal(glow(values), glow(values))
    assert torch.allclose(glow(values)[:2], glow(values[:2]), atol=1e-4)


def test_training_adds_noise_as_wide_as_the_quantum() -> None:
    spec = FeatureSpec((2, 4, 4), 1, (0.0, 0.5))
    glow = fitted(spec, 1).train()
    noisy, _ = glow.standardize(torch.zeros(100, *spec.shape))
    raw = noisy * glow.standardize.std + glow.standardize.mean
    assert torch.allclose(raw[:, 0], torch.zeros(()), atol=1e-5)
    assert -1e-5 <= raw[:, 1].min() < 0.02
    assert 0.48 < raw[:, 1].max() <= 0.5 + 1e-5


def test_levels_that_do_not_divide_the_map_are_refused_with_those_that_do() -> None:
    with pytest.raises(ShapeError, match="levels: 1"):
        Glow(FeatureSpec((2, 60, 90), 4), levels=3)
    with pytest.raises(ShapeError, match="needs maps"):
        Glow(FeatureSpec((16,), 4))
