"""ConvAE: a 2-D convolutional autoencoder that stacks the frames of a clip as channels.

Source: Hasan, Choi, Neumann, Roy-Chowdhury and Davis, "Learning temporal regularity in video sequences", CVPR 2016,
section 3.2. Clips have 10 gray frames of 227x227. The encoder has convolutions of 512 (11x11, stride 4), 256 (5x5) and
128 (3x3) channels with two poolings of 2x2 between them, 55x55, 27x27 and 13x13. The decoder has deconvolutions and
unpoolings. All use tanh, Glorot initialization and AdaGrad. The regularity of a frame is 1 minus its error |I - I'|,
summed over pixels and scaled to [0, 1] within the video.

The paper leaves open the decoder's channels (inferred: the encoder's, mirrored) and the last activation (inferred:
tanh). Both are recipe keys. Unpooling writes each value back to the position of the maximum. The encoder passes these
positions to the decoder as the latents `places1` and `places2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec, ShapeError
from vadkit_baselines.strided import Enlarge, Shrink, code_size, draw_glorot
from vadkit_baselines.widths import needed, refuse_empty

KERNEL, STRIDE = 11, 4  # first layer


class ConvAE(Encoder, nn.Module):
    """Encoder of ConvAE (Hasan et al. 2016): stacked frames, three 2-D convolutions, two poolings.

    Latents: `code` (channels[2], 1, 13, 13 for frames of 227x227), and `places1` and `places2`, the indices of the
    maxima of each pooling.

    Args:
        clip: geometry of a clip.
        channels: channels of the three convolutions.
        padding: "valid" as in the paper, for 227x227; "same" pads with zeros, for heights and widths that are multiples
            of 4.

    Raises:
        ShapeError: H or W does not fit the first layer.

    Example:
        >>> import torch
        >>> encoder = ConvAE(ClipSpec(10, 32, 48, "gray"), channels=(8, 4, 4), padding="same")
        >>> latents = encoder(torch.zeros(2, 1, 10, 32, 48))
        >>> {name: tuple(latent.shape) for name, latent in latents.items()}
        {'code': (2, 4, 1, 2, 3), 'places1': (2, 8, 1, 4, 6), 'places2': (2, 4, 1, 2, 3)}
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        channels: tuple[int, int, int] = (512, 256, 128),
        padding: Literal["valid", "same"] = "valid",
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        _, half, quarter = _sides(clip, same=padding == "same")
        first, second, third = channels
        self.conv1 = Shrink(clip.channels * clip.input_frames, first, KERNEL, STRIDE, same=padding == "same")
        self.conv2 = nn.Conv2d(first, second, 5, padding=2)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        draw_glorot(self)
        self.latents = {
            "code": LatentSpec(third, 1, *quarter),
            "places1": LatentSpec(first, 1, *half),
            "places2": LatentSpec(second, 1, *quarter),
        }

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code, places1, places2."""
        maps = self.conv1(clips.flatten(1, 2)).tanh()
        maps, places1 = functional.max_pool2d(maps, 2, return_indices=True)
        maps, places2 = functional.max_pool2d(self.conv2(maps).tanh(), 2, return_indices=True)
        code = self.conv3(maps).tanh()
        return {name: one.unsqueeze(2) for name, one in (("code", code), ("places1", places1), ("places2", places2))}


class ConvAEDecoder(Decoder, nn.Module):
    """Decoder of ConvAE: deconvolutions, and unpooling to the positions of the maxima.

    Args:
        latents: name -> shape of each latent of the encoder.
        clip: geometry of a clip.
        padding: must equal the encoder's.
        unpooling: "places" writes values back to the positions that the encoder's poolings found; "nearest" repeats
            them and uses the `code` alone.
        output: "tanh" limits pixels to [-1, 1]; "linear" does not.

    Raises:
        ShapeError: the latents are not those of the encoder `convae` for such a clip.

    Example:
        >>> import torch
        >>> clip = ClipSpec(10, 32, 48, "gray")
        >>> encoder = ConvAE(clip, channels=(8, 4, 4), padding="same")
        >>> decoder = ConvAEDecoder(encoder.latents, clip, padding="same")
        >>> decoder(encoder(torch.zeros(2, 1, 10, 32, 48))).shape
        torch.Size([2, 1, 10, 32, 48])
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        padding: Literal["valid", "same"] = "valid",
        unpooling: Literal["places", "nearest"] = "places",
        output: Literal["tanh", "linear"] = "tanh",
    ) -> None:
        super().__init__()
        names = ("code", "places1", "places2")
        code, places1, places2 = (needed(latents, name, "use encoder: convae") for name in names)
        full, half, quarter = _sides(clip, same=padding == "same")
        if (code.height, code.width) != quarter:
            what = f"{code.height}x{code.width} cannot become {clip.height}x{clip.width}"
            raise ShapeError(what, fix="set the same 'padding' for encoder and decoder")
        self.unpooled, self.unpooling, self.frames = (half, full), unpooling, clip.target_frames
        self.deconv3 = nn.ConvTranspose2d(code.channels, places2.channels, 3, padding=1)
        self.deconv2 = nn.ConvTranspose2d(places2.channels, places1.channels, 5, padding=2)
        planes = clip.channels * clip.target_frames
        self.deconv1 = Enlarge(places1.channels, planes, KERNEL, STRIDE, same=padding == "same")
        self.output = nn.Tanh() if output == "tanh" else nn.Identity()
        draw_glorot(self)

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{code (B, C', 1, H', W'), places1, places2} -> (B, C, T_out, H, W)."""
        maps = self.deconv3(latents["code"].squeeze(2)).tanh()
        maps = self.deconv2(self._unpool(maps, latents["places2"], self.unpooled[0])).tanh()
        maps = self.deconv1(self._unpool(maps, latents["places1"], self.unpooled[1]))
        return self.output(maps).unflatten(1, (-1, self.frames))

    def _unpool(self, maps: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
        if self.unpooling == "nearest":
            return functional.interpolate(maps, size=size)
        return functional.max_unpool2d(maps, places.squeeze(2), (2, 2), output_size=size)


def _sides(clip: ClipSpec, *, same: bool) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return (H', W') after the first layer and after each pooling, which drops an odd last row or column."""
    height, width = code_size(clip, [KERNEL], [STRIDE], same=same)
    if min(height, width) < 4:
        raise ShapeError(f"frames of {clip.height}x{clip.width} are too small to be pooled twice")
    return (height, width), (height // 2, width // 2), (height // 4, width // 4)
