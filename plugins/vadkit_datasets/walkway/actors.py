"""The actors who cross the walkway, their speed, and their position at a frame."""

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
"""Kind of anomaly -> its slowest and fastest pace, heights per frame; the pace of walkers is `WALK`."""

WALK = (0.026, 0.05)


@dataclass(frozen=True, slots=True)
class Actor:
    """One actor and its straight path. Lengths are in units of 1/64 of the frame's height."""

    kind: str  # "walker", or a key of `PACES`
    look: Look  # clothes and gait
    height: float  # standing height
    x: float  # position of the feet at frame `start`
    y: float  # position of the feet, from the top; actors are painted in the order of y
    speed: float  # units per frame, positive to the right
    start: float  # frame at which the actor is at `x`

    @property
    def facing(self) -> int:
        """1 to the right, -1 to the left."""
        return 1 if self.speed > 0 else -1

    def at(self, frame: int) -> float:
        """Position of the feet, from the left."""
        return self.x + self.speed * (frame - self.start)

    def parts(self, frame: int) -> list[Part]:
        """The parts of its body at a frame, in units of its height."""
        way = abs(self.speed) * (frame - self.start) / self.height
        return BODIES[self.kind](self.look, way)
