"""Correct toy modules, and variants with one fault each, which the conformance kit must find."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import (
    Bottleneck,
    BottleneckOutput,
    ClipOutputs,
    ClipSpec,
    Decoder,
    DensityModel,
    Encoder,
    Feature,
    FeatureSource,
    FeatureSpec,
    FitContext,
    LatentSpec,
    Loss,
    ShapeError,
)


class HonestEncoder(Encoder, nn.Module):
    """Pools and convolves."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        self.conv = nn.Conv3d(clip.channels, 4, 3, padding=1)
        self.latents = {"code": LatentSpec(4, clip.input_frames, clip.height // 2, clip.width // 2)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"code": self.conv(functional.avg_pool3d(clips, (1, 2, 2)))}


class PlacesEncoder(HonestEncoder):
    """Also returns integers, such as the indices of max pooling."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.latents = {"code": self.latents["code"], "places": self.latents["code"]}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        code = super().forward(clips)["code"]
        return {"code": code, "places": (code > 0).long()}


class LyingEncoder(HonestEncoder):
    """Declares one channel more than it returns."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.latents = {"code": LatentSpec(5, clip.input_frames, clip.height // 2, clip.width // 2)}


class PositionalEncoder(HonestEncoder):
    """A key that is not keyword-only.

    Args:
        clip: geometry of a clip.
        width: not used.
    """

    def __init__(self, clip: ClipSpec, width: int = 4) -> None:
        super().__init__(clip)
        self.width = width


class OpenEncoder(HonestEncoder):
    """Accepts any keyword."""

    def __init__(self, clip: ClipSpec, **keys: int) -> None:
        super().__init__(clip)
        self.keys = keys


class SilentEncoder(HonestEncoder):
    """A key without a help text."""

    def __init__(self, clip: ClipSpec, *, secret: int = 1) -> None:
        super().__init__(clip)
        self.secret = secret


class RefusingEncoder(HonestEncoder):
    """Cannot be built."""

    def __init__(self, clip: ClipSpec) -> None:
        raise ValueError("always fails")


class IdleEncoder(HonestEncoder):
    """An unused parameter."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.idle = nn.Parameter(torch.ones(3))


class MixingEncoder(HonestEncoder):
    """Subtracts the mean of the batch."""

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return super().forward(clips - 0.5 * clips.mean(0, keepdim=True))


class RestlessEncoder(HonestEncoder):
    """Adds noise also in evaluation."""

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return super().forward(clips + 0.1 * torch.randn(clips.shape))


class GamblingEncoder(HonestEncoder):
    """Weights from NumPy's generator, which ignores torch's seed."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.conv.bias.data.fill_(float(np.random.default_rng().random()))  # pyright: ignore


class NoisyTrainingEncoder(HonestEncoder):
    """Noise from NumPy's generator, which ignores torch's seed."""

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        noise = float(np.random.default_rng().random()) if self.training else 0.0
        return super().forward(clips + noise)


class StrayEncoder(HonestEncoder):
    """A tensor that .to(device) does not move."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.scale = torch.ones(clip.width // 2)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"code": super().forward(clips)["code"] * self.scale}


class ForgetfulEncoder(HonestEncoder):
    """A random factor that is not part of its state."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.factor = float(torch.rand(()))

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"code": super().forward(clips)["code"] * self.factor}


class SingleEncoder(HonestEncoder):
    """A hard-coded dtype."""

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return super().forward(clips.float())


class CoarseEncoder(HonestEncoder):
    """A difference of large numbers, which bfloat16 cannot represent."""

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        code = super().forward(clips)["code"]
        return {"code": (code + 1000) - 1000}


class DividingEncoder(HonestEncoder):
    """Divides by the standard deviation of a clip."""

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return super().forward(clips / (clips.amax((1, 2, 3, 4), True) - clips.amin((1, 2, 3, 4), True)))


class RigidEncoder(HonestEncoder):
    """Accepts any clip, but works only for gray ones."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.conv = nn.Conv3d(1, 4, 3, padding=1)


class BatchEncoder(HonestEncoder):
    """Needs two clips in a batch in training."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.norm = nn.BatchNorm1d(1, affine=False)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {
            "code": super().forward(clips)["code"]
            + self.norm(clips.mean((1, 2, 3, 4))[:, None])[:, :, None, None, None]
        }


