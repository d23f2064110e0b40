"""The spatio-temporal autoencoder: 2-D convolutions of each frame, then ConvLSTM layers over time.

Source: Chong and Tay, "Abnormal event detection in videos using spatiotemporal autoencoder", ISNN 2017, and
their Keras code (github.com/yshean/abnormal-spatiotemporal-ae, read in a copy). Clips have 10 gray frames of 227x227.
Convolutions of 128 (11x11, stride 4) and 64 (5x5, stride 2) channels give 55x55 and 26x26; ConvLSTM layers of 64, 32
and 64 channels (3x3) follow. Deconvolutions have 128 (5x5, stride 2) and 1 (11x11, stride 4) channels. Weights start
after Glorot. There are 1,068,225 parameters. The error of a frame is the Euclidean distance of I and I', scaled to
[0, 1] within the video.

Paper and code differ. The paper has tanh and 227x227 without padding. The code has batch norm and ReLU, frames of
224x224 with padding "same", and no activation at the output. Recipe keys choose; the default is the paper. The ConvLSTM
is that of Keras, without peepholes, as in the code; the paper's equations have peepholes.
The paper does not say where the encoder ends. Here `code` is the output of the narrow layer of 32 channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec, ShapeError
from vadkit_baselines.strided import Enlarge, Shrink, code_size, draw_glorot
from vadkit_baselines.widths import needed, refuse_empty

KERNELS, STRIDES = (11, 5), (4, 2)


class ConvLSTMLayer(nn.Module):
    """One ConvLSTM layer (Shi et al. 2015) without peepholes. The state starts at zero and the forget biases at 1."""

    def __init__(self, inputs: int, hidden: int, kernel: int = 3) -> None:
        super().__init__()
        self.of_input = nn.Conv2d(inputs, 4 * hidden, kernel, padding=kernel // 2)
        self.of_state = nn.Conv2d(hidden, 4 * hidden, kernel, padding=kernel // 2, bias=False)
        self.hidden = hidden
        draw_glorot(self)
        assert self.of_input.bias is not None
        nn.init.ones_(self.of_input.bias[hidden : 2 * hidden])

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C', T', H', W') -> (B, hidden, T', H', W')."""
        given = _each_frame(self.of_input, maps)  # (B, 4 hidden, T', ...)
        state = given.new_zeros(maps.shape[0], self.hidden, *maps.shape[-2:])
        cell = torch.zeros_like(state)
        states: list[Tensor] = []
        for step in given.unbind(2):
            gates = step + self.of_state(state)
            enter, keep, new, leave = gates.chunk(4, dim=1)
            cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
            state = leave.sigmoid() * cell.tanh()
            states.append(state)
        return torch.stack(states, dim=2)


class ConvLSTM(Encoder, nn.Module):
    """Encoder of the spatio-temporal autoencoder (Chong and Tay 2017): two convolutions per frame, two ConvLSTM layers.

    Latent: `code` (recurrent[1], T, 26, 26 for frames of 227x227).

    Args:
        clip: geometry of a clip.
        channels: channels of the two convolutions.
        recurrent: channels of the two ConvLSTM layers.
        padding: "valid" as in the paper, for 227x227; "same" pads with zeros as in its code, for heights and widths
            that are multiples of 8.
        activation: after each convolution; "tanh" as in the paper, "relu" as in its code.
        norm: batch norm after each convolution, as in its code.

    Raises:
        ShapeError: H or W does not fit the two convolutions.

    Example:
        >>> encoder = ConvLSTM(ClipSpec(4, 32, 48, "gray"), channels=(8, 4), recurrent=(4, 2), padding="same")
        >>> encoder(torch.zeros(2, 1, 4, 32, 48))["code"].shape
        torch.Size([2, 2, 4, 4, 6])
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        channels: tuple[int, int] = (128, 64),
        recurrent: tuple[int, int] = (64, 32),
        padding: Literal["valid", "same"] = "valid",
        activation: Literal["tanh", "relu"] = "tanh",
        norm: bool = False,
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels, recurrent=recurrent)
        same = padding == "same"
        widths = (clip.channels, *channels)
        self.spatial = nn.Sequential()
        for index, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
            self.spatial.append(Shrink(widths[index], widths[index + 1], kernel, stride, same=same))
            self.spatial.extend(_after(widths[index + 1], activation, norm=norm))
        self.temporal = nn.Sequential(ConvLSTMLayer(channels[1], recurrent[0]), ConvLSTMLayer(*recurrent))
        draw_glorot(self.spatial)
        size = code_size(clip, KERNELS, STRIDES, same=same)
        self.latents = {"code": LatentSpec(recurrent[1], clip.input_frames, *size)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code."""
        return {"code": self.temporal(_each_frame(self.spatial, clips))}


