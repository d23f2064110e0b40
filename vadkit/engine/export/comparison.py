"""Compares an exported model with PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vadkit.engine.export.clip_scorer import ClipScorer
from vadkit.engine.export.formats import Runtime

TOLERANCE = 1e-3


class Normal(NamedTuple):
    """Mean and standard deviation of an output in normal videos."""

    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest difference between an exported model and PyTorch.

    Attributes:
        output: name of the output that has it.
        relative: the difference divided by the scale of the output; infinite if one of the two has no number.
        clips: number of clips that were compared.
    """

    output: str
    relative: float
    clips: int


def compare(
    module: ClipScorer, runtime: Runtime, clips: NDArray[np.uint8], normal: Mapping[str, Normal] | None = None
) -> Difference:
    """Run clips through both and return the largest relative difference.

    The first clip is one batch and the others are a second batch, because the number of clips must not matter.

    Args:
        module: the modules of the run.
        runtime: the exported model.
        clips: (N, T, H, W, C).
        normal: output -> its values in normal videos. Default, and for other outputs: the scale is the largest absolute
            value in the batch.
    """
    worst = Difference("", 0.0, len(clips))
    for batch in filter(len, (clips[:1], clips[1:])):
        with torch.inference_mode():
            expected = {name: value.numpy() for name, value in module(torch.from_numpy(batch)).items()}
        found = runtime(batch)
        for name, value in expected.items():
            relative = _relative(value, np.asarray(found[name]), (normal or {}).get(name))
            if not relative <= worst.relative:
                worst = Difference(name, relative, len(clips))
    return worst


def _relative(expected: NDArray[np.float32], found: NDArray[np.float32], normal: Normal | None) -> float:
    if expected.shape != found.shape or not np.array_equal(np.isnan(expected), np.isnan(found)):
        return float("inf")
    known = ~np.isnan(expected)
    if not known.any():
        return 0.0
    values = expected[known].astype(np.float64)
    # Far from normal values, where a float32 has few digits left, the scale is the distance from them.
    scale = np.abs(values).max() if normal is None else np.maximum(np.abs(values - normal.mean), normal.std)
    return float((np.abs(values - found[known]) / np.where(scale > 0, scale, 1.0)).max())
