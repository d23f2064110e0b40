"""Who crosses the walkway, how fast, and where they are at a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vadkit_datasets.walkway.bodies import BODIES, Look
from vadkit_datasets.walkway.shapes import Part

PACES: Mapping[str, tuple[float, float]] = {
    "bicycle": (0.10, 0.14),
    "van": (0.08, 0.12),
    "runner": (0.1, 0.13),
    "bag": (0.10, 0.13),
    "skateboard": (0.08, 0.11),
    "cart": (0.07, 0.10),
    "wrong_way": (0.036, 0.05),
}
"""Kind of anomaly -> its slowest and fastest pace, heights a frame; walking is `WALK`."""

WALK = (0.026, 0.05)


@dataclass(frozen=True, slots=True)
class Actor:
    """One actor and its straight way. Lengths are units of 1/64 of the picture's height.

    Attributes:
        kind: "walker", or a key of `PACES`.
        look: clothes and gait.
        height: standing height.
        x: of the feet at frame `start`.
        y: of the feet, from the top: the depth that orders the painting.
        speed: units a frame, positive to the right.
        start: frame at which it is at `x`.
    """

    kind: str
    look: Look
    height: float
    x: float
    y: float
    speed: float
    start: float

    @property
    def facing(self) -> int:
        """1 to the right, -1 to the left."""
        return 1 if self.speed > 0 else -1

    def at(self, frame: int) -> float:
        """Where the feet are, from the left."""
        return self.x + self.speed * (frame - self.start)

    def parts(self, frame: int) -> list[Part]:
        """Its body, in its own units, as it is at a frame."""
        way = abs(self.speed) * (frame - self.start) / self.height
        return BODIES[self.kind](self.look, way)
