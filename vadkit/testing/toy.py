"""The toy surroundings of a component under test: clip geometry, latents and samples, small enough for a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import PositiveInt

from vadkit.core.values import ClipSpec, FeatureSpec, Grid, LatentSpec
from vadkit.recipe.clip_section import ClipForm
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.grammar import Kind, Section, Written

Sizes = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]
_CLIP = ClipSpec(16, 32, 48, "gray")


@dataclass(frozen=True, slots=True)
class Toy(Section):
    """The toy surroundings of a component under test, written under `toy` next to its keys.

    Attributes:
        clip: geometry of a clip, as `data.clip` in a recipe.
        encoder: the encoder that provides the latents for a decoder, bottleneck or feature. By default, a decoder
            gets the latents of an encoder of its plugin.
        bottleneck: the bottleneck between that encoder and a decoder.
        latents: name -> C', T', H', W' of random latents, without an encoder. By default `static` and `dynamic`
            with a quarter of the frame's size, as those of ITAE.
        sample_shape: shape of a density's sample, (C, H, W) or (C,).
        places: rows and columns of the places that the samples of a density describe, and of the likelihoods that a
            scorer gets. None for samples that describe complete frames.
        position: the last two values of a sample are the row and the column of its place.
        root: folder of a data set.
        epochs: passes over 192 samples, for a density that is trained by gradients.

    Example:
        >>> Toy(latents={"code": (8, 4, 8, 12)}).specs["code"].shape
        (8, 4, 8, 12)
    """

    clip: Annotated[ClipSpec, Written(ClipForm)] = _CLIP
    encoder: Annotated[ComponentConfig, Kind("encoder")] | None = None
    bottleneck: Annotated[ComponentConfig, Kind("bottleneck")] | None = None
    latents: Mapping[str, Sizes] = field(default_factory=dict[str, Sizes])
    sample_shape: tuple[PositiveInt, ...] = (2, 8, 8)
    places: tuple[PositiveInt, PositiveInt] | None = None
    position: bool = False
    root: Path | None = None
    epochs: PositiveInt = 4

    @property
    def specs(self) -> Mapping[str, LatentSpec]:
        """Specs of the random latents."""
        if self.latents:
            return {name: LatentSpec(*sizes) for name, sizes in self.latents.items()}
        frames, height, width = self.clip.input_frames, max(self.clip.height // 4, 1), max(self.clip.width // 4, 1)
        few = frames // 4 if frames % 4 == 0 else frames
        return {"static": LatentSpec(8, few, height, width), "dynamic": LatentSpec(4, frames, height, width)}

    @property
    def sample(self) -> FeatureSpec:
        """Spec of a density's samples."""
        grid = Grid.even(*self.places, self.clip.height, self.clip.width) if self.places else None
        return FeatureSpec(self.sample_shape, 4, grid=grid, position=self.position)
