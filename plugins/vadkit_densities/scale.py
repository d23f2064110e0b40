"""Standardized samples, as vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALLEST_STD = 1e-4  # a dead channel must not dominate


class Scale(nn.Module):
    """Flattens samples, and scales each dimension to mean 0 and deviation 1 of the training samples.

    Args:
        dimensions: D, number of values of one sample.

    Example:
        >>> scale = Scale(1)
        >>> scale.fit(torch.tensor([[1.0], [5.0]])).tolist(), scale(torch.tensor([[7.0]])).tolist()
        ([[-1.0], [1.0]], [[2.0]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("std", torch.ones(dimensions))

    def fit(self, sample: Tensor) -> Tensor:
        """Learn mean and deviation from vectors (N, D), and return the scaled vectors on the CPU."""
        mean, std = sample.mean(0), sample.std(0, correction=0).clamp_min(SMALLEST_STD)
        self.mean.copy_(mean)
        self.std.copy_(std)
        return (sample - mean) / std

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> scaled vectors (N, D)."""
        return (features.flatten(1).to(self.mean.dtype) - self.mean) / self.std
