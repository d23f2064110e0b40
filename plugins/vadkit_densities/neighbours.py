"""A k-nearest-neighbour density."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.places import BATCH, Places
from vadkit_densities.sample import collect
from vadkit_densities.scale import SMALLEST_STD

_AT_ONCE = 4096  # samples that are compared at once
_CLOSEST = 1e-6  # smallest distance, in deviations: a copy of a training sample must not be infinitely likely


class NearestNeighbours(DensityModel, nn.Module):
    """k-nearest-neighbour density (Loftsgaarden and Quesenberry 1965) of standardized samples; NLL in nats.

    -log p = log(N / k) + log V + D log r, where r is the distance to the k-th neighbour and V is the volume
    of the unit ball in D dimensions. It ranks samples in the same order as the distance r.

    Args:
        feature: shape of one sample, a map or a vector.
        neighbours: number of neighbours (k).
        samples: maximum number of training samples to keep and search (N).
        per_place: search among the samples of the same place. The feature must give the position of its samples. A
            place with fewer than `neighbours` samples searches samples of all places.
        samples_per_place: maximum number of samples to keep for each place.
        reach: samples up to this many rows and columns away count as samples of a place.

    Raises:
        ShapeError: `neighbours` is below 1 or above the number of samples to keep, or samples without a position.

    Example:
        >>> density = NearestNeighbours(FeatureSpec((4,), samples=1), neighbours=2, samples=16)
        >>> density.kept.shape  # filled by fit
        torch.Size([16, 4])
    """

    mean: Tensor
    std: Tensor
    kept: Tensor
    count: Tensor

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        neighbours: int = 5,
        samples: int = 4096,
        per_place: bool = False,
        samples_per_place: int = 64,
        reach: int = 1,
    ) -> None:
        super().__init__()
        name, most = ("samples_per_place", samples_per_place) if per_place else ("samples", samples)
        if not 1 <= neighbours <= most:
            raise ShapeError(f"neighbours must be between 1 and {name} ({most}), but it is {neighbours}")
        if reach < 0:
            raise ShapeError(f"reach must be at least 0 places, but it is {reach}")
        self.neighbours, self.samples, self.reach = neighbours, samples, reach
        self.trimmed = False
        self.places = Places(feature) if per_place else None
        size = feature.dimensions if self.places is None else self.places.spec.dimensions
        kept = (samples,) if self.places is None else (self.places.count, samples_per_place)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        self.register_buffer("kept", torch.zeros(*kept, size))
        self.register_buffer("count", torch.zeros(kept[:-1], dtype=torch.long))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Keep up to `samples` of the training features."""
        del context
        sample = collect(features, self.samples)
        if self.places is not None:
            sample = sample[:, :-2]
        self.mean.copy_(sample.mean(0))
        self.std.copy_(sample.std(0, correction=0).clamp_min(SMALLEST_STD))
        scaled = ((sample - sample.mean(0)) / self.std.double().cpu()).float().to(self.kept.device)
        if self.places is not None:
            self._keep_places(features, self.places, scaled)
            return
        self.kept[: len(sample)] = scaled
        self.count.fill_(len(sample))

    def _keep_places(self, features: FeatureSource, places: Places, shared: Tensor) -> None:
        """Keep the first samples of each place, and samples of all places where there are too few."""
        size = self.kept.shape[1]
        self.count.zero_()
        for batch in features.batches(BATCH):
            values, place = places.near(batch.to(self.kept.device), self.reach)
            order = place.argsort(stable=True)
            values, place = (values[order] - self.mean) / self.std, place[order]
            added = place.bincount(minlength=places.count)
            rank = torch.arange(len(place), device=place.device) - (added.cumsum(0) - added)[place]
            slot = self.count[place] + rank
            self.kept[place[slot < size], slot[slot < size]] = values[slot < size]
            self.count.copy_((self.count + added).clamp_max(size))
        few = self.count < self.neighbours
        most = min(len(shared), size)
        self.kept[few, :most] = shared[:most]
        self.count[few] = most

    def for_scoring(self) -> NearestNeighbours:
        """A copy without the empty rows of `kept`, so that no operation depends on a number in a tensor."""
        if self.places is not None:
            return self
        ready = copy.copy(self)
        ready._buffers = dict(self._buffers)
        ready.kept, ready.trimmed = self.kept[: int(self.count)], True
        return ready

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""
        if self.places is not None:
            values, place = self.places.split(features)
            if torch.compiler.is_exporting():  # a graph has a fixed number of parts
                return self._at_places(values, place)
            parts = zip(values.split(_AT_ONCE), place.split(_AT_ONCE), strict=True)
            return torch.cat([self._at_places(*part) for part in parts]) if len(values) else values.sum(1)
        kept = self.kept if self.trimmed else self.kept[: int(self.count)]
        with torch.autocast(features.device.type, enabled=False):
            scaled = (features.flatten(1).float() - self.mean) / self.std
            k = min(self.neighbours, kept.shape[0])
            distances = torch.cdist(scaled, kept, compute_mode="use_mm_for_euclid_dist")  # the same for every N
            radius = distances.topk(k, dim=1, largest=False).values[:, -1]  # ONNX has no `kthvalue`
        return self._nll(radius) + math.log(kept.shape[0] / k)

    def _at_places(self, values: Tensor, place: Tensor) -> Tensor:
        count = self.count[place]
        distances = (((values - self.mean) / self.std)[:, None] - self.kept[place]).square().sum(2)
        empty = torch.arange(distances.shape[1], device=place.device) >= count[:, None]
        nearest = distances.masked_fill(empty, torch.inf).topk(self.neighbours, largest=False).values
        k = count.clamp_max(self.neighbours)
        radius = nearest.gather(1, (k - 1).clamp_min(0)[:, None])[:, 0].sqrt()
        return self._nll(radius) + (count / k).log()

    def _nll(self, radius: Tensor) -> Tensor:
        """Distance to the neighbour (N,) -> negative log-likelihood (N,), without the number of samples."""
        size = self.mean.numel()
        ball = 0.5 * size * math.log(math.pi) - math.lgamma(0.5 * size + 1)
        return ball + size * radius.clamp_min(_CLOSEST).log() + self.std.log().sum()
