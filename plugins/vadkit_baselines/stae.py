"""STAE: an autoencoder of 3-D convolutions with a second decoder that predicts the frames to come.

Source: Zhao, Deng, Shen, Liu, Lu and Hua, "Spatio-temporal autoencoder for video anomaly detection", ACM MM 2017. No
code of the authors is known; sizes are those of two independent reimplementations that agree. 16 gray frames of
128x128; 3x3x3 convolutions of 32, 48, 64 and 64 channels, each with batch norm and leaky ReLU, the first three with
2x2x2 max pooling; two decoders of three deconvolutions (48, 32, 32) and a last convolution, one for the 16 frames,
one for the 16 after them. Anomalies are told by the reconstruction alone.

Left open, and inferred here: the slope of the leaky ReLU (0.2), the deconvolutions' kernel (3, stride 2), a tanh at the
output for pixels in [-1, 1]. The recipe's clip says what is predicted: `frames: 32, input: 0:16, target: 0:32`. With a
target that is the input there is no second decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipOutputs, ClipSpec, Decoder, Encoder, LatentSpec, Loss, ShapeError
from vadkit_baselines.widths import refuse_empty

SHRINK = 8  # three poolings, in time, height and width


class STAE(Encoder, nn.Module):
    """STAE's encoder (Zhao et al. 2017): four 3-D convolutions, three poolings of 2x2x2.

    Latent: `code` (channels[3], T / 8, H / 8, W / 8).

    Args:
        clip: geometry of a clip.
        channels: of the four convolutions.
        slope: of the leaky ReLU below zero.

    Raises:
        ShapeError: T, H or W is not a multiple of 8.
    """

    def __init__(
        self, clip: ClipSpec, *, channels: tuple[int, int, int, int] = (32, 48, 64, 64), slope: float = 0.2
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        sizes = {"number of input frames": clip.input_frames, "height": clip.height, "width": clip.width}
        for name, size in sizes.items():
            if size % SHRINK:
                raise ShapeError(
                    f"the frames' {name} {size} is not a multiple of {SHRINK}, by which three poolings divide it"
                    if name != "number of input frames"
                    else f"{size} input frames are not a multiple of {SHRINK}, by which three poolings divide them",
                    fix=f"choose {size // SHRINK * SHRINK or SHRINK} or {(size // SHRINK + 1) * SHRINK} in data.clip",
                )
        widths = (clip.channels, *channels)
        self.layers = nn.Sequential()
        for index in range(4):
            self.layers.append(nn.Conv3d(widths[index], widths[index + 1], 3, padding=1))
            self.layers.extend((nn.BatchNorm3d(widths[index + 1]), nn.LeakyReLU(slope)))
            if index < 3:
                self.layers.append(nn.MaxPool3d(2))
        frames, height, width = (size // SHRINK for size in sizes.values())
        self.latents = {"code": LatentSpec(channels[-1], frames, height, width)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code."""
        return {"code": self.layers(clips)}


class STAEDecoder(Decoder, nn.Module):
    """STAE's two decoders: the frames that went in, and as many after them.

    Args:
        latents: what the encoder gives.
        clip: geometry of a clip; its target is the input, or the input and as many frames after it.
        channels: of the three deconvolutions of each decoder.
        slope: of the leaky ReLU below zero.
        output: "tanh" keeps pixels in [-1, 1], "linear" does not.

    Raises:
        ShapeError: there is no latent `code` that can become the clip.
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        channels: tuple[int, int, int] = (48, 32, 32),
        slope: float = 0.2,
        output: Literal["tanh", "linear"] = "tanh",
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        if "code" not in latents:
            raise ShapeError(f"needs a latent 'code'; the encoder gives {', '.join(latents)}")
        code = latents["code"]
        ahead = _frames_ahead(clip)
        if ahead not in (0, clip.input_frames):
            raise ShapeError(
                f"{clip.input_frames} frames go in, so that {clip.input_frames} can be predicted, not {ahead}",
                where="data.clip",
                fix=f"end the target at {clip.input[1] + clip.input_frames}, or at {clip.input[1]} for none",
            )
        if (code.frames * SHRINK, code.height * SHRINK, code.width * SHRINK) != (
            clip.input_frames,
            clip.height,
            clip.width,
        ):
            raise ShapeError(
                f"enlarges by {SHRINK}: {code.frames}x{code.height}x{code.width} cannot become"
                f" {clip.input_frames}x{clip.height}x{clip.width}",
                fix="use encoder: stae",
            )
        widths = (code.channels, *channels)
        self.branches = nn.ModuleList(_branch(widths, clip.channels, slope, output) for _ in range(2 if ahead else 1))

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{code (B, C', T', H', W')} -> (B, C, T_out, H, W), what went in before what comes."""
        return torch.cat([branch(latents["code"]) for branch in self.branches], dim=2)


class STAELoss(Loss, nn.Module):
    """STAE's loss: squared error of what went in, plus that of what comes, the less the further ahead.

    With T input frames and the mean squared error m_t of a frame,
    sum_t m_t / T + prediction * sum_t (T - t) / T^2 * m_{T + t} / T for t = 1 to T: the paper's
    sums over pixels and frames, divided by the T frames and their pixels. The last frame has weight 0.

    Args:
        clip: geometry of a clip; its target begins where its input does, and goes beyond it.
        prediction: weight of the second term; 1 as in the paper.

    Raises:
        ShapeError: the clip's target is not the input and frames after it.
    """

    def __init__(self, clip: ClipSpec, *, prediction: float = 1.0) -> None:
        super().__init__()
        ahead = _frames_ahead(clip)
        if not ahead:
            raise ShapeError(
                "no frame of the target lies ahead: there is nothing to predict",
                where="model.losses",
                fix="use loss: l2, or let data.clip.target go beyond data.clip.input",
            )
        self.frames = clip.input_frames
        decreasing = torch.arange(ahead - 1, -1, -1) / ahead**2
        self.register_buffer("weights", prediction * decreasing, persistent=False)

    def forward(self, out: ClipOutputs) -> Tensor:
        """-> ()."""
        if out.output is None:
            raise ShapeError("needs the model's output", where="model.losses")
        error = (out.output.float() - out.target).square().mean((0, 1, 3, 4))  # (T_out,)
        given, ahead = error[: self.frames], error[self.frames :]
        return given.mean() + (self.get_buffer("weights") * ahead).sum() / self.frames


def _branch(widths: tuple[int, ...], outputs: int, slope: float, output: str) -> nn.Sequential:
    layers = nn.Sequential()
    for inputs, width in pairwise(widths):
        layers.append(nn.ConvTranspose3d(inputs, width, 3, stride=2, padding=1, output_padding=1))
        layers.extend((nn.BatchNorm3d(width), nn.LeakyReLU(slope)))
    layers.append(nn.Conv3d(widths[-1], outputs, 3, padding=1))
    return layers.append(nn.Tanh() if output == "tanh" else nn.Identity())


def _frames_ahead(clip: ClipSpec) -> int:
    """Frames of the target after the input.

    Raises:
        ShapeError: the target does not begin with the input.
    """
    if clip.target[0] != clip.input[0] or clip.target[1] < clip.input[1]:
        raise ShapeError(
            f"the target {clip.target[0]}:{clip.target[1]} must begin with the input {clip.input[0]}:{clip.input[1]}",
            where="data.clip",
            fix="for 16 frames and the 16 after them: frames: 32, input: 0:16, target: 0:32",
        )
    return clip.target[1] - clip.input[1]
