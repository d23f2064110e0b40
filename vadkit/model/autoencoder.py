"""Joins an encoder, perhaps a bottleneck, and a decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vadkit.core.contracts import Bottleneck, Decoder, Encoder, Loss
from vadkit.core.errors import ShapeError
from vadkit.core.values import BottleneckOutput, ClipOutputs, ClipSpec


class Autoencoder(nn.Module):
    """Encoder, optional bottleneck, decoder.

    Args:
        clip: geometry of a clip.
        encoder: sees the clip's input frames.
        decoder: gives its target frames.
        bottleneck: between the two.
    """

    def __init__(
        self, clip: ClipSpec, encoder: Encoder, decoder: Decoder, bottleneck: Bottleneck | None = None
    ) -> None:
        super().__init__()
        self.clip = clip
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder
        for parameter in self.parameters():
            if parameter.dim() == 5:  # 3-D convolutions run faster so, above all in bfloat16 on a CPU
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)

    def encode(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> the encoder's latents, before any bottleneck."""
        start, stop = self.clip.input
        given = clips[:, :, start:stop].contiguous(memory_format=torch.channels_last_3d)
        return self.encoder(given)  # pyright: ignore[reportCallIssue]

    def code(self, clips: Tensor) -> tuple[dict[str, Tensor], BottleneckOutput]:
        """(B, C, T, H, W) -> latents before and after the bottleneck; without one they are the same."""
        latents = self.encode(clips)
        if self.bottleneck is None:
            return latents, BottleneckOutput(latents)
        return latents, self.bottleneck(latents)  # pyright: ignore[reportCallIssue]

    def forward(self, clips: Tensor) -> tuple[dict[str, Tensor], BottleneckOutput, Tensor]:
        """(B, C, T, H, W) -> latents, the bottleneck's output, frames (B, C, T_out, H, W).

        Raises:
            ShapeError: the decoder gives another shape than the clip's target.
        """
        latents, passed = self.code(clips)
        output: Tensor = self.decoder(passed.latents)  # pyright: ignore[reportCallIssue]
        wanted = target_of(clips, self.clip).shape
        if output.shape != wanted:
            raise ShapeError(
                f"gives {tuple(output.shape)}, but the target is {tuple(wanted)}",
                where="model.decoder",
                fix="change data.clip.target, or the decoder",
            )
        return latents, passed, output


class Terms(NamedTuple):
    """Losses of one step, each (); a critic's loss is for the parameters that its `Loss` owns.

    The losses are computed when they are asked for: after the critics' own step, with their new parameters.
    """

    losses: Callable[[], dict[str, Tensor]]
    critics: dict[str, Tensor]


class TrainingStep(nn.Module):
    """The autoencoder with its losses: clips in, every loss out.

    Args:
        autoencoder: what is trained.
        losses: name, weight and loss of each term.
    """

    def __init__(self, autoencoder: Autoencoder, losses: Sequence[tuple[str, float, Loss]]) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.names = [name for name, _, _ in losses]
        self.weights = [weight for _, weight, _ in losses]
        self.losses = nn.ModuleList(loss for _, _, loss in losses)  # pyright: ignore[reportArgumentType]

    def forward(self, clips: Tensor) -> Terms:
        """(B, C, T, H, W) -> the terms of the autoencoder's loss, and its critics' own."""
        latents, passed, output = self.autoencoder(clips)
        out = ClipOutputs(
            spec=self.autoencoder.clip,
            clips=clips,
            target=target_of(clips, self.autoencoder.clip),
            output=output.float(),
            latents=latents,
            scores=passed.scores,
        )

        def losses() -> dict[str, Tensor]:
            with torch.autocast(clips.device.type, enabled=False):  # MS-SSIM's windows need float32
                named = zip(self.names, self.weights, self.losses, strict=True)
                terms = {name: weight * loss(out) for name, weight, loss in named}
            return terms | {f"bottleneck/{name}": loss for name, loss in passed.losses.items()}

        with torch.autocast(clips.device.type, enabled=False):
            detached = _detached(out)
            critics = {
                name: critic
                for name, loss in zip(self.names, self.losses, strict=True)
                if (critic := loss.critic(detached)) is not None  # pyright: ignore[reportCallIssue]
            }
        return Terms(losses, critics)


def _detached(out: ClipOutputs) -> ClipOutputs:
    """The same, cut off from the model: a critic's loss must not reach it."""
    assert out.output is not None
    latents = {name: latent.detach() for name, latent in out.latents.items()}
    scores = {name: score.detach() for name, score in out.scores.items()}
    return replace(out, output=out.output.detach(), latents=latents, scores=scores)


def target_of(clips: Tensor, spec: ClipSpec) -> Tensor:
    """(B, C, T, H, W) -> the frames that must come out, (B, C, T_out, H, W)."""
    return clips[:, :, spec.target[0] : spec.target[1]]
