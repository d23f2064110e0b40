"""Batch norms that are part of convolutions, and densities that are prepared for scoring: the same outputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vadkit.core.values import ClipSpec, FeatureSpec
from vadkit.model.autoencoder import Autoencoder
from vadkit.model.inference.folding import fold_batch_norms
from vadkit_flows.glow import Glow
from vadkit_itae.decoder import ITAEDecoder
from vadkit_itae.encoder import ITAE

CLIP = ClipSpec(8, 16, 24, "gray")


@pytest.fixture
def autoencoder() -> Autoencoder:
    torch.manual_seed(0)
    encoder = ITAE(CLIP, channels=(8, 8, 8, 8), beta=2)
    model = Autoencoder(CLIP, encoder, ITAEDecoder(encoder.latents, CLIP, channels=(8, 8, 8)))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm3d):
            for each in (layer.running_mean, layer.running_var, layer.weight.data, layer.bias.data):
                assert each is not None
                each.uniform_(0.5, 1.5)
    return model.eval()


@torch.no_grad()
def test_a_folded_model_gives_the_same_frames(autoencoder: Autoencoder) -> None:
    folded = fold_batch_norms(autoencoder)
    assert not any(isinstance(layer, nn.BatchNorm3d) for layer in folded.modules())
    assert any(isinstance(layer, nn.BatchNorm3d) for layer in autoencoder.modules())
    clips = torch.rand(2, *CLIP.shape) * 2 - 1
    for one, other in zip(autoencoder(clips)[2], folded(clips)[2], strict=True):
        assert (one - other).norm() < 1e-5 * one.norm()


class _Doubled(nn.Conv2d):
    """A convolution that changes its weights in forward."""

    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.conv2d(input, 2 * self.weight, self.bias)


def test_what_cannot_be_folded_stays() -> None:
    norm = nn.BatchNorm2d(2, track_running_stats=False)
    for layers in (
        nn.Sequential(_Doubled(2, 2, 1), nn.BatchNorm2d(2)),
        nn.Sequential(nn.Conv2d(2, 2, 1), norm),
        nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU(), nn.BatchNorm2d(2)),
        nn.Sequential(nn.ConvTranspose2d(2, 2, 1, groups=2), nn.BatchNorm2d(2)),
    ):
        assert fold_batch_norms(layers) is layers
    watched = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
    watched[0].register_forward_hook(lambda *_: None)
    assert fold_batch_norms(watched) is watched


@torch.no_grad()
def test_glow_for_scoring_gives_the_same_likelihoods() -> None:
    torch.manual_seed(0)
    glow = Glow(FeatureSpec((3, 8, 12), samples=4, quantum=(0.0, 0.0, 0.1)), steps=3, levels=2, hidden=8).eval()
    assert glow.for_scoring() is glow  # actnorm has no values yet
    for parameter in glow.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    maps = torch.randn(5, 3, 8, 12)
    glow.train()(maps)  # starts actnorm
    glow.eval()
    before = {name: value.clone() for name, value in glow.state_dict().items()}
    ready = glow.for_scoring()
    assert ready is not glow
    torch.testing.assert_close(ready(maps), glow(maps), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(ready.nll_map(maps), glow.nll_map(maps), rtol=1e-4, atol=1e-4)
    for mine, other in zip(ready.latent(maps), glow.latent(maps), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in glow.state_dict().items())
