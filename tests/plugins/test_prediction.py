"""Future frame prediction: sizes of the official code, its losses on hand-made frames, flow of known shifts."""

from __future__ import annotations

import math

import pytest
import torch

from vadkit.api import ClipOutputs, ClipSpec, ShapeError
from vadkit_baselines.adversarial import Adversarial
from vadkit_baselines.flow import Flow, horn_schunck
from vadkit_baselines.prediction import UNetDecoder, UNetEncoder

FULL = ClipSpec(5, 256, 256, input=(0, 4), target=(4, 5))
SMALL = ClipSpec(5, 16, 24, "gray", input=(0, 4), target=(4, 5))


def convolution(given: int, width: int, side: int) -> int:
    return given * width * side**2 + width


def count(*modules: torch.nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_the_generator_has_the_official_codes_layers() -> None:
    encoder = UNetEncoder(FULL)
    down = [(12, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    assert count(encoder) == sum(convolution(*pair, 3) for pair in down)
    up = [(512, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64), (64, 3)]
    doubled = [(512, 256), (256, 128), (128, 64)]
    expected = sum(convolution(*pair, 3) for pair in up) + sum(convolution(*pair, 2) for pair in doubled)
    assert count(UNetDecoder(encoder.latents, FULL)) == expected
    assert [spec.shape for spec in encoder.latents.values()] == [
        (64, 1, 256, 256), (128, 1, 128, 128), (256, 1, 64, 64), (512, 1, 32, 32),
    ]  # fmt: skip


def test_frames_come_and_go_in_their_order_and_every_parameter_has_a_gradient() -> None:
    torch.manual_seed(0)
    clip = ClipSpec(6, 16, 24, input=(0, 4), target=(4, 6))
    encoder = UNetEncoder(clip, channels=[4, 6, 8])
    decoder = UNetDecoder(encoder.latents, clip, channels=[6, 4])
    frames = decoder(encoder(torch.rand(2, 3, 4, 16, 24)))
    assert frames.shape == (2, 3, 2, 16, 24)
    assert frames.abs().max() <= 1
    frames[:, :, 1].square().sum().backward()
    last = decoder.net.last[0]
    assert isinstance(last, torch.nn.Conv2d)
    assert last.bias is not None
    assert last.bias.grad is not None
    assert (last.bias.grad != 0).tolist() == [False] * 3 + [True] * 3  # channels of the second frame alone
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_the_discriminator_has_the_official_codes_layers_and_patches() -> None:
    loss = Adversarial(FULL)
    layers = [(3, 128), (128, 256), (256, 512), (512, 512), (512, 1)]
    assert count(loss) == sum(convolution(*pair, 4) for pair in layers)
    assert loss.discriminator(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 35, 35)


def test_adversarial_losses_are_least_squares() -> None:
    loss = Adversarial(SMALL, channels=[4, 4])
    for parameter in loss.parameters():
        torch.nn.init.zeros_(parameter)  # so that D is one half everywhere
    out = ClipOutputs(SMALL, torch.zeros(2, 1, 5, 16, 24), torch.zeros(2, 1, 1, 16, 24), torch.ones(2, 1, 1, 16, 24))
    assert loss(out).item() == pytest.approx(0.125)
    assert loss.critic(out).item() == pytest.approx(0.25)


def wave(shift_x: float, shift_y: float) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(48.0), indexing="ij")
    turn = 2 * math.pi / 16
    return (0.5 + 0.25 * torch.sin(turn * (x - shift_x)) + 0.25 * torch.sin(turn * (y - shift_y)))[None, None]


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, -0.5), (0.4, 0.3)])
def test_horn_and_schunck_find_small_shifts(shift: tuple[float, float]) -> None:
    flow = horn_schunck(wave(0, 0), wave(*shift), iterations=300, smoothness=0.02)
    middle = flow[0, :, 8:-8, 8:-8].mean((1, 2))
    assert middle.tolist() == pytest.approx(shift, abs=0.04)


def test_the_flow_loss_is_nought_for_the_true_frame_and_falls_towards_it() -> None:
    clip = ClipSpec(2, 32, 48, "gray", input=(0, 1), target=(1, 2))
    clips = torch.cat([wave(0, 0)[:, :, None], wave(0.5, 0)[:, :, None]], dim=2) * 2 - 1
    loss = Flow(clip, shrink=1)

    def of(shift: float) -> float:
        return loss(ClipOutputs(clip, clips, clips[:, :, 1:], wave(shift, 0)[:, :, None] * 2 - 1)).item()

    assert of(0.5) == 0
    assert 0 < of(0.4) < of(0.0) < of(-0.5)
    output = (torch.rand(1, 1, 1, 32, 48) * 2 - 1).requires_grad_()
    loss(ClipOutputs(clip, clips, clips[:, :, 1:], output)).backward()
    assert output.grad is not None
    assert output.grad.abs().sum() > 0


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ShapeError, match="multiples of 8"):
        UNetEncoder(ClipSpec(5, 100, 256, input=(0, 4), target=(4, 5)))
    with pytest.raises(ShapeError, match="needs a latent 'deepest'"):
        UNetDecoder({}, SMALL)
    with pytest.raises(ShapeError, match="too small for 4 layers"):
        Adversarial(ClipSpec(1, 4, 4))
    with pytest.raises(ShapeError, match="a frame before the target"):
        Flow(ClipSpec(4, 32, 32))
    with pytest.raises(ShapeError, match="at least two positive numbers"):
        UNetEncoder(SMALL, channels=[])
