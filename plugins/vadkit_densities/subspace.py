"""Support vector data description in a learned subspace, as a density."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import DataError, DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.sample import collect
from vadkit_densities.scale import Scale

Regularizer = Literal["none", "all", "support", "boundary"]


class SubspaceSVDD(DensityModel, nn.Module):
    """Subspace support vector data description (Sohrab et al. 2018), its linear form, of standardized samples.

    A ball encloses the training samples in a subspace of few dimensions. Ball and subspace are found in turn: the
    support vectors of the ball give the gradient of the projection. Its value is not a likelihood in nats. It is the
    squared distance from the centre of the ball, minus its squared radius: above 0 outside the ball.

    Args:
        feature: shape of one sample, a map or a vector.
        subspace: dimensions of the subspace (d).
        penalty: weight of a sample outside the ball (C). At most 1 / C samples are outside.
        iterations: number of gradient steps.
        step: size of a gradient step (η).
        regularizer: what the gradient also reduces. With "none" (ψ0), that is nothing. With "all" (ψ1), it is the
            squares of all samples in the subspace. With "support" (ψ2), it is the square of the weighted sum of the
            support vectors. With "boundary" (ψ3), only those at the boundary of the ball are added up.
        beta: weight of the regularizer (β).
        samples: maximum number of training samples to fit on. The time grows with its square.

    Raises:
        ShapeError: `subspace` is not between 1 and the number of dimensions, or another value is not above 0.

    Example:
        >>> density = SubspaceSVDD(FeatureSpec((4,), samples=1), subspace=2)
        >>> density(torch.zeros(3, 4)).shape
        torch.Size([3])
    """

    projection: Tensor
    centre: Tensor
    radius: Tensor

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        subspace: int = 1,
        penalty: float = 0.1,
        iterations: int = 100,
        step: float = 0.1,
        regularizer: Regularizer = "none",
        beta: float = 0.1,
        samples: int = 1024,
    ) -> None:
        super().__init__()
        size = feature.dimensions
        if not 1 <= subspace <= size:
            raise ShapeError(f"subspace must be between 1 and the {size} dimensions of a sample, but it is {subspace}")
        if min(penalty, iterations, step, samples) <= 0:
            raise ShapeError("penalty, iterations, step and samples must be above 0")
        self.penalty, self.iterations, self.step = min(penalty, 1.0), iterations, step
        self.regularizer, self.beta, self.samples = regularizer, beta, samples
        self.scale = Scale(size)
        self.register_buffer("projection", torch.eye(subspace, size))
        self.register_buffer("centre", torch.zeros(subspace))
        self.register_buffer("radius", torch.ones(()))  # squared

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Find the ball and the subspace.

        Raises:
            DataError: fewer than 1 / C samples.
        """
        sample = self.scale.fit(collect(features, self.samples))  # (N, D)
        if len(sample) * self.penalty < 1:
            what = f"a penalty of {self.penalty:g} needs at least {1 / self.penalty:.0f} samples"
            raise DataError(f"{what}, but there are {len(sample)}", fix="set a higher penalty")
        random = torch.Generator().manual_seed(context.seed % 2**63)
        q = _orthonormal(torch.randn(len(self.projection), sample.shape[1], generator=random, dtype=torch.float64))
        alpha, radius = self._ball(sample @ q.T)
        for _ in range(self.iterations):
            q = _orthonormal(q - self.step * self._gradient(q, sample, alpha))
            alpha, radius = self._ball(sample @ q.T)
        self.projection.copy_(q)
        self.centre.copy_(alpha @ sample @ q.T)
        self.radius.copy_(radius)

    def _ball(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points (N, d) -> their weights in the centre (N,), and the squared radius, by the dual problem of SVDD.

        It is the problem of a one-class SVM with the kernel -||x - y||² / 2, because the weights add up to 1.
        """
        from sklearn.svm import OneClassSVM as Machine  # here: scoring does not need it

        kernel = -0.5 * torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()
        machine = Machine(kernel="precomputed", nu=1 / (self.penalty * len(points)), tol=1e-6)
        found = machine.fit(kernel.numpy())
        alpha = torch.zeros(len(points), dtype=torch.float64)
        alpha[torch.from_numpy(found.support_).long()] = self.penalty * torch.from_numpy(found.dual_coef_[0])
        spread = alpha @ (points - alpha @ points).square().sum(1)
        return alpha, 2 * self.penalty * float(found.intercept_[0]) - spread

    def _gradient(self, q: Tensor, sample: Tensor, alpha: Tensor) -> Tensor:
        """Gradient of the Lagrangian with respect to the projection, (d, D)."""
        mean = alpha @ sample
        found = (q @ sample.T * alpha) @ sample - torch.outer(q @ mean, mean)
        if self.regularizer == "all":
            found = found + self.beta * (q @ sample.T) @ sample
        elif self.regularizer != "none":
            inside = alpha < self.penalty * (1 - 1e-6) if self.regularizer == "boundary" else torch.ones_like(alpha)
            mean = (alpha * inside) @ sample
            found = found + self.beta * torch.outer(q @ mean, mean)
        return 2 * found

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) squared distance from the centre, minus the squared radius."""
        with torch.autocast(features.device.type, enabled=False):
            return (self.scale(features) @ self.projection.T - self.centre).square().sum(1) - self.radius


def _orthonormal(rows: Tensor) -> Tensor:
    """(d, D) -> an orthonormal basis (d, D) of its rows."""
    return torch.linalg.qr(rows.T).Q.T
