"""Learning-rate schedulers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vadkit.api import LRScheduler, VadkitError


class Cosine(LRScheduler):
    """Cosine decay of the learning rate, from 1 to a floor (section 4.2).

    Args:
        floor: factor on the learning rate at the end of training.

    Example:
        >>> [round(Cosine(floor=0.1).factor(progress), 3) for progress in (0.0, 0.5, 1.0)]
        [1.0, 0.55, 0.1]
    """

    def __init__(self, *, floor: float = 0.0) -> None:
        self.floor = floor

    def factor(self, progress: float) -> float:
        """Return the factor at a share of training in [0, 1)."""
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))


class Constant(LRScheduler):
    """Constant learning rate.

    Example:
        >>> Constant().factor(0.5)
        1.0
    """

    def factor(self, progress: float) -> float:
        """Return 1."""
        del progress
        return 1.0


class Steps(LRScheduler):
    """Step decay: the learning rate is multiplied by a factor at given shares of training.

    Args:
        at: shares of training, each in (0, 1).
        by: factor at each step.

    Example:
        >>> [Steps(at=[0.5], by=0.1).factor(progress) for progress in (0.0, 0.6)]
        [1.0, 0.1]
    """

    def __init__(self, *, at: Sequence[float], by: float = 0.1) -> None:
        if not at or not all(0 < share < 1 for share in at):
            what = f"'at' must list shares of training between 0 and 1, but it is {list(at)}"
            raise VadkitError(what, fix="set, for example, at: [0.5]")
        if not 0 < by < math.inf:
            raise VadkitError(f"'by' must be positive and finite, but it is {by}")
        self.at, self.by = tuple(at), by

    def factor(self, progress: float) -> float:
        """Return the factor at a share of training in [0, 1)."""
        return self.by ** sum(progress >= share for share in self.at)
