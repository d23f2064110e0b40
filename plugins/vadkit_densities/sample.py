"""Training features in memory, as these densities need them: a sample of bounded size, as vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from vadkit.api import DataError, FeatureSource, FeatureSpec, ShapeError

BATCH = 256  # features read at once


def collect(features: FeatureSource, limit: int) -> Tensor:
    """(N, D) float64 on the CPU, N at most `limit`: the first in the source's shuffled order.

    Raises:
        DataError: there are none, or they are not finite.
    """
    found: list[Tensor] = []
    count = 0
    for batch in features.batches(BATCH):
        found.append(batch.flatten(1)[: limit - count].double().cpu())
        count += len(found[-1])
        if count >= limit:
            break
    if not count:
        raise DataError("there are no training features to fit a density on")
    sample = torch.cat(found)
    if not bool(torch.isfinite(sample).all()):
        raise DataError("the training features are not finite", fix="look at the model's losses in log.jsonl")
    return sample


def check_dimensions(feature: FeatureSpec, most: int, *, fix: str) -> int:
    """D of one sample as a vector.

    Raises:
        ShapeError: more than `most`.
    """
    if feature.dimensions > most:
        raise ShapeError(
            f"a sample of shape {feature.shape} has {feature.dimensions} dimensions, more than {most}", fix=fix
        )
    return feature.dimensions
