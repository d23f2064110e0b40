"""The autoencoder (encoder, optional bottleneck and decoder) and its training step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vadkit.core.contracts import Bottleneck, Decoder, Encoder, Loss
from vadkit.core.errors import ShapeError, class_of
from vadkit.core.values import BottleneckOutput, ClipOutputs, ClipSpec
from vadkit.video.clips import Batch


class Autoencoder(nn.Module):
    """Encoder, optional bottleneck, decoder. Without a decoder, it is an encoder that is not trained.

    Args:
        clip: geometry of a clip.
        encoder: maps the clip's input frames to latents.
        decoder: maps latents to the clip's target frames; None freezes the encoder.
        bottleneck: transforms the latents between encoder and decoder.
    """

    def __init__(
        self, clip: ClipSpec, encoder: Encoder, decoder: Decoder | None, bottleneck: Bottleneck | None = None
    ) -> None:
        super().__init__()
        self.clip = clip
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder
        for parameter in self.parameters():
            if parameter.dim() == 5:  # faster 3-D convolutions, above all in bfloat16 on a CPU
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
        if decoder is None:
            self.requires_grad_(False)

    def encode(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> the encoder's latents, before the bottleneck."""
        start, stop = self.clip.input
        frames = clips[:, :, start:stop].contiguous(memory_format=torch.channels_last_3d)
        return self.encoder(frames)  # pyright: ignore[reportCallIssue]

    def compress(self, clips: Tensor) -> tuple[dict[str, Tensor], BottleneckOutput]:
        """(B, C, T, H, W) -> the latents before the bottleneck, and the bottleneck's output.

        Without a bottleneck, its output holds the same latents.
        """
        latents = self.encode(clips)
        if self.bottleneck is None:
            return latents, BottleneckOutput(latents)
        return latents, self.bottleneck(latents)  # pyright: ignore[reportCallIssue]

    def forward(self, clips: Tensor) -> tuple[dict[str, Tensor], BottleneckOutput, Tensor | None]:
        """(B, C, T, H, W) -> the encoder's latents, the bottleneck's output, frames (B, C, T_out, H, W).

        Without a decoder, there are no frames: None.

        Raises:
            ShapeError: the decoder's output does not have the shape of the clip's target.
        """
        latents, bottleneck_output = self.compress(clips)
        if self.decoder is None:
            return latents, bottleneck_output, None
        output: Tensor = self.decoder(bottleneck_output.latents)  # pyright: ignore[reportCallIssue]
        expected = target_frames(clips, self.clip).shape
        if output.shape != expected:
            raise ShapeError(
                f"gives {tuple(output.shape)}, but the target is {tuple(expected)}",
                where="model.decoder",
                fix="change data.clip.target, or the decoder",
            )
        return latents, bottleneck_output, output


class StepLosses(NamedTuple):
    """The losses of one step, each of shape ().

    Attributes:
        losses: computes the autoencoder's losses. The trainer calls it after the critics' own step, so that
            these losses see the critics' new parameters.
        critics: name of a loss -> the loss for the parameters that this `Loss` owns.
        inputs: part of the model -> the values that it gives to the losses, in the order of computation. If a loss is
            not finite, they show which part caused it.
    """

    losses: Callable[[], dict[str, Tensor]]
    critics: dict[str, Tensor]
    inputs: Mapping[str, Tensor] = {}


class TrainingStep(nn.Module):
    """The autoencoder with its losses: maps a batch of clips to every loss.

    Args:
        autoencoder: the model to train; it has a decoder.
        losses: name, weight and loss of each term.
    """

    def __init__(self, autoencoder: Autoencoder, losses: Sequence[tuple[str, float, Loss]]) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.names = [name for name, _, _ in losses]
        self.weights = [weight for _, weight, _ in losses]
        self.losses = nn.ModuleList(loss for _, _, loss in losses)  # pyright: ignore[reportArgumentType]
        self.places = [loss_place(number, name) for number, (name, _, _) in enumerate(losses)]

    def forward(self, batch: Batch) -> StepLosses:
        """Return the autoencoder's losses and the critics' losses."""
        clips = batch.clips
        latents, bottleneck_output, output = self.autoencoder(clips)
        assert output is not None  # only a model with a decoder is trained
        out = ClipOutputs(
            spec=self.autoencoder.clip,
            clips=clips,
            target=target_frames(clips, self.autoencoder.clip),
            output=output.float(),
            latents=latents,
            scores=bottleneck_output.scores,
            tags=batch.tags,
        )

        def losses() -> dict[str, Tensor]:
            with torch.autocast(clips.device.type, enabled=False):  # MS-SSIM's windows need float32
                named = zip(self.names, self.places, self.weights, self.losses, strict=True)
                terms = {name: weight * check_loss(place, loss(out)) for name, place, weight, loss in named}
            given = bottleneck_output.losses.items()
            return terms | {f"bottleneck/{name}": check_loss("model.bottleneck", loss) for name, loss in given}

        with torch.autocast(clips.device.type, enabled=False):
            detached = _detached(out)
            critics = {
                name: check_loss(f"{place}, 'critic'", critic)
                for name, place, loss in zip(self.names, self.places, self.losses, strict=True)
                if (critic := loss.critic(detached)) is not None  # pyright: ignore[reportCallIssue]
            }
        return StepLosses(losses, critics, self._inputs(latents, bottleneck_output, output))

    def _inputs(self, latents: Mapping[str, Tensor], passed: BottleneckOutput, output: Tensor) -> dict[str, Tensor]:
        model = self.autoencoder
        of = f"of the encoder {class_of(model.encoder)}"
        found = {f"the latent {name!r} {of}": each for name, each in latents.items()}
        if model.bottleneck is not None:
            of = f"of the bottleneck {class_of(model.bottleneck)}"
            found |= {f"the latent {name!r} {of}": each for name, each in passed.latents.items()}
        return found | {f"the output of the decoder {class_of(model.decoder)}": output}


def _detached(out: ClipOutputs) -> ClipOutputs:
    """Detach the outputs from the graph: gradients of a critic's loss must not reach the autoencoder."""
    assert out.output is not None
    latents = {name: latent.detach() for name, latent in out.latents.items()}
    scores = {name: score.detach() for name, score in out.scores.items()}
    return replace(out, output=out.output.detach(), latents=latents, scores=scores)


def loss_place(number: int, name: str) -> str:
    """Where a loss is in the recipe, for messages."""
    return f"model.losses.{number} ({name})"


def check_loss(where: str, value: object) -> Tensor:
    """Check that a loss is one number, and return it.

    Raises:
        ShapeError: it is not a tensor of shape ().
    """
    if not isinstance(value, Tensor) or value.shape != ():
        given = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        fix = "correct the component: return a tensor with one number, such as the mean of the errors"
        raise ShapeError(f"gives {given}, but a loss is one number", where=where, fix=fix)
    return value


def target_frames(clips: Tensor, spec: ClipSpec) -> Tensor:
    """(B, C, T, H, W) -> the frames that the decoder must give, (B, C, T_out, H, W)."""
    return clips[:, :, spec.target[0] : spec.target[1]]
