"""Batch norm over the parts of a batch in all processes.

`torch.nn.SyncBatchNorm` computes the same, but only on GPUs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes. Its gradient is the sum of the gradients in all processes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        del ctx
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return _summed(gradients[0])


def _summed(values: Tensor) -> Tensor:
    total = values.contiguous().clone()
    dist.all_reduce(total)
    return total


def synchronize(module: nn.Module, divided: Callable[[], bool]) -> None:
    """Let every batch norm in a module use the statistics of the batch of all processes when it trains.

    The layers stay the same, with their parameters and their running statistics.

    Args:
        module: its layers change.
        divided: whether each process has a part of the batch. Otherwise each has the complete batch.
    """
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            setattr(layer, "forward", partial(_normalize, layer, layer.forward, divided))  # noqa: B010


def _normalize(layer: _BatchNorm, alone: Callable[[Tensor], Tensor], divided: Callable[[], bool], x: Tensor) -> Tensor:
    """(N, C, ...) -> the normalized batch. `alone` is the layer's own method."""
    if not (layer.training and divided()):
        return alone(x)
    values, shape = x.float(), (1, -1, *(1,) * (x.dim() - 2))
    others = [0, *range(2, x.dim())]
    count = values.new_tensor([values.numel() // values.shape[1]])
    sums = _Sum.apply(torch.cat([values.sum(others), count]))
    mean, total = sums[:-1] / sums[-1].detach(), sums[-1].detach()
    centered = values - mean.view(shape)
    variance = _Sum.apply(centered.square().sum(others)) / total
    if layer.track_running_stats:
        _track(layer, mean.detach(), variance.detach() * total / (total - 1))
    scaled = centered * (variance + layer.eps).rsqrt().view(shape)
    if layer.affine:
        scaled = scaled * layer.weight.view(shape) + layer.bias.view(shape)
    return scaled.to(x.dtype)


@torch.no_grad()
def _track(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked += 1
    rate = layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked)
    layer.running_mean.lerp_(mean, rate)
    layer.running_var.lerp_(variance, rate)
