"""Learning rate over time."""

from __future__ import annotations

import math

from vadkit.api import Schedule


class Cosine(Schedule):
    """Half a cosine from 1 to a floor (section 4.2).

    Args:
        floor: factor that is approached at the end.
    """

    def __init__(self, *, floor: float = 0.0) -> None:
        self.floor = floor

    def factor(self, progress: float) -> float:
        """Share of training done -> factor."""
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))


class Constant(Schedule):
    """The base learning rate throughout."""

    def factor(self, progress: float) -> float:
        """Share of training done -> 1."""
        del progress
        return 1.0
