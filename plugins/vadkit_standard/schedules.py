"""Learning rate over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vadkit.api import LRScheduler, VadkitError


class Cosine(LRScheduler):
    """Half a cosine from 1 to a floor (section 4.2).

    Args:
        floor: factor that is approached at the end.
    """

    def __init__(self, *, floor: float = 0.0) -> None:
        self.floor = floor

    def factor(self, progress: float) -> float:
        """Share of training done -> factor."""
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))


class Constant(LRScheduler):
    """The base learning rate throughout."""

    def factor(self, progress: float) -> float:
        """Share of training done -> 1."""
        del progress
        return 1.0


class Steps(LRScheduler):
    """Constant, and multiplied by a factor at each of some shares of training.

    Args:
        at: shares of training, each in (0, 1).
        by: the factor.
    """

    def __init__(self, *, at: Sequence[float], by: float = 0.1) -> None:
        if not at or not all(0 < share < 1 for share in at):
            raise VadkitError(f"'at' takes shares of training between 0 and 1, not {list(at)}", fix="such as at: [0.5]")
        if not 0 < by < math.inf:
            raise VadkitError(f"'by' must be positive and finite, not {by}")
        self.at, self.by = tuple(at), by

    def factor(self, progress: float) -> float:
        """Share of training done -> factor."""
        return self.by ** sum(progress >= share for share in self.at)
