"""Optimisers of torch, by name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from vadkit.api import Optimizer, VadkitError


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    Args:
        lr: learning rate.
        betas: decay of the two running means.
        weight_decay: L2 penalty.
    """

    def __init__(self, *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0) -> None:
        _refuse(lr, weight_decay, momenta=betas)
        self.lr, self.betas, self.weight_decay = lr, betas, weight_decay

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Parameters -> optimiser."""
        return torch.optim.Adam(parameters, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)


class AdaGrad(Optimizer):
    """AdaGrad (Duchi et al. 2011).

    Args:
        lr: learning rate.
        weight_decay: L2 penalty.
    """

    def __init__(self, *, lr: float = 1e-2, weight_decay: float = 0) -> None:
        _refuse(lr, weight_decay, momenta=())
        self.lr, self.weight_decay = lr, weight_decay

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Parameters -> optimiser."""
        return torch.optim.Adagrad(parameters, lr=self.lr, weight_decay=self.weight_decay)


class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        lr: learning rate.
        momentum: share of the last step that is kept.
        weight_decay: L2 penalty.
    """

    def __init__(self, *, lr: float = 1e-2, momentum: float = 0.9, weight_decay: float = 0) -> None:
        _refuse(lr, weight_decay, momenta=(momentum,))
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Parameters -> optimiser."""
        return torch.optim.SGD(parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)


def _refuse(lr: float, weight_decay: float, *, momenta: tuple[float, ...]) -> None:
    """Before any training, not when the optimiser is built for the third stage."""
    if not 0 < lr < math.inf:
        raise VadkitError(f"the learning rate must be positive and finite, not {lr}")
    if not 0 <= weight_decay < math.inf:
        raise VadkitError(f"weight_decay must be at least 0, not {weight_decay}")
    if not all(0 <= momentum < 1 for momentum in momenta):
        raise VadkitError(f"momenta must lie in [0, 1), not {', '.join(map(str, momenta))}")
