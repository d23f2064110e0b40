"""The ConvLSTM autoencoder against its Keras model's size and torch's own LSTM."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from vadkit.api import ClipSpec, LatentSpec, ShapeError
from vadkit_baselines.convlstm import ConvLSTM, ConvLSTMDecoder, ConvLSTMLayer

PAPER = ClipSpec(10, 227, 227, "gray")
SMALL = ClipSpec(3, 32, 48, "gray")


def test_it_has_the_parameters_of_the_keras_model() -> None:
    encoder = ConvLSTM(PAPER)
    decoder = ConvLSTMDecoder(encoder.latents, PAPER)
    convolutions, deconvolutions = encoder.spatial, decoder.spatial
    layers = (
        *(convolutions[0], convolutions[2], *encoder.temporal),
        *(decoder.temporal, deconvolutions[0], deconvolutions[2]),
    )
    counts = [sum(one.numel() for one in layer.parameters()) for layer in layers]
    assert counts == [15_616, 204_864, 295_168, 110_720, 221_440, 204_928, 15_489]
    assert sum(counts) == 1_068_225


def test_maps_have_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        encoder = ConvLSTM(PAPER)
        assert encoder.latents == {"code": LatentSpec(32, 10, 26, 26)}
        code = encoder(torch.empty(1, 1, 10, 227, 227))["code"]
        assert code.shape == (1, 32, 10, 26, 26)
        assert encoder.spatial[0](torch.empty(1, 1, 227, 227)).shape == (1, 128, 55, 55)
        assert ConvLSTMDecoder(encoder.latents, PAPER)({"code": code}).shape == (1, 1, 10, 227, 227)


def test_the_codes_form_gives_its_code_of_28x28() -> None:
    clip = ClipSpec(10, 224, 224, "gray")
    with torch.device("meta"):
        encoder = ConvLSTM(clip, padding="same", activation="relu", norm=True)
        decoder = ConvLSTMDecoder(encoder.latents, clip, padding="same", activation="relu", norm=True, output="linear")
        assert encoder.latents == {"code": LatentSpec(32, 10, 28, 28)}
        assert decoder(encoder(torch.empty(1, 1, 10, 224, 224))).shape == (1, 1, 10, 224, 224)


def test_on_single_pixels_the_layer_is_torchs_lstm() -> None:
    torch.manual_seed(0)
    layer, lstm = ConvLSTMLayer(3, 5, kernel=1), torch.nn.LSTM(3, 5, batch_first=True)
    with torch.no_grad():  # torch orders the gates as input, forget, cell, output too
        assert layer.of_input.bias is not None
        weights = dict(lstm.named_parameters())
        weights["weight_ih_l0"].copy_(layer.of_input.weight[:, :, 0, 0])
        weights["weight_hh_l0"].copy_(layer.of_state.weight[:, :, 0, 0])
        weights["bias_ih_l0"].copy_(layer.of_input.bias)
        weights["bias_hh_l0"].zero_()
    maps = torch.randn(2, 3, 7, 1, 1)
    expected, _ = lstm(maps[..., 0, 0].transpose(1, 2))
    assert torch.allclose(layer(maps)[..., 0, 0].transpose(1, 2), expected, atol=1e-6)
    assert layer.of_input.bias[5:10].tolist() == [1.0] * 5  # the forget gate is open at first


def test_a_frame_changes_what_comes_after_it_and_nothing_before() -> None:
    torch.manual_seed(0)
    encoder = ConvLSTM(SMALL, channels=(4, 4), recurrent=(4, 3), padding="same")
    clips = torch.rand(1, 1, 3, 32, 48)
    changed = clips.clone()
    changed[:, :, 1] += 1
    one, other = encoder(clips)["code"], encoder(changed)["code"]
    assert torch.allclose(one[:, :, 0], other[:, :, 0], atol=1e-6)
    assert not torch.allclose(one[:, :, 1], other[:, :, 1], atol=1e-3)
    assert not torch.allclose(one[:, :, 2], other[:, :, 2], atol=1e-4)


@pytest.mark.parametrize("norm", [False, True])
def test_every_parameter_gets_a_gradient(norm: bool) -> None:
    torch.manual_seed(0)
    encoder = ConvLSTM(SMALL, channels=(4, 4), recurrent=(4, 3), padding="same", norm=norm)
    decoder = ConvLSTMDecoder(encoder.latents, SMALL, recurrent=4, channels=4, padding="same", norm=norm)
    output = decoder(encoder(torch.randn(2, 1, 3, 32, 48)))
    assert output.shape == (2, 1, 3, 32, 48)
    (output - 0.5).square().mean().backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="first map width of 24 does not fit"):
        ConvLSTM(ClipSpec(10, 227, 103, "gray"))
    with pytest.raises(ShapeError, match="set the same 'padding' for encoder and decoder"):
        ConvLSTMDecoder(ConvLSTM(PAPER).latents, ClipSpec(10, 224, 224, "gray"), padding="same")
    with pytest.raises(ShapeError, match="3 steps of 26x26 cannot become 10 frames"):
        ConvLSTMDecoder({"code": LatentSpec(32, 3, 26, 26)}, PAPER)
    with pytest.raises(ShapeError, match="needs a latent 'code'"):
        ConvLSTMDecoder({"static": LatentSpec(32, 3, 26, 26)}, PAPER)
    with pytest.raises(ShapeError, match="'channels' must be at least 1 channel per layer, but it is 0, 4"):
        ConvLSTM(SMALL, channels=(0, 4), padding="same")
    with pytest.raises(ShapeError, match="'recurrent' must be at least 1"):
        ConvLSTMDecoder({"code": LatentSpec(3, 3, 4, 6)}, SMALL, recurrent=0, padding="same")


@pytest.mark.parametrize(("activation", "kind"), [("tanh", torch.nn.Tanh), ("relu", torch.nn.ReLU)])
def test_convolutions_are_followed_by_the_activation(activation: Any, kind: type) -> None:
    encoder = ConvLSTM(SMALL, activation=activation, padding="same")
    decoder = ConvLSTMDecoder(encoder.latents, SMALL, activation=activation, padding="same", output="linear")
    for part in (encoder.spatial, decoder.spatial):
        found = [layer for layer in part if isinstance(layer, (torch.nn.Tanh, torch.nn.ReLU))]
        assert found
        assert {type(layer) for layer in found} == {kind}
