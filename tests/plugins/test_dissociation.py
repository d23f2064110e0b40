"""DissociateAE against the sizes of its published code, and its equations worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.dissociation import Clusters, DissociateDecoder, DissociateEncoder, VarianceAttention

PAPER = ClipSpec(5, 256, 256)
SMALL = ClipSpec(5, 16, 32, "gray")


def test_it_has_the_sizes_of_the_published_code() -> None:
    with torch.device("meta"):
        encoder = DissociateEncoder(PAPER)
        decoder = DissociateDecoder(encoder.latents, PAPER)
        assert decoder(encoder(torch.empty(1, *PAPER.shape))).shape == (1, *PAPER.shape)
    assert encoder.latents["static"] == encoder.latents["motion"] == LatentSpec(256, 1, 32, 32)
    down = [9 * (2 * given * width + width**2) for given, width in ((32, 64), (64, 128), (128, 256))]
    ends = 9 * 32 * (3 + 12) + 2 * 9 * 256**2
    norms, attention = 2 * (32 + 64 + 128), 64**2 + 128**2 + 256**2
    assert sum(p.numel() for p in encoder.parameters()) == 2 * sum(down) + ends + norms + attention
    shuffled = ((256, 256), (256, 128), (128, 64), (256, 128), (256, 64), (128, 64))  # static, then motion with skips
    up = sum(9 * (2 * given // 4 * width + width**2) for given, width in shuffled)
    assert sum(p.numel() for p in decoder.parameters()) == up + 9 * 64 * (3 + 12)


def test_the_last_frame_sees_the_last_frame_alone_and_the_others_add_a_difference() -> None:
    torch.manual_seed(0)
    encoder = DissociateEncoder(SMALL, channels=[4, 4, 8]).eval()
    decoder = DissociateDecoder(encoder.latents, SMALL).eval()
    clips = torch.rand(2, *SMALL.shape)
    other = clips.clone()
    other[:, :, :-1] = 0
    latents, blind = encoder(clips), encoder(other)
    assert torch.equal(latents["static"], blind["static"])
    torch.testing.assert_close(latents["motion"].abs().sum(1), torch.ones(2, 1, 4, 8))
    frames, moved = decoder(latents), decoder({**latents, "static": 2 * latents["static"]})
    assert torch.equal(frames[:, :, -1], decoder(blind)[:, :, -1])
    differences = frames[:, :, :-1] - frames[:, :, -1:]
    torch.testing.assert_close(moved[:, :, :-1] - moved[:, :, -1:], differences)
    assert float(differences.detach().abs().max()) > 1e-4


def test_attention_weighs_places_by_the_variance_of_their_channels() -> None:
    attention = VarianceAttention(2, 2)
    with torch.no_grad():
        attention.project.weight.copy_(torch.eye(2)[..., None, None])
    maps = torch.zeros(1, 2, 2, 4)
    maps[0, 0, :, 2:] = 2.0  # the right block has the channels 2 and 0: a sum of squares of 2
    maps[0, 1, :, :2] = 0.0
    weight = torch.tensor([0.0, 2.0]).softmax(0)
    torch.testing.assert_close(attention(maps)[0, 0, 0], torch.tensor([0.0, 0, 2, 2]) * weight.exp()[1])


def test_clusters_weigh_distances_by_their_assignment() -> None:
    torch.manual_seed(0)
    shape = LatentSpec(2, 1, 1, 2)
    clusters = Clusters({"static": shape, "motion": shape}, count=3, sharpness=4.0, weight=0.5)
    latents = {name: torch.rand(2, 2, 1, 1, 2) for name in ("static", "motion")}
    out = clusters(latents)
    vectors = functional.normalize(torch.cat([latents["static"], latents["motion"]], 1)[1, :, 0, 0], dim=0).T
    distances = (vectors[:, None] - clusters.centres).norm(dim=2)
    shares = torch.exp(-4 * distances) / torch.exp(-4 * distances).sum(1, keepdim=True)
    torch.testing.assert_close(out.scores["distance"][1, 0], (distances * shares).mean().detach())
    torch.testing.assert_close(out.losses["clusters"], 0.5 * out.scores["distance"].mean())
    assert out.latents["motion"] is latents["motion"]


def test_clips_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="multiples of 16"):
        DissociateEncoder(ClipSpec(5, 24, 32))
    with pytest.raises(ShapeError, match="two input frames"):
        DissociateEncoder(ClipSpec(1, 32, 32))
    encoder = DissociateEncoder(SMALL, channels=[4, 4, 8])
    with pytest.raises(ShapeError, match="reconstructs its input"):
        DissociateDecoder(encoder.latents, ClipSpec(5, 16, 32, "gray", target=(4, 5)))
    with pytest.raises(ShapeError, match="multiples of 4"):
        DissociateDecoder({**encoder.latents, "static": LatentSpec(6, 1, 4, 8)}, SMALL)
