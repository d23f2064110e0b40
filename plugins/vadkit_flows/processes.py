"""What the flows exchange if several processes train them. Each process has a part of the batch."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes. The tensor is changed."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value


def uniform(features: Tensor) -> Tensor:
    """Return random numbers in [0, 1) of the shape of `features` (N, ...).

    Every process draws the numbers of the complete batch and returns those of its part. So several processes use the
    same numbers as one, if their random generators have the same state.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return torch.rand_like(features)
    sizes = torch.zeros(dist.get_world_size(), dtype=torch.long, device=features.device)
    sizes[dist.get_rank()] = len(features)
    ends = [0, *summed(sizes).cumsum(0).tolist()]
    drawn = torch.rand(ends[-1], *features.shape[1:], dtype=features.dtype, device=features.device)
    return drawn[ends[dist.get_rank()] : ends[dist.get_rank() + 1]]
