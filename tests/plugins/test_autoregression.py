"""Latent space autoregression: sizes of the official code, who sees whom, and a likelihood written out."""

from __future__ import annotations

import math

import pytest
import torch

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.autoregression import Autoregressive, Causal
from vadkit_baselines.lsa import LSADecoder, LSAEncoder

PED2 = ClipSpec(8, 32, 32, "gray")
TILED = ClipSpec(8, 64, 96, "gray")


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_encoder_for_ped2_has_the_official_codes_layers() -> None:
    encoder = LSAEncoder(PED2)
    assert encoder.latents["code"].shape == (64, 2, 1, 1)
    widths = [(1, 8), (8, 12), (12, 18), (18, 27), (27, 40)]
    # Its 3x3x3 kernels have a third that is always masked; three norms a block.
    blocks = sum(18 * a * b + 18 * b * b + a * b + 6 * b for a, b in widths)
    assert count(encoder) == blocks + (40 * 4 * 4 + 1) * 64


def test_the_decoder_for_ped2_has_the_official_codes_layers() -> None:
    decoder = LSADecoder(LSAEncoder(PED2).latents, PED2)
    widths = [(40, 40), (40, 27), (27, 18), (18, 12), (12, 8)]
    blocks = sum(2 * 125 * a * b + 27 * b * b + 6 * b for a, b in widths)
    assert count(decoder) == blocks + (64 + 1) * 640 + 8


def test_the_estimator_has_the_official_codes_layers() -> None:
    net = Autoregressive({"code": LatentSpec(64, 2, 1, 1)})
    widths = [(1, 4), (4, 4), (4, 4), (4, 4), (4, 100)]
    assert count(net) == sum(64 * (a * b * 2 * 64 + b) for a, b in widths)


def test_shanghaitechs_plan_ends_in_eight_by_sixteen() -> None:
    strides = [(1, 2, 2), (1, 2, 2), (2, 2, 2), (1, 2, 2), (2, 2, 2)]
    encoder = LSAEncoder(ClipSpec(16, 256, 512), channels=[8, 16, 32, 64, 64], strides=strides, hidden=512)
    assert encoder.deepest == (64, 4, 8, 16)
    assert encoder.latents["code"].shape == (64, 4, 1, 1)


@pytest.mark.parametrize("own", [False, True])
def test_a_masked_layer_sees_earlier_steps_and_numbers_alone(own: bool) -> None:
    torch.manual_seed(0)
    codes = torch.rand(1, 2, 4, 5, requires_grad=True)
    found = Causal(5, 2, 3, own=own)(codes)
    assert found.shape == (1, 3, 4, 5)
    for step in range(4):
        for number in range(5):
            (seen,) = torch.autograd.grad(found[0, :, step, number].sum(), codes, retain_graph=True)
            expected = torch.zeros(4, 5, dtype=torch.bool)
            if step:
                expected[step - 1] = True
            expected[step, : number + own] = True
            assert torch.equal(seen[0].abs().sum(0) > 0, expected)


def test_no_number_sees_itself_through_the_whole_stack() -> None:
    torch.manual_seed(0)
    net = Autoregressive({"code": LatentSpec(4, 3, 1, 1)}, channels=[2, 2], bins=5)
    codes = torch.rand(1, 1, 3, 4, requires_grad=True)
    logits = net.net(codes)
    for step in range(3):
        for number in range(4):
            (seen,) = torch.autograd.grad(logits[0, :, step, number].sum(), codes, retain_graph=True)
            assert (seen[0, 0, step, number:] == 0).all()
            assert (seen[0, 0, step + 1 :] == 0).all()


def test_the_likelihood_is_a_sum_over_numbers_and_a_mean_over_places() -> None:
    net = Autoregressive({"code": LatentSpec(3, 2, 2, 1)}, channels=[2], bins=4, weight=0.5)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    code = torch.tensor([0.0, 0.3, 1.0]).view(1, 3, 1, 1, 1).repeat(2, 1, 2, 2, 1)
    out = net({"code": code})
    assert out.scores["nll"].tolist() == [[pytest.approx(6 * math.log(4))]] * 2
    assert out.losses["nll"].item() == pytest.approx(0.5 * 6 * math.log(4))
    assert out.latents["code"] is code
    last = net.net[-1]
    assert isinstance(last, Causal)
    assert last.layer.bias is not None
    with torch.no_grad():
        last.layer.bias.view(3, 4)[2, 3] = 1.0  # the third number falls into the last bin more often
    expected = 2 * (2 * math.log(4) + math.log(3 + math.e) - 1)
    assert net({"code": code}).scores["nll"][0, 0].item() == pytest.approx(expected, rel=1e-5)


def test_the_density_moves_the_encoder_too() -> None:
    torch.manual_seed(0)
    code = torch.rand(2, 4, 3, 1, 1, requires_grad=True)
    net = Autoregressive({"code": LatentSpec(4, 3, 1, 1)}, channels=[2], bins=5)
    net({"code": code}).losses["nll"].backward()
    assert code.grad is not None
    assert code.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_no_code_sees_later_frames() -> None:
    encoder = LSAEncoder(PED2).eval()
    clip = torch.rand(1, 1, 8, 32, 32, requires_grad=True)
    (seen,) = torch.autograd.grad(encoder(clip)["code"][:, :, 0].sum(), clip)
    assert (seen[:, :, 4:] == 0).all()
    assert seen[:, :, 0].abs().sum() > 0


def test_tiles_are_coded_and_drawn_each_alone() -> None:
    torch.manual_seed(0)
    encoder = LSAEncoder(TILED, tile=(32, 32)).eval()
    assert encoder.latents["code"].shape == (64, 2, 2, 3)
    decoder = LSADecoder(encoder.latents, TILED, tile=(32, 32)).eval()
    clip = torch.rand(2, 1, 8, 64, 96)
    code = encoder(clip)["code"]
    whole = LSAEncoder(PED2).eval()
    whole.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(whole(clip[..., 32:, 64:])["code"][..., 0, 0], code[..., 1, 2])
    alone = LSADecoder(whole.latents, PED2).eval()
    alone.load_state_dict(decoder.state_dict())
    drawn = decoder({"code": code})
    assert drawn.shape == (2, 1, 8, 64, 96)
    torch.testing.assert_close(drawn[..., :32, 32:64], alone({"code": code[..., :1, 1:2]}), atol=1e-5, rtol=1e-4)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ShapeError, match="frames of 64x96 are not divisible"):
        LSAEncoder(TILED, tile=(30, 32))
    with pytest.raises(ShapeError, match="height 36 is not a multiple of the strides' product 8"):
        LSAEncoder(ClipSpec(8, 36, 32))
    with pytest.raises(ShapeError, match="the same tile"):
        LSADecoder(LSAEncoder(TILED, tile=(32, 32)).latents, TILED)
    with pytest.raises(ShapeError, match="5 positive 'channels', but there are"):
        LSAEncoder(PED2, channels=[8])
    with pytest.raises(ShapeError, match="needs a latent 'code'"):
        Autoregressive({"query": LatentSpec(1, 1, 1, 1)})
