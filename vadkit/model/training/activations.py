"""Activation checkpointing: training with less memory, and about a third more computation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vadkit.core.errors import ShapeError


@contextmanager
def checkpointed_activations(module: nn.Module) -> Iterator[None]:
    """Keep only some of the activations of a module for the backward pass, and compute the others again there.

    This applies to every outermost `nn.Sequential` in the module. The layers of each are divided into runs, about as
    many as a run has layers. The input of each run is kept. Gradients are the same, and running statistics, such as
    those of batch norm, change once in a step.

    Args:
        module: its sequences change until the end of the context.

    Raises:
        ShapeError: the module has no sequence of layers.
    """
    sequences = sequences_of(module)
    for layers in sequences:
        setattr(layers, "forward", partial(_forward, *_divided(layers)))  # noqa: B010
    try:
        yield
    finally:
        for layers in sequences:
            del layers.forward  # then that of the class


def sequences_of(module: nn.Module) -> list[nn.Sequential]:
    """The outermost sequences of layers with weights.

    Raises:
        ShapeError: there are none.
    """
    if found := list(_outermost(module)):
        return found
    what = "the model has no layers in an 'nn.Sequential', so that no activation can be computed again"
    raise ShapeError(what, where="engine.checkpoint_activations", fix="set it to false")


def _outermost(module: nn.Module) -> Iterator[nn.Sequential]:
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward and _weighted(module):
        yield module
        return
    for child in module.children():
        yield from _outermost(child)


def _weighted(layers: nn.Sequential) -> list[int]:
    """Positions of the layers with weights, such as convolutions; norms and activations belong to the one before."""
    return [at for at, layer in enumerate(layers) if any(weights.dim() > 1 for weights in layer.parameters())]


def _divided(layers: nn.Sequential) -> tuple[nn.Sequential, list[nn.Sequential]]:
    """The layers before the first one with weights, which may change their input in place; and the runs."""
    starts = _weighted(layers)
    firsts = [0, *starts[:: math.isqrt(len(starts))], len(layers)]
    before, *runs = (nn.Sequential(*list(layers)[a:b]) for a, b in pairwise(firsts))
    return before, runs


def _forward(before: nn.Sequential, runs: list[nn.Sequential], x: Tensor) -> Tensor:
    x = before(x)
    for run in runs:
        x = checkpoint(run, x, use_reentrant=False, context_fn=partial(_contexts, run))
    return x


def _contexts(run: nn.Module) -> tuple[nullcontext[None], _Unchanged]:
    return nullcontext(), _Unchanged(run)


class _Unchanged:
    """The buffers of a module have the same values after this context as before: the layers run a second time."""

    def __init__(self, module: nn.Module) -> None:
        self._buffers = list(module.buffers())

    def __enter__(self) -> None:
        self._before = [buffer.clone() for buffer in self._buffers]

    def __exit__(self, *error: object) -> None:
        with torch.no_grad():
            for buffer, before in zip(self._buffers, self._before, strict=True):
                buffer.copy_(before)
