"""What a component is built with and fed: a clip's geometry and what lies around it, small enough for a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import PositiveInt

from vadkit.core.values import ClipSpec, FeatureSpec, LatentSpec
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.markers import ClipForm, Kind, Written

Sizes = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]


CLIP = ClipSpec(16, 32, 48, "gray")


@dataclass(frozen=True, slots=True)
class Toy:
    """The surroundings of a component under test, written under `toy` beside its keys.

    Attributes:
        clip: geometry of a clip, as `data.clip` in a recipe.
        behind: the encoder that gives the latents of a decoder, bottleneck or feature. A decoder stands behind
            an encoder of its own plugin if nothing is said.
        through: the bottleneck between that encoder and a decoder.
        latents: name -> C', T', H', W' of latents that no encoder gives; if nothing is said, `static` and `dynamic`
            of a quarter of the frame's size, as ITAE gives them.
        feature: shape of the sample that a density sees, (C, H, W) or (C,).
        root: folder of a data set.
        epochs: passes over 192 samples for a density that is trained by gradients.
    """

    clip: Annotated[ClipSpec, Written(ClipForm)] = CLIP
    behind: Annotated[ComponentConfig, Kind("encoder")] | None = None
    through: Annotated[ComponentConfig, Kind("bottleneck")] | None = None
    latents: Mapping[str, Sizes] = field(default_factory=dict[str, Sizes])
    feature: tuple[PositiveInt, ...] = (2, 8, 8)
    root: Path | None = None
    epochs: PositiveInt = 4

    @property
    def specs(self) -> Mapping[str, LatentSpec]:
        """The latents that no encoder gives."""
        if self.latents:
            return {name: LatentSpec(*sizes) for name, sizes in self.latents.items()}
        frames, height, width = self.clip.input_frames, max(self.clip.height // 4, 1), max(self.clip.width // 4, 1)
        few = frames // 4 if frames % 4 == 0 else frames
        return {"static": LatentSpec(8, few, height, width), "dynamic": LatentSpec(4, frames, height, width)}

    @property
    def sample(self) -> FeatureSpec:
        """What a density sees."""
        return FeatureSpec(self.feature, 4)
