"""MemAE against its published code's size and the paper's equations, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.memae import MemAE, MemAEDecoder, Memory

PAPER = ClipSpec(16, 256, 256, "gray")
SMALL = ClipSpec(8, 16, 32, "gray")
TWO = {"code": LatentSpec(2, 1, 1, 1)}


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_the_sizes_of_the_published_code() -> None:
    with torch.device("meta"):
        encoder = MemAE(PAPER)
        memory, decoder = Memory(encoder.latents), MemAEDecoder(encoder.latents, PAPER)
        assert encoder.latents == {"code": LatentSpec(256, 2, 16, 16)}
        latents = encoder(torch.empty(1, 1, 16, 256, 256))
        assert latents["code"].shape == (1, 256, 2, 16, 16)
        assert decoder(latents).shape == (1, 1, 16, 256, 256)
    # Weights, biases and batch norm of models/memae_3dconv.py, added up by hand.
    assert (parameters(encoder), parameters(memory), parameters(decoder)) == (2_990_784, 512_000, 2_990_017)


def test_addresses_are_those_of_the_equations() -> None:
    memory = Memory(TWO, items=2, shrink=0.3)
    with torch.no_grad():
        memory.items.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    query = torch.tensor([0.6, 0.8])  # cosines 0.6 and 0.8, whatever the items' lengths
    first = math.exp(0.6) / (math.exp(0.6) + math.exp(0.8))
    assert memory.address(query).tolist() == pytest.approx([first, 1 - first])  # both above 0.3, and sum to 1
    harder = Memory(TWO, items=2, shrink=0.5)
    with torch.no_grad():
        harder.items.copy_(memory.items)
    assert harder.address(query).tolist() == pytest.approx([0.0, 1.0])  # 0.45 is below
    assert harder({"code": query.view(1, 2, 1, 1, 1)}).latents["code"].flatten().tolist() == pytest.approx([0.0, 0.5])


def test_inner_products_see_lengths() -> None:
    memory = Memory(TWO, items=2, shrink=0.0, addressing="dot", entropy=0.5)
    with torch.no_grad():
        memory.items.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    out = memory({"code": torch.tensor([1.0, 1.0]).view(1, 2, 1, 1, 1)})
    share = 1 / (1 + math.exp(-1))
    assert out.latents["code"].flatten().tolist() == pytest.approx([2 * share, 1 - share])
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert out.losses["entropy"].item() == pytest.approx(0.5 * entropy)


def test_places_are_addressed_each_for_itself_and_other_latents_pass() -> None:
    torch.manual_seed(0)
    memory = Memory({"code": LatentSpec(4, 2, 3, 5), "other": LatentSpec(1, 1, 1, 1)}, items=6)
    code, other = torch.randn(2, 4, 2, 3, 5), torch.randn(2, 1, 1, 1, 1)
    out = memory({"code": code, "other": other})
    assert out.latents["other"] is other
    assert out.latents["code"].shape == code.shape
    assert torch.allclose(out.latents["code"][1, :, 1, 2, 3], memory.address(code[1, :, 1, 2, 3]) @ memory.items)
    assert Memory({"code": LatentSpec(4, 2, 3, 5)}, entropy=0.0)({"code": code}).losses == {}


def test_in_bfloat16_addresses_stay_float32() -> None:
    torch.manual_seed(0)
    memory = Memory({"code": LatentSpec(8, 1, 2, 2)}, items=500)
    code = torch.randn(1, 8, 1, 2, 2)
    expected = memory({"code": code}).latents["code"]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(memory({"code": code}).latents["code"], expected)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    encoder = MemAE(SMALL, channels=(4, 4, 6, 6))
    memory, decoder = Memory(encoder.latents, items=9), MemAEDecoder(encoder.latents, SMALL, channels=(6, 4, 4))
    out = memory(encoder(torch.randn(2, 1, 8, 16, 32)))
    ((decoder(out.latents) - 0.5).square().mean() + out.losses["entropy"]).backward()
    for module in (encoder, memory, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"number of input frames 10 is not a multiple of 8"):
        MemAE(ClipSpec(10, 256, 256))
    with pytest.raises(ShapeError, match=r"height 100 is not a multiple of 16"):
        MemAE(ClipSpec(16, 100, 256))
    with pytest.raises(ShapeError, match="decodes to 16 frames of 256x256, but the target has 8"):
        MemAEDecoder({"code": LatentSpec(256, 2, 16, 16)}, ClipSpec(16, 256, 256, target=(0, 8)))
    with pytest.raises(ShapeError, match="no latent is named 'cod'"):
        Memory(TWO, latent="cod")
    with pytest.raises(ShapeError, match="items must be at least 2"):
        Memory(TWO, items=1)
    with pytest.raises(ShapeError, match=r"shrink must be in \[0, 0.003683\)"):
        Memory(TWO, items=2000, shrink=0.0051)  # a softmax of cosines cannot be above 0.0037
