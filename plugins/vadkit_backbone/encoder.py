"""The encoder: prepares frames for a pretrained network, and gives its layers as latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Encoder, LatentSpec, ShapeError, WeightsFile
from vadkit_backbone.network import Network, open_network

_MOST_IMAGES = 32  # in one pass: bounds the memory
_MOST_SPECIAL_TOKENS = 8  # a transformer may put a class token and registers before its patches


class Backbone(Encoder, nn.Module):
    """Layers of a pretrained image or video network, which stays frozen.

    The latents have the names of the layers. Nothing is downloaded. Channels of optical flow are ignored.

    Args:
        clip: geometry of a clip.
        weights: the file with the network or its weights.
        architecture: "torchvision:NAME" or "timm:NAME" for a file with the weights of such a network (PyTorch or
            safetensors); "export", "torchscript" or "onnx" for a file that contains the network itself.
        layers: names of the layers to use. For "torchvision" and "timm": names of modules, such as "layer3" or
            "blocks.4". For the others: outputs of the network, by name or number; by default, all of them.
        input: what the network takes: single "images" (N, 3, H, W), or "clips" of frames (N, 3, T, H, W).
        size: height and width to which frames are resized, pixels; default: the size that the network needs, if its
            file states one, else the clip's size.
        every: use every k-th input frame, the middle one of each k frames.
        mean: mean of each of the three colours in the network's training data, for intensities in [0, 1]; default:
            that of ImageNet.
        std: their standard deviations.

    Raises:
        DataError: the file is damaged, contains a pickled object, or does not fit the architecture.
        ShapeError: a layer does not exist, or the frames do not fit the network.
        VadkitError: the architecture is unknown, or its library is not installed.

    Example:
        A network of one layer, saved with torch.export:

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> program = torch.export.export(nn.Conv2d(3, 8, 4, 4), (torch.zeros(1, 3, 32, 48),))
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "network.pt2"
        ...     torch.export.save(program, path)
        ...     encoder = Backbone(ClipSpec(16, 32, 48), weights=path, architecture="export", every=4)
        >>> encoder(torch.zeros(2, 3, 16, 32, 48))["output"].shape
        torch.Size([2, 8, 4, 8, 12])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        clip: ClipSpec,
        *,
        weights: WeightsFile,
        architecture: str,
        layers: tuple[str, ...] = (),
        input: Literal["images", "clips"] = "images",
        size: tuple[int, int] | None = None,
        every: int = 1,
        mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
        std: tuple[float, float, float] = (0.229, 0.224, 0.225),
    ) -> None:
        super().__init__()
        if every < 1 or clip.input_frames % every:
            what = f"'every' is {every}, but must divide the {clip.input_frames} input frames of a clip"
            raise ShapeError(what, fix="change it, or data.clip")
        if min(std) <= 0:
            raise ShapeError(f"every value of 'std' must be above 0, but it is {list(std)}")
        self.every, self.images, self.frames = every, input == "images", clip.input_frames // every
        self.colors = clip.colors
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)
        self.network: Network = open_network(weights, architecture, layers)
        needs = self.network.size
        if size is not None and needs is not None and tuple(size) != needs:
            what = f"the network takes frames of {needs[0]}x{needs[1]}, but 'size' is {size[0]}x{size[1]}"
            raise ShapeError(what, fix=f"set size: [{needs[0]}, {needs[1]}], or leave it out")
        self.size = size or needs or (clip.height, clip.width)
        if min(self.size) < 1:
            raise ShapeError(f"'size' must be at least 1x1 pixels, but it is {self.size[0]}x{self.size[1]}")
        self.special: dict[str, int] = {}  # layer of a transformer -> number of tokens before the patches
        self.latents = self._measure(clip)
        self.requires_grad_(False)

    def _measure(self, clip: ClipSpec) -> Mapping[str, LatentSpec]:
        """Shapes of the latents of one clip, or of one image that stands for each."""
        frames = 1 if self.images else self.frames
        empty = torch.zeros(1, clip.channels, frames, clip.height, clip.width)
        found = self.network.probe(self._prepared(empty))
        return {name: self._spec(name, output) for name, output in found.items()}

    def _spec(self, name: str, output: Tensor) -> LatentSpec:
        shape = tuple(output.shape[1:])
        if len(shape) == 2 and self.images:
            self.special[name] = self._special_tokens(name, shape[0])
        match shape:
            case (channels,):
                return LatentSpec(channels, self.frames if self.images else 1, 1, 1)
            case (tokens, channels) if self.images:
                rows, columns = self._patches(tokens - self.special[name])
                return LatentSpec(channels, self.frames, rows, columns)
            case (channels, height, width) if self.images:
                return LatentSpec(channels, self.frames, height, width)
            case (channels, frames, height, width) if not self.images:
                return LatentSpec(channels, frames, height, width)
            case _:
                wanted = "(N, C, H, W), (N, tokens, C)" if self.images else "(N, C, T, H, W)"
                what = f"the layer {name!r} gives {tuple(output.shape)}, but must give {wanted} or (N, C)"
                raise ShapeError(what, fix="choose another layer, or set input")

    def _patches(self, count: int) -> tuple[int, int]:
        """Rows and columns of `count` square patches that cover a frame; (0, 0) if that is impossible."""
        height, width = self.size
        for side in range(1, min(height, width) + 1):
            if height % side == width % side == 0 and (height // side) * (width // side) == count:
                return height // side, width // side
        return 0, 0

    def _special_tokens(self, name: str, tokens: int) -> int:
        """Number of tokens before those of the patches."""
        for special in range(min(_MOST_SPECIAL_TOKENS, tokens - 1) + 1):
            if self._patches(tokens - special) != (0, 0):
                return special
        what = (
            f"the {tokens} tokens of the layer {name!r} are not the patches of a frame of {self.size[0]}x{self.size[1]}"
        )
        raise ShapeError(what, fix="choose another layer, or change 'size'")

    def train(self, mode: bool = True) -> Backbone:
        """Stay in eval mode for every `mode`: batch norm keeps its statistics."""
        del mode
        self.training = False
        return self

    @torch.no_grad()
    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Return the latents, name -> (B, C', T', H', W')."""
        given = self._prepared(clips[:, :, self.every // 2 :: self.every])
        limit = _MOST_IMAGES if self.images else max(_MOST_IMAGES // self.frames, 1)
        if self.network.batch is None and torch.compiler.is_exporting():  # a graph has a fixed number of passes
            parts = [self.network(given)]
        else:
            parts = [self.network(part) for part in given.split(min(self.network.batch or limit, limit))]
        return {name: self._latent(name, torch.cat([part[name] for part in parts])) for name in self.latents}

    def _prepared(self, clips: Tensor) -> Tensor:
        """(B, C, T, H, W) in [-1, 1] -> what the network takes, (B T, 3, h, w) or (B, 3, T, h, w)."""
        images = clips[:, : self.colors].transpose(1, 2).flatten(0, 1)  # (B T, 1 or 3, H, W)
        images = (images.expand(-1, 3, -1, -1) + 1) / 2
        if images.shape[-2:] != self.size:
            images = functional.interpolate(images, self.size, mode="bilinear", antialias=True)
        images = (images - self.mean[:, None, None]) / self.std[:, None, None]
        if self.images:
            return images.contiguous()
        return images.unflatten(0, (clips.shape[0], -1)).transpose(1, 2).contiguous()

    def _latent(self, name: str, output: Tensor) -> Tensor:
        spec = self.latents[name]
        if not self.images:
            return output.reshape(-1, *spec.shape)
        if output.dim() == 3:
            output = output[:, self.special[name] :].transpose(1, 2)  # (N, C', patches)
        maps = output.reshape(-1, spec.frames, spec.channels, spec.height, spec.width)
        return maps.transpose(1, 2)
