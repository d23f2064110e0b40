"""Convolutions that score faster on a CPU. Their outputs differ by rounding only.

torch computes small convolutions of a single clip without oneDNN, which takes several times as long. oneDNN itself is
fastest if the channels of a pixel lie next to each other in memory (channels last). It is slow for few output
channels, such as those of the last layer of a decoder: there, one matrix product for all taps of the kernel is faster.
"""

from __future__ import annotations

import copy
from itertools import product
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def with_fast_convolutions(module: Module) -> Module:
    """A copy in eval mode with faster convolutions, for float32 on a CPU; without any, the module itself."""
    if not torch.backends.mkldnn.is_available() or not any(_faster(each) for each in module.modules()):
        return module
    fast = copy.deepcopy(module).requires_grad_(False).eval()
    for layer in fast.modules():
        if (faster := _faster(layer)) is not None:
            layer.__class__ = faster
            layer.to(memory_format=_CHANNELS_LAST[layer.weight.dim()])  # pyright: ignore
    return fast


class _ByOneDnn(nn.Module):
    """A convolution by oneDNN, in channels-last order."""

    def forward(self, maps: Tensor) -> Tensor:
        layer: Any = self
        return torch.mkldnn_convolution(
            _channels_last(maps), layer.weight, layer.bias, layer.padding, layer.stride, layer.dilation, layer.groups
        )


class _ChannelsLast(nn.Module):
    """A transposed convolution in channels-last order."""

    def forward(self, maps: Tensor, output_size: Any = None) -> Tensor:
        return super().forward(_channels_last(maps), output_size)  # pyright: ignore


class _FewOutputs(nn.Module):
    """A convolution with few output channels: one matrix product for all taps of the kernel, then shifted sums."""

    def forward(self, maps: Tensor, output_size: Any = None) -> Tensor:
        del output_size  # with a stride of 1, there is only one
        layer: Any = self
        weight, padding = layer.weight, layer.padding  # (outputs, inputs, *kernel)
        if isinstance(layer, _TRANSPOSED):
            weight = weight.transpose(0, 1).flip(*range(2, weight.dim()))
            padding = tuple(side - 1 - before for side, before in zip(layer.kernel_size, padding, strict=True))
        clips, sizes = maps.shape[0], maps.shape[2:]
        outputs, taps = weight.shape[0], weight.flatten(2).permute(2, 0, 1).flatten(0, 1)
        if maps.is_contiguous(memory_format=_CHANNELS_LAST[maps.dim()]):
            parts = (taps @ maps.movedim(1, -1).reshape(-1, maps.shape[1]).T).view(-1, outputs, clips, *sizes)
        else:
            parts = (taps @ maps.flatten(2)).view(clips, -1, outputs, *sizes).movedim(0, 2)
        sums = maps.new_zeros(
            outputs,
            clips,
            *(
                size + 2 * before - side + 1
                for size, before, side in zip(sizes, padding, layer.kernel_size, strict=True)
            ),
        )
        for part, tap in zip(parts, product(*map(range, layer.kernel_size)), strict=True):
            read, write = [slice(None)] * 2, [slice(None)] * 2
            for place, before, size, end in zip(tap, padding, sizes, sums.shape[2:], strict=True):
                shift = place - before  # from a place of the sum to the place of the map that the tap reads
                first, last = max(0, -shift), min(end, size - shift)
                write.append(slice(first, last))
                read.append(slice(first + shift, last + shift))
            sums[tuple(write)] += part[tuple(read)]
        if layer.bias is not None:
            sums += layer.bias.view(-1, *[1] * (sums.dim() - 1))
        return sums.transpose(0, 1)


_TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the number of axes


def _classes(layer: type[nn.Module]) -> list[Any]:
    """The classes of a faster layer: the usual one, and the one for few output channels."""
    usual = _ChannelsLast if issubclass(layer, _TRANSPOSED) else _ByOneDnn
    return [type(layer.__name__, (way, layer), {}) for way in (usual, _FewOutputs)]


_FASTER = {layer: _classes(layer) for layer in (nn.Conv2d, nn.Conv3d, *_TRANSPOSED)}


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=_CHANNELS_LAST[maps.dim()])


def _faster(module: nn.Module) -> type[nn.Module] | None:
    """The class that computes the same faster; None for a module that has none, or that a plugin changes."""
    layer: Any = module
    if type(layer) not in _FASTER or layer._forward_hooks or layer._forward_pre_hooks:
        return None
    if layer.weight.dtype != torch.float32 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return None
    usual, few = _FASTER[type(layer)]
    taps = prod(layer.kernel_size)
    plain = layer.groups == 1 and {*layer.stride, *layer.dilation} == {1} and taps > 1
    fits = all(before < side for before, side in zip(layer.padding, layer.kernel_size, strict=True))
    small = layer.out_channels <= 16 and taps * layer.out_channels <= 2 * layer.in_channels  # memory of the products
    return few if plain and fits and small else usual
