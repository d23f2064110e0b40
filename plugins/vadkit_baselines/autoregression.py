"""Latent space autoregression: a density of the code, trained jointly with the autoencoder.

Source: Abati, Porrello, Calderara and Cucchiara, "Latent space autoregression for novelty detection", CVPR 2019,
and its code (aimagelab/novelty-detection). The model minimizes the squared error summed over a sample plus the
negative log-likelihood of its code (weight 1 in the code). The score of a clip is the sum of both, each scaled to
[0, 1] within the video. A code has 64 numbers in [0, 1] per time step, in 100 bins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, LatentSpec, ShapeError
from vadkit_baselines.widths import needed


class Causal(nn.Module):
    """Masked stacked convolution (Eq. 7): number i of step t sees all earlier steps and the numbers before i in step t.

    The paper's kernel covers three steps, but the last one is always masked. This kernel covers two.
    With `own`, number i of step t is visible too, as in all layers except the first. A code has D numbers.
    """

    def __init__(self, code: int, given: int, width: int, *, own: bool) -> None:
        super().__init__()
        self.code = code
        self.layer = nn.Conv2d(given, code * width, (2, code))
        before = torch.ones(code, code).tril(0 if own else -1)  # (number, seen)
        mask = torch.stack([torch.ones(code, code), before], dim=1).repeat_interleave(width, 0)  # (D * width, 2, D)
        self.register_buffer("mask", mask.unsqueeze(1), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """(N, C, T', D) -> (N, width, T', D)."""
        weight = self.layer.weight * self.get_buffer("mask")
        found = functional.conv2d(functional.pad(codes, (0, 0, 1, 0)), weight, self.layer.bias)  # (N, D * width, T', 1)
        return found.squeeze(-1).unflatten(1, (self.code, -1)).permute(0, 2, 3, 1)


class Autoregressive(Bottleneck, nn.Module):
    """Autoregressive density of codes: the probability of each number given those before it.

    The code passes unchanged. Each number is classified into bins. Every position (H', W') of the latent is one
    sequence. Loss: `nll`, summed over the steps and numbers of a code, mean over positions and clips. Score: `nll`,
    one value per clip.

    Args:
        latents: name -> shape of each latent of the encoder; needs `code`, with numbers in [0, 1].
        channels: channels of the masked layers. A layer with one channel per bin follows.
        bins: number of bins in [0, 1].
        weight: weight of the loss (lambda of the paper). The paper adds it to the squared error summed over a sample,
            for pixels in [0, 1]: use the loss `l2` with the weight C * T * H * W / 4, one sample's numbers / 4.

    Example:
        >>> bottleneck = Autoregressive({"code": LatentSpec(6, 4, 1, 1)}, channels=(2,), bins=10).eval()
        >>> out = bottleneck({"code": torch.rand(3, 6, 4, 1, 1)})
        >>> out.latents["code"].shape, out.scores["nll"].shape
        (torch.Size([3, 6, 4, 1, 1]), torch.Size([3, 1]))
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        *,
        channels: Sequence[int] = (4, 4, 4, 4),
        bins: int = 100,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        code, layers, given = needed(latents, "code", "use the encoder lsa").channels, list[nn.Module](), 1
        if bins < 2 or any(width < 1 for width in channels):
            raise ShapeError("'bins' must be at least 2, and 'channels' positive")
        self.bins, self.weight = bins, weight
        for width in channels:
            layers += [Causal(code, given, width, own=bool(layers)), nn.LeakyReLU()]
            given = width
        self.net = nn.Sequential(*layers, Causal(code, given, bins, own=bool(layers)))

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """`code` (B, D, T', H', W') -> the same code, with loss and score."""
        with torch.autocast(latents["code"].device.type, enabled=False):
            code = latents["code"].float()
            rows = code.permute(0, 3, 4, 2, 1).flatten(1, 2)  # (B, H' * W', T', D)
            logits = self.net(rows.flatten(0, 1).unsqueeze(1))  # (B * H' * W', bins, T', D)
            hit = (rows.detach().flatten(0, 1) * self.bins).long().clamp(0, self.bins - 1)
            nll = functional.cross_entropy(logits, hit, reduction="none").sum((-2, -1))
            each = nll.unflatten(0, rows.shape[:2]).mean(1)  # (B,)
        loss = {"nll": self.weight * each.mean()} if self.training else {}
        return BottleneckOutput(dict(latents), loss, {"nll": each.detach().unsqueeze(1)})
