"""ConvAE against the sizes of the paper's figure, and its unpooling against a scatter."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.convae import ConvAE, ConvAEDecoder

PAPER = ClipSpec(10, 227, 227, "gray")
SMALL = ClipSpec(4, 32, 48, "gray")


def small(**keys: str) -> tuple[ConvAE, ConvAEDecoder]:
    torch.manual_seed(0)
    encoder = ConvAE(SMALL, channels=(6, 5, 4), padding="same")
    return encoder, ConvAEDecoder(encoder.latents, SMALL, padding="same", **keys)  # pyright: ignore[reportArgumentType]


def test_maps_have_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        encoder = ConvAE(PAPER)
        decoder = ConvAEDecoder(encoder.latents, PAPER)
        clips = torch.empty(2, 1, 10, 227, 227)
        assert encoder.conv1(clips.flatten(1, 2)).shape == (2, 512, 55, 55)
        latents = encoder(clips)
        assert encoder.latents == {
            "code": LatentSpec(128, 1, 13, 13),
            "places1": LatentSpec(512, 1, 27, 27),
            "places2": LatentSpec(256, 1, 13, 13),
        }
        assert {name: tuple(one.shape[1:]) for name, one in latents.items()} == {
            name: spec.shape for name, spec in encoder.latents.items()
        }
        assert decoder(latents).shape == (2, 1, 10, 227, 227)


def test_layers_have_the_sizes_that_the_paper_prints() -> None:
    encoder = ConvAE(PAPER)
    assert [(one.out_channels, one.kernel_size, one.stride) for one in encoder.modules() if hasattr(one, "stride")] == [
        (512, (11, 11), (4, 4)),
        (256, (5, 5), (1, 1)),
        (128, (3, 3), (1, 1)),
    ]


def test_unpooling_puts_each_maximum_back_where_it_was_for_odd_sides_too() -> None:
    maps = torch.rand(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    pooled, places = functional.max_pool2d(maps, 2, return_indices=True)
    _, decoder = small()
    given = decoder._unpool(pooled, places.unsqueeze(2), (7, 9))
    known = torch.zeros(2, 3, 63).scatter(2, places.flatten(2), pooled.flatten(2)).reshape(2, 3, 7, 9)
    assert torch.equal(given, known)
    assert (given == maps).sum() == pooled.numel()


def test_nearest_unpooling_reads_the_code_alone() -> None:
    encoder, decoder = small(unpooling="nearest")
    latents = encoder(torch.rand(1, 1, 4, 32, 48))
    moved = {**latents, "places1": torch.zeros_like(latents["places1"])}
    assert torch.equal(decoder(latents), decoder(moved))
    encoder, decoder = small()
    assert not torch.equal(decoder(latents), decoder(moved))


def test_every_parameter_gets_a_gradient_and_output_stays_in_range() -> None:
    encoder, decoder = small()
    output = decoder(encoder(torch.randn(2, 1, 4, 32, 48)))
    assert output.shape == (2, 1, 4, 32, 48)
    assert output.abs().max() < 1
    output.square().mean().backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_sizes_that_do_not_fit_are_refused_with_those_that_do() -> None:
    with pytest.raises(ShapeError, match="height of 256 does not fit a kernel of 11 with stride 4") as refused:
        ConvAE(ClipSpec(10, 256, 227, "gray"))
    assert "use 255 or 259" in refused.value.fix
    with pytest.raises(ShapeError, match="width of 30 does not fit"):
        ConvAE(ClipSpec(10, 32, 30, "gray"), padding="same")
    with pytest.raises(ShapeError, match="too small"):
        ConvAE(ClipSpec(10, 7, 7, "gray"))


def test_a_decoder_refuses_other_latents() -> None:
    with pytest.raises(ShapeError, match="needs a latent 'places1'"):
        ConvAEDecoder({"code": LatentSpec(4, 1, 8, 12)}, SMALL)
    with pytest.raises(ShapeError, match="cannot become 227x227"):
        ConvAEDecoder(ConvAE(SMALL, padding="same").latents, PAPER)
