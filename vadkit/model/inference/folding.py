"""Batch norms folded into the convolutions before them: the same outputs in eval mode, one pass over memory less."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


Module = TypeVar("Module", bound=nn.Module)


def fold_batch_norms(module: Module) -> Module:
    """A copy in eval mode, in which each batch norm of an `nn.Sequential` is part of the convolution before it.

    Batch norms at other places stay. Without any to fold, the module itself is returned.
    """
    if not any(_pairs(each) for each in module.modules()) or (folded := copied(module)) is None:
        return module
    for layers in list(folded.modules()):
        for index in _pairs(layers):
            convolution, norm = layers[index], layers[index + 1]  # pyright: ignore[reportIndexIssue]
            transposed = type(convolution) in _TRANSPOSED
            layers[index] = fuse_conv_bn_eval(convolution, norm, transpose=transposed)  # pyright: ignore
            layers[index + 1] = nn.Identity()  # pyright: ignore[reportIndexIssue]
    return folded


def copied(module: Module) -> Module | None:
    """A copy for scoring, in eval mode and without gradients; None for a module that cannot be copied.

    A module with hooks is not copied, because a hook may write into the module itself.
    """
    if any(each._forward_hooks or each._forward_pre_hooks for each in module.modules()):
        return None
    try:
        return copy.deepcopy(module).requires_grad_(False).eval()
    except Exception:  # modules of plugins hold anything, such as sessions, locks and tensors of a graph
        return None


def _pairs(layers: nn.Module) -> list[int]:
    """Positions of the convolutions of a `Sequential` that a batch norm with running statistics follows."""
    if type(layers) is not nn.Sequential:
        return []
    return [
        index
        for index, (first, second) in enumerate(pairwise(layers))
        if type(first) in (*_CONVOLUTIONS, *_TRANSPOSED)  # a subclass may change its weights in forward
        and type(second) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
        and second.track_running_stats  # pyright: ignore[reportAttributeAccessIssue]
        and not (type(first) in _TRANSPOSED and first.groups > 1)  # pyright: ignore[reportAttributeAccessIssue, reportOperatorIssue]
    ]
