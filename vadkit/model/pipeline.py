"""Everything that turns clips into outputs, frozen: autoencoder, features, densities."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from vadkit.core.contracts import DensityModel, Feature
from vadkit.core.errors import ShapeError
from vadkit.core.values import ClipOutputs, ClipSpec
from vadkit.model.autoencoder import Autoencoder, target_of


class Pipeline(nn.Module):
    """What scoring runs. Always in eval mode and without gradients.

    Args:
        clip: geometry of a clip.
        autoencoder: None for densities on raw frames alone.
        densities: name -> the feature and the density that sees it.
        decode: whether the output is needed at all; without it only encoder and bottleneck run. A
            model whose scores depend on the order of frames always decodes.
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
        """Stay in eval mode, whoever asks."""
        del mode
        return super().train(False)

    @property
    def stateful(self) -> str:
        """Why scores depend on the order of a video's frames; empty if they do not."""
        bottleneck = self.autoencoder.bottleneck if self.autoencoder is not None else None
        return bottleneck.stateful if bottleneck is not None else ""

    def reset(self) -> None:
        """A video begins: forget what earlier clips left."""
        if self.autoencoder is not None and self.autoencoder.bottleneck is not None:
            self.autoencoder.bottleneck.reset()

    def update(self, out: ClipOutputs) -> None:
        """One clip of a video is scored: let the bottleneck see it before the next one."""
        if self.autoencoder is not None and self.autoencoder.bottleneck is not None:
            self.autoencoder.bottleneck.update(out)

    def forward(self, clips: Tensor) -> ClipOutputs:
        """(B, C, T, H, W) -> outputs, likelihoods among them."""
        latents: dict[str, Tensor] = {}
        scores: Mapping[str, Tensor] = {}
        output = None
        if self.autoencoder is not None:
            if self.decode:
                latents, passed, output = self.autoencoder(clips)
            else:
                latents, passed = self.autoencoder.code(clips)
            scores = passed.scores
        nll: dict[str, Tensor] = {}
        for name, feature, density in zip(self.names, self.features, self.densities, strict=True):
            samples = features_of(feature, clips, latents, self.clip)  # (B, T', ...)
            given = density(samples.flatten(0, 1))
            expect_nll(f"densities.{name}", given, samples.shape[0] * samples.shape[1])
            nll[name] = given.unflatten(0, samples.shape[:2]).float()
        target = target_of(clips, self.clip)
        return ClipOutputs(self.clip, clips, target, output, latents, nll, scores)


def expect_nll(where: str, given: object, samples: int) -> None:
    """Refuse what a density gives unless it is one number a sample.

    Raises:
        ShapeError: it is no tensor (N,).
    """
    found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
    if found != (samples,):
        raise ShapeError(
            f"gives {found} for {samples} samples, but a negative log-likelihood is ({samples},)",
            where=where,
            fix="a fault of the component",
        )


def features_of(feature: nn.Module, clips: Tensor, latents: Mapping[str, Tensor], clip: ClipSpec) -> Tensor:
    """What a density sees of clips (B, C, T, H, W): (B, T', *shape)."""
    return feature(clips[:, :, clip.input[0] : clip.input[1]], latents)
