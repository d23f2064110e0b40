"""What densities with one distribution for each place share."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from vadkit.api import FeatureSpec, ShapeError

BATCH = 16384  # samples read at once


class Places:
    """The places of samples that end with their row and column.

    Args:
        feature: declares a grid and `position`.
        smooth: standard deviation of the Gaussian window over neighbouring places, in places. 0 does not smooth.

    Attributes:
        spec: of a sample without its row and column.
        count: number of places.

    Raises:
        ShapeError: the feature does not give positions, or `smooth` is negative.

    Example:
        >>> from vadkit.api import Grid
        >>> places = Places(FeatureSpec((3,), 1, grid=Grid(2, 4, (8, 8), (8, 8)), position=True))
        >>> values, place = places.split(torch.tensor([[5.0, 1.0, 2.0]]))
        >>> values.tolist(), place.tolist()
        ([[5.0]], [6])
    """

    def __init__(self, feature: FeatureSpec, *, smooth: float = 0.0) -> None:
        if feature.grid is None or not feature.position or len(feature.shape) != 1:
            what = "per_place is set, but the samples do not contain the row and the column of a place"
            raise ShapeError(what, fix="choose a feature with samples at places, and set position: true in it")
        if smooth < 0:
            raise ShapeError(f"smooth must be at least 0 places, but it is {smooth}")
        self.grid, self.count = feature.grid, feature.grid.places
        self.spec = replace(feature, shape=(feature.shape[0] - 2,), position=False, quantum=feature.quantum[:-2])
        self._windows = tuple(_window(size, smooth) for size in (self.grid.rows, self.grid.columns))

    def split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D + 2) -> values (N, D) and places (N,), counted along the rows."""
        row, column = features[:, -2].round().long(), features[:, -1].round().long()
        row, column = row.clamp(0, self.grid.rows - 1), column.clamp(0, self.grid.columns - 1)
        return features[:, :-2].float(), row * self.grid.columns + column

    def near(self, features: Tensor, reach: int) -> tuple[Tensor, Tensor]:
        """As `split`, with a copy of each sample for every place at most `reach` rows and columns away."""
        values, place = self.split(features)
        row, column = place // self.grid.columns, place % self.grid.columns
        steps = torch.cartesian_prod(*(torch.arange(-reach, reach + 1, device=place.device),) * 2).reshape(-1, 2)
        rows, columns = row[:, None] + steps[:, 0], column[:, None] + steps[:, 1]
        inside = (rows >= 0) & (rows < self.grid.rows) & (columns >= 0) & (columns < self.grid.columns)
        copied = values[:, None].expand(-1, len(steps), -1)[inside]
        return copied, (rows * self.grid.columns + columns)[inside]

    def empty(self, dimensions: int) -> Tensor:
        """Zero sums (places, D), float64 on the CPU."""
        return torch.zeros(self.count, dimensions, dtype=torch.float64)

    def sums(self, values: Tensor, place: Tensor) -> Tensor:
        """(N, D) and (N,) -> the sum of the values at each place (places, D), float64 on the CPU."""
        return self.empty(values.shape[1]).index_add(0, place.cpu(), values.double().cpu())

    def smoothed(self, sums: Tensor) -> Tensor:
        """Sums (places, D) -> sums that neighbouring places share, weighted by their distance."""
        grid = sums.reshape(self.grid.rows, self.grid.columns, -1)
        down, across = (window.to(sums.dtype) for window in self._windows)
        return torch.einsum("ij,jkd,lk->ild", down, grid, across).reshape(sums.shape)


def _window(size: int, deviation: float) -> Tensor:
    """(size, size) weights of neighbours; the weight of the place itself is 1."""
    if not deviation:
        return torch.eye(size, dtype=torch.float64)
    distance = torch.arange(size, dtype=torch.float64)
    return torch.exp(-0.5 * ((distance[:, None] - distance) / deviation) ** 2)
