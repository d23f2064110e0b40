"""Optimizers of torch, by name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from vadkit.api import Optimizer, VadkitError


class _FromTorch(Optimizer):
    """Builds one kind of torch's optimizers. The options are checked when the recipe is read, before any training."""

    def __init__(self, kind: type[torch.optim.Optimizer], **options: Any) -> None:
        lr, weight_decay = options["lr"], options["weight_decay"]
        momenta = (*options.get("betas", ()), options.get("momentum", 0.0))
        if not 0 < lr < math.inf:
            raise VadkitError(f"lr must be positive and finite, but it is {lr}")
        if not 0 <= weight_decay < math.inf:
            raise VadkitError(f"weight_decay must be at least 0 and finite, but it is {weight_decay}")
        if not all(0 <= momentum < 1 for momentum in momenta):
            raise VadkitError(f"momentum and betas must be in [0, 1), but there is {', '.join(map(str, momenta))}")
        self._kind, self._options = kind, options

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Return the torch optimizer of the parameters."""
        return self._kind(parameters, **self._options)


class Adam(_FromTorch):
    """Adam optimizer (Kingma and Ba 2015).

    Args:
        lr: learning rate.
        betas: decay rates of the two running means.
        weight_decay: weight of the L2 penalty.

    Example:
        >>> Adam(lr=3e-3).build([torch.nn.Parameter(torch.zeros(2))]).param_groups[0]["lr"]
        0.003
    """

    def __init__(self, *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0) -> None:
        super().__init__(torch.optim.Adam, lr=lr, betas=betas, weight_decay=weight_decay)


class AdaGrad(_FromTorch):
    """AdaGrad optimizer (Duchi et al. 2011).

    Args:
        lr: learning rate.
        weight_decay: weight of the L2 penalty.

    Example:
        >>> AdaGrad().build([torch.nn.Parameter(torch.zeros(2))]).param_groups[0]["lr"]
        0.01
    """

    def __init__(self, *, lr: float = 1e-2, weight_decay: float = 0) -> None:
        super().__init__(torch.optim.Adagrad, lr=lr, weight_decay=weight_decay)


class SGD(_FromTorch):
    """Stochastic gradient descent with momentum.

    Args:
        lr: learning rate.
        momentum: share of the last step that is kept, in [0, 1).
        weight_decay: weight of the L2 penalty.

    Example:
        >>> SGD(momentum=0.5).build([torch.nn.Parameter(torch.zeros(2))]).param_groups[0]["momentum"]
        0.5
    """

    def __init__(self, *, lr: float = 1e-2, momentum: float = 0.9, weight_decay: float = 0) -> None:
        super().__init__(torch.optim.SGD, lr=lr, momentum=momentum, weight_decay=weight_decay)
