"""ITAE against the paper: Table 1's sizes and section 5.6's parameter counts."""

from __future__ import annotations

import pytest
import torch

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_itae.decoder import ITAEDecoder
from vadkit_itae.encoder import ITAE, OnePath

TABLE_1 = ClipSpec(16, 256, 256)


def parameters(*modules: torch.nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.mark.parametrize(("norm", "count"), [(True, 5_764_803), (False, 5_762_371)])
def test_one_path_has_the_papers_5_76_million_parameters(norm: bool, count: int) -> None:
    encoder = OnePath(TABLE_1, norm=norm)
    assert parameters(encoder, ITAEDecoder(encoder.latents, TABLE_1, norm=norm)) == count
    assert round(count / 1e6, 2) == 5.76


@pytest.mark.parametrize(("norm", "count"), [(True, 7_741_195), (False, 7_737_875)])
def test_itae_has_the_papers_7_74_million_parameters(norm: bool, count: int) -> None:
    encoder = ITAE(TABLE_1, norm=norm)
    assert parameters(encoder, ITAEDecoder(encoder.latents, TABLE_1, norm=norm)) == count
    assert round(count / 1e6, 2) == 7.74


def test_batch_norm_is_the_default() -> None:
    for encoder in (OnePath, ITAE):
        assert parameters(encoder(TABLE_1)) == parameters(encoder(TABLE_1, norm=True))


def test_slowfasts_rule_for_laterals_gives_another_size() -> None:
    encoder = ITAE(TABLE_1, laterals="slowfast", norm=False)
    count = parameters(encoder, ITAEDecoder(encoder.latents, TABLE_1, fusion=64, norm=False))
    assert round(count / 1e6, 2) == 6.97


def test_latents_and_output_have_the_sizes_of_table_1() -> None:
    encoder = ITAE(TABLE_1)
    assert encoder.latents == {"static": LatentSpec(256, 4, 64, 64), "dynamic": LatentSpec(32, 16, 64, 64)}
    with torch.device("meta"):
        encoder, decoder = ITAE(TABLE_1), ITAEDecoder(encoder.latents, TABLE_1)
        latents = encoder(torch.empty(2, 3, 16, 256, 256))
        assert {name: tuple(latent.shape[1:]) for name, latent in latents.items()} == {
            name: spec.shape for name, spec in encoder.latents.items()
        }
        assert decoder(latents).shape == (2, 3, 16, 256, 256)


def test_layers_have_the_sizes_of_table_1() -> None:
    with torch.device("meta"):
        encoder = ITAE(TABLE_1)
        static, dynamic = torch.empty(1, 3, 4, 256, 256), torch.empty(1, 3, 16, 256, 256)
        shapes = []
        for index, (wide, thin) in enumerate(zip(encoder.static, encoder.dynamic, strict=True)):
            static, dynamic = wide(static), thin(dynamic)
            shapes.append((tuple(static.shape[1:]), tuple(dynamic.shape[1:])))
            if index == 0:
                static = torch.cat([static, encoder.laterals["conv1"](dynamic)], 1)
    assert shapes == [
        ((96, 4, 128, 128), (12, 16, 128, 128)),
        ((128, 4, 64, 64), (16, 16, 64, 64)),
        ((256, 4, 64, 64), (32, 16, 64, 64)),
        ((256, 4, 64, 64), (32, 16, 64, 64)),
    ]


def test_the_static_path_sees_every_fourth_frame_only() -> None:
    clip = ClipSpec(16, 16, 16, "gray")
    encoder = OnePath(clip, channels=(4, 4, 8, 8)).eval()
    clips = torch.rand(1, 1, 16, 16, 16)
    changed = clips.clone()
    changed[:, :, 1] += 1
    assert torch.equal(encoder(clips)["static"], encoder(changed)["static"])
    changed[:, :, 4] += 1
    assert not torch.equal(encoder(clips)["static"], encoder(changed)["static"])


@pytest.mark.parametrize("encoder", [ITAE, OnePath])
def test_the_frames_of_the_static_path_are_0_4_8_and_12(encoder: type[ITAE] | type[OnePath]) -> None:
    made = encoder(ClipSpec(16, 16, 16, "gray"), channels=(8, 8, 8, 8)).eval()
    seen: list[torch.Tensor] = []
    made.static[0].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    numbers = torch.arange(16.0).reshape(1, 1, 16, 1, 1).expand(1, 1, 16, 16, 16)
    made(numbers)
    assert seen[0][0, 0, :, 0, 0].tolist() == [0, 4, 8, 12]


def test_every_parameter_of_the_two_paths_gets_a_gradient() -> None:
    clip = ClipSpec(8, 16, 16, "gray")
    encoder = ITAE(clip, channels=(8, 8, 16, 16))
    decoder = ITAEDecoder(encoder.latents, clip, channels=(8, 8, 8))
    decoder(encoder(torch.randn(2, 1, 8, 16, 16))).square().mean().backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name


def test_frames_ahead_can_be_decoded_too() -> None:
    clip = ClipSpec(32, 16, 16, "gray", input=(0, 16), target=(0, 32))
    encoder = ITAE(clip, channels=(8, 8, 8, 8))
    assert ITAEDecoder(encoder.latents, clip)(encoder(torch.rand(1, 1, 16, 16, 16))).shape == (1, 1, 32, 16, 16)


@pytest.mark.parametrize(
    ("clip", "says"),
    [
        (ClipSpec(16, 66, 64), "height 66 is not a multiple of 4"),
        (ClipSpec(16, 64, 66), "width 66 is not a multiple of 4"),
        (ClipSpec(15, 64, 64), "15 input frames are not a multiple of tau 4"),
    ],
)
def test_sizes_that_do_not_divide_are_refused(clip: ClipSpec, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        ITAE(clip)


def test_an_unknown_lateral_is_refused_with_the_choices() -> None:
    with pytest.raises(ShapeError, match="conv1, conv2, conv3"):
        ITAE(TABLE_1, laterals={"conv9": 8})


def test_a_decoder_refuses_latents_that_it_cannot_decode() -> None:
    with pytest.raises(ShapeError, match="needs a latent 'static'"):
        ITAEDecoder({"other": LatentSpec(8, 4, 16, 16)}, ClipSpec(16, 64, 64))
    with pytest.raises(ShapeError, match="enlarges by 4"):
        ITAEDecoder({"static": LatentSpec(8, 4, 16, 16)}, ClipSpec(16, 128, 64))
    with pytest.raises(ShapeError, match="4 latent steps cannot become 5 target frames"):
        ITAEDecoder({"static": LatentSpec(8, 4, 16, 16)}, ClipSpec(5, 64, 64))
