"""The section `data.mask`."""

from __future__ import annotations

from dataclasses import dataclass

from vadkit.core.errors import VadkitError
from vadkit.core.values import Probability, WeightsFile
from vadkit.recipe.grammar import Section

Polygon = tuple[tuple[Probability, Probability], ...]


@dataclass(frozen=True, slots=True)
class Mask(Section):
    """`data.mask`: regions of the picture that are left out of training, scoring and anomaly maps.

    Attributes:
        image: an image file with the proportions of the videos. Its white pixels are left out.
        polygons: lists of corners `[x, y]`, as shares of the width and height of the picture: `[0, 0]` is the upper
            left corner and `[1, 1]` the lower right corner. The inside of each polygon is left out.
    """

    image: WeightsFile | None = None
    polygons: tuple[Polygon, ...] = ()

    def __post_init__(self) -> None:
        if self.image is None and not self.polygons:
            fix = "give 'image: FILE', 'polygons: [[[x, y], [x, y], [x, y]]]', or both"
            raise VadkitError("a mask needs an image or polygons", fix=fix)
        if small := [len(corners) for corners in self.polygons if len(corners) < 3]:
            raise VadkitError(f"a polygon has at least 3 corners, but one has {small[0]}")
