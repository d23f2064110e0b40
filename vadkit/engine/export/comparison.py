"""Compares an exported model with PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vadkit.engine.export.clip_scorer import ClipScorer
from vadkit.engine.export.formats import Runtime

TOLERANCE = 1e-3


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
    module: ClipScorer, runtime: Runtime, clips: NDArray[np.uint8], scales: Mapping[str, float] | None = None
) -> Difference:
    """Run clips through both and return the largest relative difference.

    The first clip is one batch and the others are a second batch, because the number of clips must not matter.

    Args:
        module: the modules of the run.
        runtime: the exported model.
        clips: (N, T, H, W, C).
        scales: output -> what counts as 1. Default, and for other outputs: the largest absolute value in the batch.
    """
    worst = Difference("", 0.0, len(clips))
    for batch in filter(len, (clips[:1], clips[1:])):
        with torch.inference_mode():
            expected = {name: value.numpy() for name, value in module(torch.from_numpy(batch)).items()}
        found = runtime(batch)
        for name, value in expected.items():
            relative = _relative(value, np.asarray(found[name]), (scales or {}).get(name))
            if not relative <= worst.relative:
                worst = Difference(name, relative, len(clips))
    return worst


def _relative(expected: NDArray[np.float32], found: NDArray[np.float32], scale: float | None) -> float:
    if expected.shape != found.shape or not np.array_equal(np.isnan(expected), np.isnan(found)):
        return float("inf")
    known = ~np.isnan(expected)
    if not known.any():
        return 0.0
    difference = np.abs(expected[known].astype(np.float64) - found[known]).max()
    return float(difference / (scale or np.abs(expected[known]).max() or 1.0))
