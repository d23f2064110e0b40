"""STAE: a 3-D convolutional autoencoder with a second decoder that predicts the next frames.

Source: Zhao, Deng, Shen, Liu, Lu and Hua, "Spatio-temporal autoencoder for video anomaly detection", ACM MM 2017. No
code of the authors is known; sizes are those of two independent reimplementations that agree. Clips have 16 gray
frames of 128x128. The encoder has 3x3x3 convolutions of 32, 48, 64 and 64 channels, each with batch norm and leaky
ReLU, the first three with 2x2x2 max pooling. Two decoders have three deconvolutions (48, 32, 32) and a last
convolution, one for the 16 input frames, one for the 16 frames after them. The score uses the reconstruction alone.

Inferred, because the paper leaves it open: the slope of the leaky ReLU (0.2), the kernel of the deconvolutions (3,
stride 2), a tanh at the output for pixels in [-1, 1]. The recipe's clip defines the prediction:
`frames: 32, input: 0:16, target: 0:32`. If the target equals the input, there is no second decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipOutputs, ClipSpec, Decoder, Encoder, LatentSpec, Loss, ShapeError
from vadkit_baselines.widths import divided, needed, normed, refuse_empty

SHRINK = 8  # three poolings in time, height and width


class STAE(Encoder, nn.Module):
    """Encoder of STAE (Zhao et al. 2017): four 3-D convolutions, three poolings of 2x2x2.

    Latent: `code` (channels[3], T / 8, H / 8, W / 8).

    Args:
        clip: geometry of a clip.
        channels: channels of the four convolutions.
        slope: negative slope of the leaky ReLU.

    Raises:
        ShapeError: T, H or W is not a multiple of 8.

    Example:
        >>> encoder = STAE(ClipSpec(8, 16, 24, "gray"), channels=(4, 4, 8, 8))
        >>> encoder(torch.zeros(2, 1, 8, 16, 24))["code"].shape
        torch.Size([2, 8, 1, 2, 3])
    """

    def __init__(
        self, clip: ClipSpec, *, channels: tuple[int, int, int, int] = (32, 48, 64, 64), slope: float = 0.2
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        layers: list[nn.Module] = []
        for widths in pairwise((clip.channels, *channels)):
            layers += [*normed(nn.Conv3d(*widths, 3, padding=1), slope), nn.MaxPool3d(2)]
        self.layers = nn.Sequential(*layers[:-1])
        self.latents = {"code": LatentSpec(channels[-1], *divided(clip, (SHRINK, SHRINK, SHRINK)))}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code."""
        return {"code": self.layers(clips)}


class STAEDecoder(Decoder, nn.Module):
    """The two decoders of STAE: one for the input frames, one for the same number of frames after them.

    Args:
        latents: name -> shape of each latent of the encoder.
        clip: geometry of a clip; the target is the input, or the input and the same number of frames after it.
        channels: channels of the three deconvolutions of each decoder.
        slope: negative slope of the leaky ReLU.
        output: "tanh" limits pixels to [-1, 1]; "linear" does not.

    Raises:
        ShapeError: the latent `code` is missing or cannot become the clip.

    Example:
        >>> clip = ClipSpec(16, 16, 24, "gray", input=(0, 8))
        >>> decoder = STAEDecoder({"code": LatentSpec(8, 1, 2, 3)}, clip, channels=(8, 4, 4))
        >>> decoder({"code": torch.zeros(2, 8, 1, 2, 3)}).shape
        torch.Size([2, 1, 16, 16, 24])
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
        code = needed(latents, "code")
        ahead = _frames_ahead(clip)
        if ahead not in (0, clip.input_frames):
            raise ShapeError(
                f"stae predicts as many frames as the input has ({clip.input_frames}), but the target has {ahead} more",
                where="data.clip",
                fix=f"end the target at {clip.input[1] + clip.input_frames}, or at {clip.input[1]} for no prediction",
            )
        if [SHRINK * size for size in code.shape[1:]] != [clip.input_frames, clip.height, clip.width]:
            what = f"enlarges by {SHRINK}, so {code.frames}x{code.height}x{code.width} cannot become "
            raise ShapeError(f"{what}{clip.input_frames}x{clip.height}x{clip.width}", fix="use encoder: stae")
        widths = (code.channels, *channels)
        self.branches = nn.ModuleList(_branch(widths, clip.channels, slope, output) for _ in range(2 if ahead else 1))

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{code (B, C', T', H', W')} -> (B, C, T_out, H, W), the input frames first, then the predicted ones."""
        return torch.cat([branch(latents["code"]) for branch in self.branches], dim=2)


class STAELoss(Loss, nn.Module):
    """Loss of STAE: squared error of the input frames, plus that of the predicted frames with decreasing weights.

    With T input frames and the mean squared error m_t of a frame, the loss is
    `sum_t m_t / T + prediction * sum_t (T - t) / T^2 * m_{T + t} / T` for t = 1 to T. These are the paper's
    sums over pixels and frames, divided by the T frames and their pixels. The last frame has weight 0.

    Args:
        clip: geometry of a clip; its target starts with its input and is longer.
        prediction: weight of the prediction error; 1 as in the paper.

    Raises:
        ShapeError: the target is not the input and the frames after it.

    Example:
        >>> spec = ClipSpec(16, 8, 8, "gray", input=(0, 8))
        >>> clips = torch.zeros(1, 1, 16, 8, 8)
        >>> STAELoss(spec)(ClipOutputs(spec, clips, clips, clips + 1))  # 1 + (7 + 6 + ... + 0) / 8^3
        tensor(1.0547)
    """

    def __init__(self, clip: ClipSpec, *, prediction: float = 1.0) -> None:
        super().__init__()
        ahead = _frames_ahead(clip)
        if not ahead:
            what = "the loss stae needs frames to predict, but the target ends with the input"
            fix = "use loss: l2, or end data.clip.target after data.clip.input"
            raise ShapeError(what, where="model.losses", fix=fix)
        self.frames = clip.input_frames
        decreasing = torch.arange(ahead - 1, -1, -1) / ahead**2
        self.register_buffer("weights", prediction * decreasing, persistent=False)

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        if out.output is None:
            raise ShapeError("the loss stae needs the model's output", where="model.losses")
        error = (out.output.float() - out.target).square().mean((0, 1, 3, 4))  # (T_out,)
        given, ahead = error[: self.frames], error[self.frames :]
        return given.mean() + (self.get_buffer("weights") * ahead).sum() / self.frames


def _branch(widths: tuple[int, ...], outputs: int, slope: float, output: str) -> nn.Sequential:
    layers = nn.Sequential()
    for pair in pairwise(widths):
        layers.extend(normed(nn.ConvTranspose3d(*pair, 3, stride=2, padding=1, output_padding=1), slope))
    layers.append(nn.Conv3d(widths[-1], outputs, 3, padding=1))
    return layers.append(nn.Tanh() if output == "tanh" else nn.Identity())


def _frames_ahead(clip: ClipSpec) -> int:
    """Number of target frames after the input."""
    if clip.target[0] != clip.input[0] or clip.target[1] < clip.input[1]:
        what = f"the target {clip.target[0]}:{clip.target[1]} must start with the input {clip.input[0]}:{clip.input[1]}"
        fix = "to predict 16 frames after 16, set frames: 32, input: 0:16, target: 0:32"
        raise ShapeError(what, where="data.clip", fix=fix)
    return clip.target[1] - clip.input[1]
