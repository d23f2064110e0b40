"""RealNVP against autograd's Jacobian, its own inverse and the integral of a density."""

from __future__ import annotations

import math

import pytest
import torch
from flow_steps import check_steps_invert
from torch import Tensor

from vadkit.api import FeatureSpec, ShapeError
from vadkit.testing.toy_fit import ToyContext, ToySource
from vadkit_flows.realnvp import RealNVP

SPECS = [(FeatureSpec((5,), 4), 1), (FeatureSpec((2, 4, 4), 1), 1), (FeatureSpec((3, 8, 4), 1, (0.0, 0.0, 2 / 255)), 2)]
each = pytest.mark.parametrize(("spec", "levels"), SPECS, ids=["vector", "map", "two levels"])


def fitted(spec: FeatureSpec, levels: int) -> RealNVP:
    torch.manual_seed(0)
    flow = RealNVP(spec, steps=3, levels=levels, hidden=8)
    values = torch.randn(64, *spec.shape) * 3 + 2
    flow.standardize.fit([values])
    flow(values)  # actnorm takes its start from the first batch
    for parameter in flow.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return flow.eval()


@each
def test_log_likelihood_agrees_with_autograds_jacobian(spec: FeatureSpec, levels: int) -> None:
    flow = fitted(spec, levels)
    sample = torch.randn(spec.shape)

    def flat(x: Tensor) -> Tensor:
        latents, _ = flow.encode(x.reshape(1, *spec.shape))
        return torch.cat([latent.flatten() for latent in latents])

    jacobian = torch.autograd.functional.jacobian(flat, sample.flatten())
    z = flat(sample.flatten())
    expected = 0.5 * (z.square().sum() + len(z) * math.log(2 * math.pi)) - torch.linalg.slogdet(jacobian)[1]
    assert torch.allclose(flow(sample[None])[0], expected, rtol=1e-3)


@each
def test_decoding_inverts_encoding(spec: FeatureSpec, levels: int) -> None:
    flow = fitted(spec, levels)
    values = torch.randn(5, *spec.shape)
    latents, _ = flow.encode(values)
    assert torch.allclose(flow.decode(latents), values, atol=1e-3)
    check_steps_invert(flow, values)


@each
def test_every_parameter_gets_a_gradient(spec: FeatureSpec, levels: int) -> None:
    flow = fitted(spec, levels).train()
    flow(torch.randn(8, *spec.shape)).mean().backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name


@each
def test_state_survives_save_and_load(spec: FeatureSpec, levels: int) -> None:
    flow, other = fitted(spec, levels), RealNVP(spec, steps=3, levels=levels, hidden=8)
    other.load_state_dict(flow.state_dict())
    values = torch.randn(9, *spec.shape) * 7
    assert torch.allclose(other.eval()(values), flow(values))


def test_the_likelihood_integrates_to_one_and_finds_a_curve() -> None:
    torch.manual_seed(0)
    x = torch.randn(1024)
    values = torch.stack([x, x.square() + 0.3 * torch.randn(1024)], 1)
    spec = FeatureSpec((2,), 1)
    flow = RealNVP(spec, steps=6, hidden=32)
    flow.fit(ToySource(values, spec), ToyContext(20))
    axes = torch.linspace(-6, 6, 121), torch.linspace(-4, 14, 181)
    grid = torch.cartesian_prod(*axes)
    with torch.no_grad():
        mass = flow.eval()(grid).neg().exp().sum() * 0.1 * 0.1
        on, off = flow(torch.tensor([[1.5, 2.25], [0.0, 4.0]]))
    assert mass == pytest.approx(1, abs=0.05)
    assert on < off


def test_the_log_determinant_stays_in_float32_under_bfloat16() -> None:
    spec = FeatureSpec((2, 8, 8), 1)
    flow, values = fitted(spec, 1), torch.randn(4, *spec.shape)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = flow(values)
    assert mixed.dtype == torch.float32
    assert torch.allclose(mixed, flow(values), rtol=2e-2)


@pytest.mark.parametrize(
    ("shape", "keys", "message"),
    [
        ((3, 4), {}, r"the samples have shape \(3, 4\)"),
        ((1,), {}, "at least two numbers"),
        ((4,), {"levels": 2}, "vectors have one level"),
        ((2, 6, 8), {"levels": 2}, r"(?s)multiples of 4, but the maps are 6x8.*set levels: 1"),
        ((2, 5, 8), {}, "even height and width"),
        ((4,), {"steps": 0}, "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(shape: tuple[int, ...], keys: dict[str, int], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        RealNVP(FeatureSpec(shape, 1), **keys)
