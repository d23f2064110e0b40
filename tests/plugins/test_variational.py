"""The S_C-VAE against the sizes of its published code, and its divergence against torch."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.variational import SkipVAEDecoder, SkipVAEEncoder, Variational

PAPER = ClipSpec(1, 240, 320)


def test_it_has_the_sizes_of_the_published_code() -> None:
    with torch.device("meta"):
        encoder = SkipVAEEncoder(PAPER)
        bottleneck = Variational(encoder.latents)
        decoder = SkipVAEDecoder(encoder.latents, PAPER)
        assert decoder(encoder(torch.empty(1, 3, 1, 240, 320))).shape == (1, 3, 1, 240, 320)
    assert encoder.latents["code"] == LatentSpec(8, 1, 30, 40)
    doubles = ((3, 64), (64, 32), (32, 16), (16, 8))
    assert _count(encoder) == sum(9 * given * width + 9 * width**2 + 2 * width for given, width in doubles)
    flat = 30 * 40 * 8
    there = (flat + 1) * 256 + 257 * 128 + 2 * 129 * 6
    assert _count(bottleneck) == there + 7 * 128 + 129 * 256 + 257 * flat
    ups = ((8, 16), (32, 32), (64, 64))  # channels below, and of the skip connection
    enlarge = sum(4 * given * width + width for given, width in ups)
    assert _count(decoder) == enlarge + sum(2 * (9 * (2 * w) ** 2 + 2 * w) for _, w in ups) + 3 * 129


def test_divergence_decay_and_chance() -> None:
    torch.manual_seed(0)
    variational = Variational({"code": LatentSpec(4, 1, 2, 3)}, hidden=(8,), size=2, kl=0.5, decay=0.1).eval()
    latents = {"code": torch.randn(3, 4, 1, 2, 3), "skip1": torch.zeros(1)}
    out = variational(latents)
    found = variational.encode(latents["code"].flatten(1))
    spread = (variational.log_variance(found) / 2).exp()
    known = kl_divergence(Normal(variational.mean(found), spread), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(out.scores["kl"][:, 0], known)
    torch.testing.assert_close(out.losses["kl"], 0.5 * known.mean())
    torch.testing.assert_close(out.losses["decay"], 0.1 * sum(p.square().sum() for p in variational.parameters()))
    assert out.latents["skip1"] is latents["skip1"]
    assert torch.equal(variational(latents).latents["code"], out.latents["code"])
    variational.train()
    assert not torch.equal(variational(latents).latents["code"], variational(latents).latents["code"])


def test_other_latents_are_refused() -> None:
    with pytest.raises(ShapeError, match="doubled 0 times"):
        SkipVAEDecoder({"code": LatentSpec(4, 1, 8, 12)}, PAPER)
    with pytest.raises(ShapeError, match="'hidden' is empty, but at least one layer is needed"):
        Variational({"code": LatentSpec(4, 1, 2, 3)}, hidden=())


def _count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_one_frame_decodes_to_all_target_frames() -> None:
    clip = ClipSpec(2, 16, 24, input=(0, 1), target=(0, 2))
    encoder = SkipVAEEncoder(clip, channels=(8, 4))
    decoder = SkipVAEDecoder(encoder.latents, clip)
    maps = encoder(torch.rand(2, 3, 1, 16, 24))
    frames = decoder(maps)
    assert frames.shape == (2, 3, 2, 16, 24)
    with torch.no_grad():
        decoder.last.weight[3:] = 0  # the channels of the second frame
        decoder.last.bias[3:] = 1  # pyright: ignore
    changed = decoder(maps)
    assert torch.equal(changed[:, :, 0], frames[:, :, 0])
    assert torch.equal(changed[:, :, 1], torch.ones(2, 3, 16, 24))