class PlainEncoder(Encoder):
    """Not a torch.nn.Module."""

    def __init__(self, clip: ClipSpec) -> None:
        self.latents = {"code": LatentSpec(1, clip.input_frames, clip.height, clip.width)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"code": clips}


class HonestDecoder(Decoder, nn.Module):
    """Enlarges `code`."""

    def __init__(self, latents: Mapping[str, LatentSpec], clip: ClipSpec) -> None:
        super().__init__()
        if "code" not in latents:
            raise ShapeError(f"needs a latent 'code'; the encoder gives {', '.join(latents)}")
        self.size = (clip.target_frames, clip.height, clip.width)
        self.conv = nn.Conv3d(latents["code"].channels, clip.channels, 1)

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        return functional.interpolate(self.conv(latents["code"]), self.size)


class RudeDecoder(HonestDecoder):
    """Fails with a KeyError for unknown latents."""

    def __init__(self, latents: Mapping[str, LatentSpec], clip: ClipSpec) -> None:
        super().__init__({"code": latents["code"]}, clip)


class HonestBottleneck(Bottleneck, nn.Module):
    """A gate with a loss and a score."""

    def __init__(self, latents: Mapping[str, LatentSpec]) -> None:
        super().__init__()
        self.gates = nn.ParameterDict({name: torch.ones(spec.channels, 1, 1, 1) for name, spec in latents.items()})

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        passed = {name: latent * self.gates[name] for name, latent in latents.items()}
        losses = {name: latent.abs().mean() for name, latent in passed.items()}
        return BottleneckOutput(passed, losses, {"size": passed["static"].abs().mean((1, 3, 4))})


class ListingBottleneck(HonestBottleneck):
    """Returns a loss for each clip instead of one number."""

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        out = super().forward(latents)
        return BottleneckOutput(out.latents, {"size": out.latents["static"].mean((1, 2, 3, 4))})


class RenamingBottleneck(HonestBottleneck):
    """Renames `static` to `code`."""

    def __init__(self, latents: Mapping[str, LatentSpec]) -> None:
        super().__init__(latents)
        self.latents = {"code": latents["static"]}

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        out = super().forward(latents)
        return BottleneckOutput({"code": out.latents["static"]}, out.losses, out.scores)


class MemoryBottleneck(HonestBottleneck):
    """Adds the mean of the earlier clips of the video."""

    stateful = "adds the mean of earlier clips"
    seen = 0.0

    def reset(self) -> None:
        self.seen = 0.0

    def update(self, out: ClipOutputs) -> None:
        self.seen += float(out.latents["static"].mean())

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        out = super().forward(latents)
        return BottleneckOutput({name: each + self.seen for name, each in out.latents.items()}, out.losses, out.scores)


class StubbornBottleneck(MemoryBottleneck):
    """Has a reset without effect."""

    def reset(self) -> None:
        """Do nothing."""


class SecretBottleneck(MemoryBottleneck):
    """Has a memory, but no `stateful`."""

    stateful = ""


class HonestFeature(Feature, nn.Module):
    """Frames at a small size."""

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec]) -> None:
        super().__init__()
        self.spec = FeatureSpec((clip.channels, 4, 6), clip.input_frames)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        return functional.interpolate(clips.transpose(1, 2).flatten(0, 1), (4, 6)).unflatten(0, (len(clips), -1))


class LyingFeature(HonestFeature):
    """Declares half of its samples."""

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec]) -> None:
        super().__init__(clip, latents)
        self.spec = FeatureSpec((clip.channels, 4, 6), 1)


