"""Optimisers of torch, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vadkit.api import Optimizer


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    Args:
        lr: learning rate.
        betas: decay of the two running means.
        weight_decay: L2 penalty.
    """

    def __init__(self, *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0) -> None:
        self.lr, self.betas, self.weight_decay = lr, betas, weight_decay

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Parameters -> optimiser."""
        return torch.optim.Adam(parameters, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)


class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        lr: learning rate.
        momentum: share of the last step that is kept.
        weight_decay: L2 penalty.
    """

    def __init__(self, *, lr: float = 1e-2, momentum: float = 0.9, weight_decay: float = 0) -> None:
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Parameters -> optimiser."""
        return torch.optim.SGD(parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)
