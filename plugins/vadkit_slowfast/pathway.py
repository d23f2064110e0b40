"""One pathway: a 3-D ResNet of five layers, as in Table 1 of SlowFast (Feichtenhofer et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

from vadkit_slowfast.blocks import ONE, basic, bottleneck, conv

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
    """Build the stem and res2 to res5, with the given kernel sizes in time.

    Stem and pool divide height and width by 4. Each stage from res3 on halves them until `shrink` is reached. The
    list `joined` holds the channels that a lateral adds to the output of each of the first four layers.
    """
    given = widths(depth, width)
    stem = conv(inputs, width, (times[0], 7, 7), (1, 2, 2))
    pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
    layers = [nn.Sequential(stem, nn.ReLU(inplace=True), pool)]
    block = basic if depth == 18 else bottleneck
    for stage, (before, after) in enumerate(pairwise(given)):
        stride = (1, 2, 2) if stage > 0 and 4 * 2**stage <= shrink else ONE
        first = block(before + joined[stage], after, times[stage + 1], stride)
        others = (block(after, after, times[stage + 1], ONE) for _ in range(BLOCKS[depth][stage] - 1))
        layers.append(nn.Sequential(first, *others))
    return nn.ModuleList(layers)
