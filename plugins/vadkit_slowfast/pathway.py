"""One pathway: a 3-D ResNet of five layers, as in Table 1 of SlowFast (Feichtenhofer et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

from vadkit_slowfast.blocks import ONE, Triple, basic, bottleneck, conv

Depth = Literal[18, 50]

BLOCKS: Mapping[int, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
SLOW_TIMES = (1, 1, 1, 3, 3)  # kernel in time of the stem and of res2 to res5
FAST_TIMES = (5, 3, 3, 3, 3)


def widths(depth: Depth, width: int) -> list[int]:
    """Output channels of the stem and of res2 to res5."""
    outside = width if depth == 18 else 4 * width
    return [width, *(outside * 2**stage for stage in range(4))]


def pathway(
    inputs: int, *, depth: Depth, width: int, times: Sequence[int], shrink: int, joined: Sequence[int] = (0, 0, 0, 0)
) -> nn.ModuleList:
    """Build the stem and res2 to res5.

    Args:
        inputs: channels of the clip.
        depth: 18 for basic blocks, 50 for bottleneck blocks.
        width: channels of the stem.
        times: kernel size in time of each layer.
        shrink: frame height divided by the height of the last layer. Stem and pool divide by 4; each stage from
            res3 on halves until `shrink` is reached.
        joined: channels that a lateral adds to the output of each of the first four layers.
    """
    given = widths(depth, width)
    layers: list[nn.Module] = [_stem(inputs, width, times[0])]
    for stage, (before, after) in enumerate(pairwise(given)):
        halves = stage > 0 and 4 * 2**stage <= shrink
        stride = (1, 2, 2) if halves else ONE
        layers.append(_stage(depth, BLOCKS[depth][stage], before + joined[stage], after, times[stage + 1], stride))
    return nn.ModuleList(layers)


def _stem(inputs: int, width: int, time: int) -> nn.Sequential:
    return nn.Sequential(
        conv(inputs, width, (time, 7, 7), (1, 2, 2)),
        nn.ReLU(inplace=True),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    )


def _stage(depth: Depth, blocks: int, inputs: int, outputs: int, time: int, stride: Triple) -> nn.Sequential:
    block = basic if depth == 18 else bottleneck
    first = block(inputs, outputs, time, stride)
    return nn.Sequential(first, *(block(outputs, outputs, time, ONE) for _ in range(blocks - 1)))
