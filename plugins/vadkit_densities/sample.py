"""Training features in memory: a sample of bounded size, as vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vadkit.api import DataError, FeatureSource, FeatureSpec, ShapeError

BATCH = 256  # features read at once


def collect(features: FeatureSource, limit: int) -> Tensor:
    """Return up to `limit` samples as float64 vectors (N, D) on the CPU.

    The samples are the first in the source's shuffled order. Samples at places are taken from all clips, because a few
    clips contain more than `limit` of them.
    """
    share = limit / max(features.samples, 1) if features.spec.grid is not None else 1.0
    found: list[Tensor] = []
    count, seen = 0, 0
    for batch in features.batches(BATCH):
        seen += len(batch)
        wanted = min(math.ceil(seen * share), limit) - count
        found.append(batch.flatten(1)[: max(wanted, 0)].double().cpu())
        count += len(found[-1])
        if count >= limit:
            break
    if not count:
        raise DataError("no training features to fit the density on")
    sample = torch.cat(found)
    if not bool(torch.isfinite(sample).all()):
        raise DataError("the training features are not finite", fix="correct the feature that gives them")
    return sample


def check_dimensions(feature: FeatureSpec, most: int, *, fix: str) -> int:
    """Return D, the number of dimensions of one flattened sample."""
    if feature.dimensions > most:
        raise ShapeError(
            f"a sample of shape {feature.shape} has {feature.dimensions} dimensions; the maximum is {most}", fix=fix
        )
    return feature.dimensions