class ConvLSTMDecoder(Decoder, nn.Module):
    """Decoder of the spatio-temporal autoencoder: a ConvLSTM layer, then two deconvolutions per frame.

    Args:
        latents: name -> shape of each latent of the encoder.
        clip: geometry of a clip.
        recurrent: channels of the ConvLSTM layer.
        channels: channels of the first deconvolution.
        padding: must equal the encoder's.
        activation: after the first deconvolution; "tanh" as in the paper, "relu" as in its code.
        norm: batch norm after the first deconvolution, as in its code.
        output: "tanh" limits pixels to [-1, 1]; "linear", as in its code, does not.

    Raises:
        ShapeError: the latent `code` is missing or cannot become the clip.

    Example:
        >>> latents = {"code": LatentSpec(2, 4, 4, 6)}
        >>> decoder = ConvLSTMDecoder(latents, ClipSpec(4, 32, 48, "gray"), recurrent=4, channels=8, padding="same")
        >>> decoder({"code": torch.zeros(2, 2, 4, 4, 6)}).shape
        torch.Size([2, 1, 4, 32, 48])
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        recurrent: int = 64,
        channels: int = 128,
        padding: Literal["valid", "same"] = "valid",
        activation: Literal["tanh", "relu"] = "tanh",
        norm: bool = False,
        output: Literal["tanh", "linear"] = "tanh",
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels, recurrent=recurrent)
        code, same = needed(latents, "code"), padding == "same"
        if code.shape[1:] != (clip.target_frames, *code_size(clip, KERNELS, STRIDES, same=same)):
            what = f"{code.frames} steps of {code.height}x{code.width} cannot become {clip.target_frames} frames of "
            fix = "set the same 'padding' for encoder and decoder, and make the clip's target as long as its input"
            raise ShapeError(f"{what}{clip.height}x{clip.width}", fix=fix)
        self.temporal = ConvLSTMLayer(code.channels, recurrent)
        self.spatial = nn.Sequential(
            Enlarge(recurrent, channels, KERNELS[1], STRIDES[1], same=same),
            *_after(channels, activation, norm=norm),
            Enlarge(channels, clip.channels, KERNELS[0], STRIDES[0], same=same),
            nn.Tanh() if output == "tanh" else nn.Identity(),
        )
        draw_glorot(self.spatial)

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{code (B, C', T, H', W')} -> (B, C, T_out, H, W)."""
        return _each_frame(self.spatial, self.temporal(latents["code"]))


def _after(width: int, activation: str, *, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.BatchNorm2d(width)] if norm else []
    return [*layers, nn.Tanh() if activation == "tanh" else nn.ReLU()]


def _each_frame(layers: nn.Module, maps: Tensor) -> Tensor:
    """Apply 2-D layers to every frame: (B, C, T, H, W) -> (B, C', T, H', W')."""
    frames = layers(maps.transpose(1, 2).flatten(0, 1))
    return frames.unflatten(0, (maps.shape[0], -1)).transpose(1, 2)
