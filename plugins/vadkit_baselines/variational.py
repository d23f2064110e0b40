"""The S_C-VAE of S²-VAE: a variational autoencoder of frames with skip connections.

Source: Wang et al., "Generative neural networks for anomaly detection in crowded scenes", IEEE TIFS 2019, and the
authors' code (tianwangbuaa/VAE-for-abnormal-event-detection): frames of 240x320, layers, loss and optimiser. The other
network, S_F-VAE, is in the code without sizes and without its place in the system; it is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, ClipSpec, Decoder, LatentSpec, ShapeError
from vadkit_baselines.planes import DoubleConvolution, PlanesEncoder
from vadkit_baselines.widths import needed, refuse_empty


class SkipVAEEncoder(PlanesEncoder):
    """Double convolutions and poolings. Latents: `skip1`, `skip2`, ..., from the largest map on, and `code`.

    Args:
        clip: geometry of a clip. Several input frames are stacked as channels.
        channels: channels of each level. Each level after the first halves height and width.

    Raises:
        ShapeError: a frame cannot be halved so often.

    Example:
        >>> encoder = SkipVAEEncoder(ClipSpec(1, 16, 24), channels=(8, 4))
        >>> {name: spec.shape for name, spec in encoder.latents.items()}
        {'skip1': (8, 1, 16, 24), 'code': (4, 1, 8, 12)}
    """

    def __init__(self, clip: ClipSpec, *, channels: tuple[int, ...] = (64, 32, 16, 8)) -> None:
        super().__init__(clip, channels, "code", skips=True, norm=False)


class Variational(Bottleneck, nn.Module):
    """A variational code of one latent: a few numbers, drawn in training and their mean in evaluation.

    Fully connected layers lead to the mean and the variance of the numbers, and mirrored layers back to the latent,
    through tanh. Losses: `kl`, the Kullback-Leibler divergence from a standard normal distribution, summed over the
    numbers; and `decay`, the squared weights of the layers. Score: `kl` of each clip.

    Args:
        latents: name -> shape of each latent of the encoder.
        latent: name of the latent to replace.
        hidden: widths of the fully connected layers.
        size: how many numbers the code has.
        kl: weight of the loss `kl`.
        decay: weight of the loss `decay`; 0 disables it.

    Raises:
        ShapeError: the latent does not exist, or a width is below 1.

    Example:
        >>> variational = Variational({"code": LatentSpec(4, 1, 8, 12)}, hidden=(16,), size=3).eval()
        >>> out = variational({"code": torch.ones(2, 4, 1, 8, 12)})
        >>> out.latents["code"].shape, out.scores["kl"].shape
        (torch.Size([2, 4, 1, 8, 12]), torch.Size([2, 1]))
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        *,
        latent: str = "code",
        hidden: tuple[int, ...] = (256, 128),
        size: int = 6,
        kl: float = 1.0,
        decay: float = 1e-4,
    ) -> None:
        super().__init__()
        refuse_empty(hidden=hidden, size=size)
        self.latent, self.shape, self.kl, self.decay = latent, needed(latents, latent).shape, kl, decay
        widths = (torch.Size(self.shape).numel(), *hidden)
        self.encode = nn.Sequential(*(layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())))
        self.mean, self.log_variance = nn.Linear(widths[-1], size), nn.Linear(widths[-1], size)
        back = pairwise((size, *reversed(widths)))
        self.decode = nn.Sequential(*(layer for pair in back for layer in (nn.Linear(*pair), nn.ReLU())))
        self.decode[-1] = nn.Tanh()

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """Replace one latent by what its code gives; return losses and the score `kl` (B, 1)."""
        given = latents[self.latent]
        with torch.autocast(given.device.type, enabled=False):
            found = self.encode(given.flatten(1).to(self.mean.weight.dtype))
            mean, log_variance = self.mean(found), self.log_variance(found)
            code = mean
            if self.training:
                code = mean + (log_variance / 2).exp() * torch.randn_like(mean)
            divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)  # (B,)
            losses = {"kl": self.kl * divergence.mean()}
            if self.decay:
                losses["decay"] = self.decay * torch.stack([p.square().sum() for p in self.parameters()]).sum()
            replaced = self.decode(code).unflatten(1, self.shape)
        return BottleneckOutput({**latents, self.latent: replaced}, losses, {"kl": divergence[:, None]})


class SkipVAEDecoder(Decoder, nn.Module):
    """Enlarged maps with skip connections, to the target frames. The widths follow from the latents.

    Args:
        latents: name -> shape of each latent of the encoder `skip_vae`.
        clip: geometry of a clip.
        output: "relu" as in the code, for pixels in [0, 1], which become [-1, 1]. If the ReLU gives 0 everywhere, the
            model stops learning. "tanh" does not have this limit.

    Raises:
        ShapeError: the latents are not those of the encoder.

    Example:
        >>> clip = ClipSpec(1, 16, 24)
        >>> encoder = SkipVAEEncoder(clip, channels=(8, 4))
        >>> SkipVAEDecoder(encoder.latents, clip)(encoder(torch.zeros(2, 3, 1, 16, 24))).shape
        torch.Size([2, 3, 1, 16, 24])
    """

    def __init__(
        self, latents: Mapping[str, LatentSpec], clip: ClipSpec, *, output: Literal["relu", "tanh"] = "relu"
    ) -> None:
        super().__init__()
        self.output = output
        code = needed(latents, "code", "use encoder: skip_vae")
        self.skips = sorted((name for name in latents if name.startswith("skip")), reverse=True)  # the deepest first
        levels = len(self.skips)
        if not levels or (code.frames, code.height << levels, code.width << levels) != (1, clip.height, clip.width):
            what = f"{code.height}x{code.width} doubled {levels} times is not {clip.height}x{clip.width}"
            raise ShapeError(what, fix="use encoder: skip_vae with the same data.clip")
        self.ups, self.levels, given = nn.ModuleList(), nn.ModuleList(), code.channels
        for name in self.skips:
            width = latents[name].channels
            enlarged = nn.Upsample(scale_factor=2), nn.ZeroPad2d((0, 1, 0, 1))
            self.ups.append(nn.Sequential(*enlarged, nn.Conv2d(given, width, 2), nn.ReLU()))
            self.levels.append(DoubleConvolution(2 * width, 2 * width, norm=False))
            given = 2 * width
        self.last, self.color = nn.Conv2d(given, clip.channels * clip.target_frames, 1), clip.channels

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', 1, H', W') -> (B, C, T_out, H, W)."""
        found = latents["code"][:, :, 0]
        for name, up, level in zip(self.skips, self.ups, self.levels, strict=True):
            found = level(torch.cat([up(found), latents[name][:, :, 0]], dim=1))
        frames = self.last(found)
        frames = frames.tanh() if self.output == "tanh" else 2 * functional.relu(frames) - 1
        return frames.unflatten(1, (-1, self.color)).transpose(1, 2)
