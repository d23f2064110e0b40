"""Convolutions that score faster on a CPU. Their outputs differ by rounding only.

torch computes small convolutions of a single clip without oneDNN, which takes several times as long. oneDNN itself is
fastest if the channels of a pixel lie next to each other in memory (channels last). It is slow for few output
channels, such as those of the last layer of a decoder: there, one matrix product for all taps of the kernel is faster.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vadkit.model.inference.folding import copied

Module = TypeVar("Module", bound=nn.Module)
Result = TypeVar("Result")


def with_fast_convolutions(module: Module) -> Module:
    """A copy in eval mode with faster convolutions, for float32 on a CPU; without any, the module itself.

    Their outputs have the channels last in memory. Run the copy through `tried`, because `view` refuses such outputs.
    """
    if not torch.backends.mkldnn.is_available() or not any(_faster(each) for each in module.modules()):
        return module
    if (fast := copied(module)) is None:
        return module
    for layer in list(fast.modules()):
        if (faster := _faster(layer)) is not None:
            layer.__class__ = faster
            layer.register_buffer("ordered", layer.order(), persistent=False)  # pyright: ignore
            layer.contiguous = False  # pyright: ignore
    return fast


def tried(run: Callable[[], Result], module: nn.Module) -> Result:
    """Run a module with faster convolutions. If it fails, run it again with contiguous outputs of these layers."""
    try:
        return run()
    except RuntimeError:
        layers = [layer for layer in module.modules() if isinstance(layer, _Fast) and not layer.contiguous]
        if not layers:
            raise
        for layer in layers:
            layer.contiguous = True
        return run()


class _Fast(nn.Module):
    """A faster layer.

    Attributes:
        ordered: the weights in the order that the layer computes with.
        contiguous: whether its outputs are contiguous, as those of torch, or have the channels last.
    """

    ordered: Tensor
    contiguous: bool

    def order(self) -> Tensor:
        """The weights in the order that the layer computes with."""
        weight: Tensor = self.weight  # pyright: ignore
        return weight.detach().contiguous(memory_format=_CHANNELS_LAST[weight.dim()])

    def compute(self, maps: Tensor, output_size: Any) -> Tensor:
        """Maps of a batch -> the outputs."""
        raise NotImplementedError

    def forward(self, input: Tensor, *output_size: Any, **named: Any) -> Tensor:
        """As the layer of torch, which takes the inputs that are not a batch of float32."""
        size = output_size[0] if output_size else named.get("output_size")
        weight: Tensor = self.weight  # pyright: ignore
        batch = input.dim() == weight.dim() and input.numel() > 0
        if not batch or {input.dtype, weight.dtype} != {torch.float32} or input.device.type != "cpu":
            return super().forward(input, *output_size, **named)  # pyright: ignore
        outputs = self.compute(input, size)
        return outputs.contiguous() if self.contiguous else outputs


class _ByOneDnn(_Fast):
    """A convolution by oneDNN, in channels-last order."""

    def compute(self, maps: Tensor, output_size: Any) -> Tensor:
        del output_size
        layer: Any = self
        return torch.mkldnn_convolution(
            _channels_last(maps), self.ordered, layer.bias, layer.padding, layer.stride, layer.dilation, layer.groups
        )


class _Transposed(_Fast):
    """A transposed convolution in channels-last order."""

    def compute(self, maps: Tensor, output_size: Any) -> Tensor:
        layer: Any = self
        run: Any = nn.functional.conv_transpose2d if maps.dim() == 4 else nn.functional.conv_transpose3d
        sides, axes = layer.kernel_size, maps.dim() - 2
        grow = layer._output_padding(maps, output_size, layer.stride, layer.padding, sides, axes, layer.dilation)
        return run(
            _channels_last(maps),
            self.ordered,
            layer.bias,
            layer.stride,
            layer.padding,
            grow,
            layer.groups,
            layer.dilation,
        )


class _FewOutputs(_Fast):
    """A convolution with few output channels: one matrix product for all taps of the kernel, then shifted sums."""

    def order(self) -> Tensor:
        """The weights (taps * outputs, inputs)."""
        weight: Tensor = self.weight.detach()  # pyright: ignore
        if isinstance(self, _TRANSPOSED):
            weight = weight.transpose(0, 1).flip(*range(2, weight.dim()))
        return weight.flatten(2).permute(2, 0, 1).flatten(0, 1).contiguous()

    def compute(self, maps: Tensor, output_size: Any) -> Tensor:
        del output_size  # with a stride of 1, there is only one
        layer: Any = self
        sides, outputs, clips, sizes = layer.kernel_size, layer.out_channels, maps.shape[0], maps.shape[2:]
        padding = layer.padding
        if isinstance(layer, _TRANSPOSED):
            padding = tuple(side - 1 - before for side, before in zip(sides, padding, strict=True))
        if maps.is_contiguous(memory_format=_CHANNELS_LAST[maps.dim()]):
            parts = (self.ordered @ maps.movedim(1, -1).reshape(-1, maps.shape[1]).T).view(-1, outputs, clips, *sizes)
        else:
            parts = (self.ordered @ maps.flatten(2)).view(clips, -1, outputs, *sizes).movedim(0, 2)
        ends = [size + 2 * before - side + 1 for size, before, side in zip(sizes, padding, sides, strict=True)]
        sums = maps.new_zeros(outputs, clips, *ends)
        for part, tap in zip(parts, product(*map(range, sides)), strict=True):
            read, write = [slice(None)] * 2, [slice(None)] * 2
            for place, before, size, end in zip(tap, padding, sizes, ends, strict=True):
                shift = place - before  # from a place of the sum to the place of the map that the tap reads
                first = max(0, -shift)
                last = max(first, min(end, size - shift))  # at the edge of a small map, a tap may read nothing
                write.append(slice(first, last))
                read.append(slice(first + shift, last + shift) if last > first else slice(0, 0))
            sums[tuple(write)] += part[tuple(read)]
        if layer.bias is not None:
            sums += layer.bias.view(-1, *[1] * (sums.dim() - 1))
        return sums.transpose(0, 1)


_TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the number of axes


def _classes(layer: type[nn.Module]) -> list[Any]:
    """The classes of a faster layer: the usual one, and the one for few output channels."""
    usual = _Transposed if issubclass(layer, _TRANSPOSED) else _ByOneDnn
    return [type(layer.__name__, (way, layer), {}) for way in (usual, _FewOutputs)]


_FASTER = {layer: _classes(layer) for layer in (nn.Conv2d, nn.Conv3d, *_TRANSPOSED)}


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=_CHANNELS_LAST[maps.dim()])


def _faster(module: nn.Module) -> type[nn.Module] | None:
    """The class that computes the same faster; None for a module that has none, or that a plugin changes."""
    layer: Any = module
    if type(layer) not in _FASTER or layer.weight.dtype != torch.float32:
        return None
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return None
    usual, few = _FASTER[type(layer)]
    taps = prod(layer.kernel_size)
    plain = layer.groups == 1 and {*layer.stride, *layer.dilation} == {1} and taps > 1
    fits = all(before < side for before, side in zip(layer.padding, layer.kernel_size, strict=True))
    small = layer.out_channels <= 16 and taps * layer.out_channels <= 2 * layer.in_channels  # memory of the products
    return few if plain and fits and small else usual
