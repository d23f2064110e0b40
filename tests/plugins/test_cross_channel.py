"""Abnormal GAN against the sizes that pix2pix is known for, and its losses worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, ShapeError
from vadkit_baselines.cross_channel import CrossAdversarial, CrossDecoder, CrossEncoder, CrossError

PAPER = ClipSpec(2, 256, 256, target=(1, 2), flow=4.0)
SMALL = ClipSpec(2, 16, 32, "gray", target=(1, 2), flow=4.0)


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_the_sizes_of_pix2pix() -> None:
    with torch.device("meta"):
        encoder = CrossEncoder(PAPER)
        decoder, loss = CrossDecoder(encoder.latents, PAPER), CrossAdversarial(PAPER)
        assert decoder.train()(encoder(torch.empty(2, *PAPER.shape))).shape == (2, 5, 1, 256, 256)
        assert loss.critics["flow"](torch.empty(1, 5, 256, 256)).shape == (1, 1, 30, 30)
    # Its U-Net from 3 to 3 channels has 54.414 M parameters, its discriminator of 6 channels 2.769 M. The flow has one
    # channel less, in the input of one U-Net and the output of the other, and in both discriminators.
    both = parameters(encoder) + parameters(decoder) + 16 * 64 + 16 * 128 + 1
    assert both / 2 == pytest.approx(54.414e6, abs=500)
    assert parameters(loss) / 2 + 16 * 64 == pytest.approx(2.769e6, abs=500)


def test_each_channel_is_generated_from_the_other_one() -> None:
    torch.manual_seed(0)
    encoder = CrossEncoder(SMALL, channels=[4, 8]).eval()
    decoder = CrossDecoder(encoder.latents, SMALL).eval()
    clips = torch.rand(1, *SMALL.shape)
    output = decoder(encoder(clips))
    for changed, same in ((slice(1), slice(1)), (slice(1, None), slice(1, None))):
        other = clips.clone()
        other[:, changed] = 0
        found = decoder(encoder(other))
        assert torch.equal(found[:, same], output[:, same])
        assert not torch.equal(found, output)
    earlier = clips.clone()
    earlier[:, :, 0] = 0
    assert torch.equal(decoder(encoder(earlier)), output)


def test_a_discriminator_sees_one_generated_channel_and_the_true_other_one() -> None:
    torch.manual_seed(0)
    loss = CrossAdversarial(SMALL, channels=[4, 8], absolute=10.0).eval()
    clips, output = torch.rand(3, *SMALL.shape), torch.rand(3, 3, 1, 16, 32)
    out = ClipOutputs(SMALL, clips, clips[:, :, 1:], output)
    true, made = clips[:, :, 1], output[:, :, 0]
    pairs = {"frame": torch.cat([made[:, :1], true[:, 1:]], 1), "flow": torch.cat([true[:, :1], made[:, 1:]], 1)}
    generators, critics = 10 * (made - true).abs().mean(), torch.tensor(0.0)
    for part, pair in pairs.items():
        judged, real = loss.critics[part](pair), loss.critics[part](true)
        generators = generators + functional.softplus(-judged).mean()
        critics = critics + (functional.softplus(-real).mean() + functional.softplus(judged).mean()) / 2
    torch.testing.assert_close(loss(out), generators)
    torch.testing.assert_close(loss.critic(out), critics)


def test_the_worst_patch_of_a_channel_counts() -> None:
    clips = torch.zeros(1, *SMALL.shape)
    output = torch.zeros(1, 3, 1, 16, 32)
    output[0, 0, 0, 4:8, 8:12] = 1.0
    output[0, 1, 0, 0:4, 0:2] = 1.0  # half of a patch, in one of two channels of flow
    out = ClipOutputs(SMALL, clips, clips[:, :, 1:], output)
    wanted: list[tuple[Any, float]] = [("frame", 1.0), ("flow", 0.25)]
    for part, expected in wanted:
        scores = CrossError(part=part, patch=4)(out)
        assert scores[0, 0].isnan()
        assert scores[0, 1].item() == pytest.approx(expected)
    with pytest.raises(ShapeError, match="larger than the frames"):
        CrossError(part="flow", patch=17)(out)


def test_clips_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="needs clips with optical flow"):
        CrossEncoder(ClipSpec(2, 32, 32))
    with pytest.raises(ShapeError, match="cannot be halved 8 times"):
        CrossEncoder(SMALL)
    encoder = CrossEncoder(SMALL, channels=[4, 8])
    with pytest.raises(ShapeError, match=r'(?s)last input frame.*set target: "1:2"'):
        CrossDecoder(encoder.latents, ClipSpec(2, 16, 32, "gray", flow=4.0))
    with pytest.raises(ShapeError, match="too small for 4 layers"):
        CrossAdversarial(SMALL)


def test_layers_are_those_of_pix2pix() -> None:
    encoder = CrossEncoder(SMALL, channels=[4, 8])
    decoder = CrossDecoder(encoder.latents, SMALL)
    for levels in decoder.levels.values():
        ups = [level[0] for level in levels]  # pyright: ignore
        assert [up.bias is not None for up in ups] == [False] * (len(ups) - 1) + [True]
    slopes = {layer.negative_slope for layer in encoder.modules() if isinstance(layer, torch.nn.LeakyReLU)}
    assert slopes == {0.2}
