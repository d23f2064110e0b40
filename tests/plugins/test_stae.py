"""STAE: sizes, the two branches, and its loss on numbers made by hand."""

from __future__ import annotations

import pytest
import torch

from vadkit.api import ClipOutputs, ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.stae import STAE, STAEDecoder, STAELoss

PAPER = ClipSpec(32, 128, 128, "gray", input=(0, 16), target=(0, 32))
SMALL = ClipSpec(16, 16, 24, "gray", input=(0, 8), target=(0, 16))
ALONE = ClipSpec(8, 16, 24, "gray")


def test_sizes_are_those_of_the_reimplementations() -> None:
    with torch.device("meta"):
        encoder = STAE(PAPER)
        assert encoder.latents == {"code": LatentSpec(64, 2, 16, 16)}
        code = encoder(torch.empty(1, 1, 16, 128, 128))["code"]
        assert code.shape == (1, 64, 2, 16, 16)
        decoder = STAEDecoder(encoder.latents, PAPER)
        assert decoder({"code": code}).shape == (1, 1, 32, 128, 128)
    convolutions = [one for one in encoder.modules() if isinstance(one, torch.nn.Conv3d)]
    assert [(one.out_channels, one.kernel_size) for one in convolutions] == [
        (width, (3, 3, 3)) for width in (32, 48, 64, 64)
    ]
    # By hand: 27 weights a pair of channels, a bias and two of batch norm a channel.
    pairs = 32 + 32 * 48 + 48 * 64 + 64 * 64
    assert sum(one.numel() for one in encoder.parameters()) == 27 * pairs + 3 * (32 + 48 + 64 + 64)
    pairs = 64 * 48 + 48 * 32 + 32 * 32
    assert sum(one.numel() for one in decoder.parameters()) == 2 * (27 * (pairs + 32) + 3 * (48 + 32 + 32) + 1)


def test_each_branch_gives_its_half_and_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    encoder = STAE(SMALL, channels=(3, 4, 5, 5))
    decoder = STAEDecoder(encoder.latents, SMALL, channels=(4, 3, 3))
    latents = encoder(torch.randn(2, 1, 8, 16, 24))
    output = decoder(latents)
    assert torch.equal(output[:, :, :8], decoder.branches[0](latents["code"]))
    (output - 0.5).square().mean().backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name


def test_without_frames_ahead_there_is_one_branch() -> None:
    encoder = STAE(ALONE, channels=(3, 4, 5, 5))
    decoder = STAEDecoder(encoder.latents, ALONE, channels=(4, 3, 3))
    assert len(decoder.branches) == 1
    assert decoder(encoder(torch.rand(1, 1, 8, 16, 24))).shape == (1, 1, 8, 16, 24)


def outputs(error: torch.Tensor) -> ClipOutputs:
    return ClipOutputs(SMALL, torch.zeros(2, 1, 16, 16, 24), torch.zeros_like(error), error)


def test_the_loss_weighs_what_comes_the_less_the_further_ahead() -> None:
    loss = STAELoss(SMALL)
    error = torch.zeros(2, 1, 16, 16, 24)
    error[:, :, :8] = 3
    assert loss(outputs(error)).item() == pytest.approx(9)
    for place, weight in ((8, 7 / 64), (9, 6 / 64), (14, 1 / 64), (15, 0.0)):
        error = torch.zeros(2, 1, 16, 16, 24)
        error[:, :, place] = 2
        assert loss(outputs(error)).item() == pytest.approx(4 * weight / 8)
        assert STAELoss(SMALL, prediction=10.0)(outputs(error)).item() == pytest.approx(40 * weight / 8)


def test_clips_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="number of input frames 12 is not a multiple of 8"):
        STAE(ClipSpec(12, 16, 16))
    with pytest.raises(ShapeError, match="height 20 is not a multiple of 8"):
        STAE(ClipSpec(8, 20, 16))
    latents = STAE(ALONE).latents
    with pytest.raises(ShapeError, match=r"as the input has \(8\), but the target has 4 more"):
        STAEDecoder(latents, ClipSpec(12, 16, 24, "gray", input=(0, 8), target=(0, 12)))
    with pytest.raises(ShapeError, match="must start with the input 0:8"):
        STAEDecoder(latents, ClipSpec(16, 16, 24, "gray", input=(0, 8), target=(8, 16)))
    with pytest.raises(ShapeError, match="enlarges by 8"):
        STAEDecoder({"code": LatentSpec(4, 1, 4, 4)}, SMALL)
    with pytest.raises(ShapeError, match="needs frames to predict"):
        STAELoss(ALONE)
