"""The frozen pipeline that turns clips into outputs: autoencoder, features, densities."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from vadkit.core.contracts import DensityModel, Feature
from vadkit.core.errors import ShapeError
from vadkit.core.values import ClipOutputs, ClipSpec
from vadkit.model.autoencoder import Autoencoder, target_frames


class Pipeline(nn.Module):
    """The modules that scoring runs, always in eval mode and without gradients.

    Args:
        clip: geometry of a clip.
        autoencoder: None if all densities use raw frames.
        densities: name -> the feature, and the density of its samples.
        decode: whether a scorer needs the decoder's output. If False, only encoder and bottleneck run. A
            stateful model always decodes.
    """

    def __init__(
        self,
        clip: ClipSpec,
        autoencoder: Autoencoder | None,
        densities: Mapping[str, tuple[Feature, DensityModel]],
        *,
        decode: bool,
    ) -> None:
        super().__init__()
        self.clip = clip
        self.autoencoder = autoencoder
        self.names = tuple(densities)  # not a ModuleDict: that refuses names such as "train" or "type"
        self.features = nn.ModuleList(feature for feature, _ in densities.values())  # pyright: ignore
        self.densities = nn.ModuleList(density for _, density in densities.values())  # pyright: ignore
        self.decode = decode or bool(self.stateful)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Pipeline:
        """Stay in eval mode for every `mode`."""
        del mode
        return super().train(False)

    @property
    def stateful(self) -> str:
        """The reason why scores depend on the order of a video's frames; empty if they do not."""
        bottleneck = self.autoencoder.bottleneck if self.autoencoder is not None else None
        return bottleneck.stateful if bottleneck is not None else ""

    def reset(self) -> None:
        """Clear the bottleneck's state at the start of a video."""
        if self.autoencoder is not None and self.autoencoder.bottleneck is not None:
            self.autoencoder.bottleneck.reset()

    def update(self, out: ClipOutputs) -> None:
        """Update the bottleneck's state with the clip that was just scored."""
        if self.autoencoder is not None and self.autoencoder.bottleneck is not None:
            self.autoencoder.bottleneck.update(out)

    def forward(self, clips: Tensor) -> ClipOutputs:
        """(B, C, T, H, W) -> outputs, with the negative log-likelihood of every density."""
        latents: dict[str, Tensor] = {}
        scores: Mapping[str, Tensor] = {}
        output = None
        if self.autoencoder is not None:
            if self.decode:
                latents, bottleneck_output, output = self.autoencoder(clips)
            else:
                latents, bottleneck_output = self.autoencoder.compress(clips)
            scores = bottleneck_output.scores
        nll: dict[str, Tensor] = {}
        for name, feature, density in zip(self.names, self.features, self.densities, strict=True):
            samples = extract_features(feature, clips, latents, self.clip)  # (B, T', ...)
            values = density(samples.flatten(0, 1))
            check_nll(f"densities.{name}", values, samples.shape[0] * samples.shape[1])
            nll[name] = values.unflatten(0, samples.shape[:2]).float()
        target = target_frames(clips, self.clip)
        return ClipOutputs(self.clip, clips, target, output, latents, nll, scores)


def check_nll(where: str, nll: object, samples: int) -> None:
    """Check that a density gives one number for each sample.

    Raises:
        ShapeError: `nll` is not a tensor (N,).
    """
    shape = tuple(nll.shape) if isinstance(nll, Tensor) else type(nll).__name__
    if shape != (samples,):
        raise ShapeError(
            f"gives {shape} for {samples} samples, but a negative log-likelihood is ({samples},)",
            where=where,
            fix="correct the component's forward",
        )


def extract_features(feature: nn.Module, clips: Tensor, latents: Mapping[str, Tensor], clip: ClipSpec) -> Tensor:
    """Clips (B, C, T, H, W) and latents -> the samples of a density, (B, T', *shape)."""
    return feature(clips[:, :, clip.input[0] : clip.input[1]], latents)
