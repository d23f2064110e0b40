"""The paper's pipeline written plainly: eager, contiguous float32, nothing tuned. `plain.py` compares vadkit with it.

ITAE is Table 1. The flows are those of section 3.3, with the blocks of normflows. The scores are Eq. 12 and 13.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from normflows.flows import GlowBlock
from normflows.flows.reshape import Squeeze
from pytorch_msssim import ms_ssim
from torch import Tensor, nn
from torch.nn import functional

WINDOW = 3  # pixels, of MS-SSIM; it allows frames of 64 pixels and more


def block(inputs: int, outputs: int, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    padding = tuple(side // 2 for side in kernel)
    convolution = nn.Conv3d(inputs, outputs, kernel, stride, padding)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU())


def up(inputs: int, outputs: int, stride: tuple[int, int, int]) -> nn.Sequential:
    """Transposed convolution, batch norm, ReLU."""
    grow = tuple(each - 1 for each in stride)
    convolution = nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, grow)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU())


class PlainITAE(nn.Module):
    """Table 1: two encoders with a lateral after conv1, and a decoder of both latents."""

    def __init__(self) -> None:
        super().__init__()
        down, keep = (1, 2, 2), (1, 1, 1)
        self.static = nn.ModuleList(
            [
                block(1, 96, (1, 3, 3), down),
                block(192, 128, (1, 3, 3), down),
                block(128, 256, (3, 3, 3), keep),
                block(256, 256, (3, 3, 3), keep),
            ]
        )
        self.dynamic = nn.ModuleList(
            [
                block(1, 12, (5, 3, 3), down),
                block(12, 16, (3, 3, 3), down),
                block(16, 32, (3, 3, 3), keep),
                block(32, 32, (3, 3, 3), keep),
            ]
        )
        self.lateral = block(12, 96, (5, 1, 1), (4, 1, 1))
        self.fusion = block(32, 256, (5, 1, 1), (4, 1, 1))
        self.decoder = nn.Sequential(
            up(512, 256, (1, 1, 1)), up(256, 128, (2, 2, 2)), up(128, 96, (2, 2, 2)), nn.ConvTranspose3d(96, 1, 3, 1, 1)
        )

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 1, 16, H, W) -> static and dynamic latents, and the frames."""
        static, dynamic = clips[:, :, ::4], clips
        for index in range(4):
            static, dynamic = self.static[index](static), self.dynamic[index](dynamic)
            if index == 0:
                static = torch.cat([static, self.lateral(dynamic)], 1)
        return static, dynamic, torch.tanh(self.decoder(torch.cat([static, self.fusion(dynamic)], 1)))


class PlainFlow(nn.Module):
    """Section 3.3: 32 steps of Glow on maps, one squeeze, a standard normal prior."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = Squeeze()
        self.blocks = nn.ModuleList(
            GlowBlock(4 * channels, 512, scale_map="sigmoid", split_mode="channel") for _ in range(32)
        )
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        self.register_buffer("shift", torch.zeros(channels, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) negative log-likelihood, nats."""
        mean, std, shift = cast("tuple[Tensor, Tensor, Tensor]", (self.mean, self.std, self.shift))
        z = (maps + shift - mean) / std
        log_det = -maps.shape[2] * maps.shape[3] * std.log().sum()
        z, _ = self.squeeze.inverse(z)
        for each in self.blocks:
            z, change = each.inverse(z)  # pyright: ignore[reportCallIssue]
            log_det = log_det + change
        return 0.5 * (z.square() + torch.log(torch.tensor(2 * torch.pi))).flatten(1).sum(1) - log_det


class Plain(nn.Module):
    """The pipeline: clips (B, 1, 16, H, W) -> patch errors (B, 16) and likelihoods (B, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.itae, self.flows = PlainITAE(), nn.ModuleDict({"static": PlainFlow(3), "dynamic": PlainFlow(2)})

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        static, dynamic, output = self.itae(clips)
        error = (output - clips).abs().mean(1)
        patches = functional.avg_pool2d(error, 16, 4).amax((2, 3))  # Eq. 12
        total: Any = 0.0
        for name, latent in (("static", static), ("dynamic", dynamic)):
            maps = torch.stack([latent.amax(1), latent.mean(1)], 2)
            if name == "static":
                frames = clips[:, 0, ::4]
                small = functional.interpolate(frames, latent.shape[-2:], mode="area")
                maps = torch.cat([maps, small[:, :, None]], 2)
            nll = self.flows[name](maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
            total = total + nll.repeat_interleave(16 // nll.shape[1], 1)
        return patches, total


def plain_loss(model: PlainITAE, clips: Tensor) -> Tensor:
    """The training loss of the paper: intensity, MS-SSIM and gradient."""
    output = model(clips)[2]
    frames, truth = (each.transpose(1, 2).flatten(0, 1) for each in (output, clips))
    similarity = ms_ssim((frames + 1) / 2, (truth + 1) / 2, data_range=1.0, win_size=WINDOW)

    def gradients(images: Tensor) -> tuple[Tensor, Tensor]:
        return (images[..., 1:] - images[..., :-1]).abs(), (images[..., 1:, :] - images[..., :-1, :]).abs()

    edges = [(one - other).abs().mean() for one, other in zip(gradients(frames), gradients(truth), strict=True)]
    return (output - clips).square().mean() + 1 - similarity + torch.stack(edges).sum()