class HonestDensity(DensityModel, nn.Module):
    """Independent normal distributions, an invertible map to a standard normal prior."""

    mean: Tensor
    std: Tensor

    def __init__(self, feature: FeatureSpec) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(feature.dimensions))
        self.register_buffer("std", torch.ones(feature.dimensions))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        values = torch.cat(list(features.batches(64))).flatten(1)
        self.mean.copy_(values.mean(0))
        self.std.copy_(values.std(0))

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        z = (features.flatten(1) - self.mean) / self.std
        return z, -self.std.log().sum().expand(len(z))

    def forward(self, features: Tensor) -> Tensor:
        z = (features.flatten(1) - self.mean) / self.std
        return 0.5 * (z.square() + math.log(2 * math.pi)).sum(1) + self.std.log().sum()


class SecretTrainee(HonestDensity):
    """Trains by gradients, but needs_fit is False."""

    def __init__(self, feature: FeatureSpec) -> None:
        super().__init__(feature)
        self.shift = nn.Parameter(torch.zeros(feature.dimensions))

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        return None

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        super().fit(features, context)
        context.fit(self, features)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.flatten(1) + self.shift)


class DeafDensity(HonestDensity):
    """Ignores its input."""

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        return None

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(self.mean.expand(len(features), -1))


class UnscaledDensity(HonestDensity):
    """Omits the scaling of the feature."""

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        return None

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) - self.std.log().sum()


class LyingFlow(HonestDensity):
    """Returns a wrong log-determinant."""

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        found = super().latent(features)
        assert found
        return found[0], found[1] + 0.5


class LyingMap(HonestDensity):
    """Divides only a part of its likelihood among the places."""

    def nll_map(self, features: Tensor) -> Tensor | None:
        return self(features)[:, None, None].expand(-1, *features.shape[2:]) / features.shape[2:].numel() * 0.9


class HonestLoss(Loss, nn.Module):
    """Squared error."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()

    def forward(self, out: ClipOutputs) -> Tensor:
        assert out.output is not None
        return functional.mse_loss(out.output, out.target)


class NegativeLoss(HonestLoss):
    """A similarity as a loss."""

    def forward(self, out: ClipOutputs) -> Tensor:
        return -super().forward(out)


class RootLoss(HonestLoss):
    """A root without an epsilon."""

    def forward(self, out: ClipOutputs) -> Tensor:
        return super().forward(out).sqrt()


class DetachedLoss(HonestLoss):
    """Detaches the output."""

    def forward(self, out: ClipOutputs) -> Tensor:
        return super().forward(out).detach()


class HangingLoss(HonestLoss):
    """Never ends, and swallows ordinary exceptions.

    Args:
        clip: geometry of a clip.
        built: hang in the constructor instead.
    """

    def __init__(self, clip: ClipSpec, *, built: bool = False) -> None:
        super().__init__(clip)
        if built:
            self.forward(None)

    def forward(self, out: ClipOutputs | None) -> Tensor:
        while True:
            try:
                threading.Event().wait(100)
            except Exception:  # noqa: S112 - it must not end
                continue


class NormalOnly(HonestLoss):
    """Reads a tag, and divides by the number of clips without it."""

    tags = ("odd",)

    def forward(self, out: ClipOutputs) -> Tensor:
        return super().forward(out.select(out.tags["odd"] == 0) if out.tags else out)


class HonestCritic(Loss, nn.Module):
    """A discriminator with one weight for each channel."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        self.judge = nn.Linear(clip.channels, 1)

    def rated(self, frames: Tensor) -> Tensor:
        return self.judge(frames.square().mean((2, 3, 4)))

    def forward(self, out: ClipOutputs) -> Tensor:
        assert out.output is not None
        return functional.softplus(-self.rated(out.output)).mean()

    def critic(self, out: ClipOutputs) -> Tensor | None:
        assert out.output is not None
        return (functional.softplus(self.rated(out.output)) + functional.softplus(-self.rated(out.target))).mean()


class LazyCritic(HonestCritic):
    """A critic that uses only some of its parameters."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__(clip)
        self.second = nn.Linear(2, 2)


class StrangeCritic(HonestLoss):
    """A critic without parameters."""

    def critic(self, out: ClipOutputs) -> Tensor | None:
        return out.target.mean()
