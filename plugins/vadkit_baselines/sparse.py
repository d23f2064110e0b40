"""Sparse coding of sequences: TSC, and the stacked RNN that unrolls it.

Source: Luo, Liu and Gao, "A revisit of sparse coding based anomaly detection in stacked RNN framework", ICCV 2017, and
its code (StevenLiuWen/sRNN_TSC_Anomaly_Detection). The code of x in step t minimizes

    ||x - A code||^2 / 2 + sparsity |code| + coherence * s * ||code - code before||^2 / 2

where s is the similarity of x to the x of the step before. Only the stacked RNN is in the published code. Its sizes,
first layer, similarity and decoder are from there. A sample is a sequence (C, T). Its value is the error of its last
step.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError

_POWER_STEPS = 20  # to estimate the largest eigenvalue; ISTA converges if it is at least half of the true one


class _SparseCoding(DensityModel, nn.Module):
    """A dictionary of atoms (C, hidden), trained by gradients. A subclass finds the codes and decodes them."""

    needs_fit = True

    def __init__(self, feature: FeatureSpec, hidden: int, rounds: int, sparsity: float, coherence: float) -> None:
        super().__init__()
        if len(feature.shape) != 2:
            what = f"samples must be sequences (C, T), but they have the shape {feature.shape}"
            raise ShapeError(what, fix="choose the feature region_sequences")
        if min(hidden, rounds) < 1 or min(sparsity, coherence) < 0:
            raise ShapeError("sizes must be at least 1, and sparsity and coherence at least 0")
        self.rounds, self.sparsity, self.coherence = rounds, sparsity, coherence
        self.atoms = _drawn(feature.shape[0], hidden)

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Train the dictionary."""
        context.fit(self, features)

    @abstractmethod
    def errors(self, steps: Tensor) -> Tensor:
        """(T, N, C) -> half of the squared error of each step (T, N)."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, T) -> (N,) error of the last step; in training: the mean error of the steps."""
        with torch.autocast(features.device.type, enabled=False):
            errors = self.errors(features.to(self.atoms.dtype).permute(2, 0, 1))
        return errors.mean(0) if self.training else errors[-1]


class StackRNN(_SparseCoding):
    """StackRNN: each layer is an iteration of ISTA for the code of a step, and all layers share the dictionary.

    The similarity of two steps is the cosine of learned projections. Another matrix decodes the last layer. Its value
    is not a likelihood in nats, but half of the squared error of the last step.

    Args:
        feature: shape of one sample (C, T).
        hidden: number of atoms, which is the width of a layer.
        layers: number of layers (K).
        gamma: inverse of the step size of ISTA (γ).
        sparsity: weight of the absolute values of a code (λ1).
        coherence: weight of the change from step to step (λ2).
        projection: number of values of a projection.

    Raises:
        ShapeError: samples are not sequences, or a size is too small.

    Example:
        >>> density = StackRNN(FeatureSpec((6, 4), samples=1), hidden=8, projection=3)
        >>> density(torch.zeros(3, 6, 4)).shape
        torch.Size([3])
    """

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        hidden: int = 2048,
        layers: int = 3,
        gamma: float = 1.0,
        sparsity: float = 0.1,
        coherence: float = 0.01,
        projection: int = 512,
    ) -> None:
        super().__init__(feature, hidden, layers, sparsity, coherence)
        if gamma <= 0 or projection < 1:
            raise ShapeError(f"gamma must be above 0 and projection at least 1, not {gamma:g} and {projection}")
        self.gamma = gamma
        self.projection, self.decoder = _drawn(feature.shape[0], projection), _drawn(hidden, feature.shape[0])

    def errors(self, steps: Tensor) -> Tensor:
        """(T, N, C) -> half of the squared error of each step (T, N)."""
        gram, drive = self.atoms.T @ self.atoms / self.gamma, steps @ self.atoms / self.gamma
        sparsity, coherence = self.sparsity / self.gamma, self.coherence / self.gamma
        projected = functional.pad(functional.relu(steps @ self.projection), (0, 0, 0, 0, 1, 0))  # 0 before the start
        like = functional.cosine_similarity(projected[1:], projected[:-1], dim=2)[..., None]
        before, codes = torch.zeros_like(drive[0]), list[Tensor]()
        for now, s in zip(drive, like, strict=True):
            code = functional.softshrink(before - self.coherence * before @ gram + now, sparsity)
            for _ in range(self.rounds - 1):
                pull = coherence * s * (before - code)
                code = functional.softshrink(code - code @ gram + pull + now, sparsity)
            codes.append(code)
            before = code
        return (steps - torch.stack(codes) @ self.decoder).square().sum(2) / 2


class TSC(_SparseCoding):
    """Temporally coherent sparse coding: ISTA until it converges, and the dictionary itself decodes.

    Training alternates: it finds the codes, then a gradient step reduces the error with these codes. Atoms have a norm
    of at most 1. The similarity of two steps is exp(-||x - x before||² / bandwidth). Its value is not a likelihood in
    nats, but half of the squared error of the last step.

    Args:
        feature: shape of one sample (C, T).
        hidden: number of atoms.
        iterations: iterations of ISTA for the code of a step.
        sparsity: weight of the absolute values of a code (λ1).
        coherence: weight of the change from step to step (λ2).
        bandwidth: of the similarity.

    Raises:
        ShapeError: samples are not sequences, or a size is too small.

    Example:
        >>> density = TSC(FeatureSpec((6, 4), samples=1), hidden=8)
        >>> density(torch.zeros(3, 6, 4)).shape
        torch.Size([3])
    """

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        hidden: int = 2048,
        iterations: int = 50,
        sparsity: float = 0.1,
        coherence: float = 0.01,
        bandwidth: float = 100.0,
    ) -> None:
        super().__init__(feature, hidden, iterations, sparsity, coherence)
        if bandwidth <= 0:
            raise ShapeError(f"bandwidth must be above 0, but it is {bandwidth:g}")
        self.bandwidth = bandwidth

    def errors(self, steps: Tensor) -> Tensor:
        """(T, N, C) -> half of the squared error of each step (T, N)."""
        atoms = self.atoms / self.atoms.norm(dim=0).clamp_min(1)
        with torch.no_grad():
            codes = self.codes(steps, atoms)
        return (steps - codes @ atoms.T).square().sum(2) / 2

    def codes(self, steps: Tensor, atoms: Tensor) -> Tensor:
        """Steps (T, N, C) and atoms (C, hidden) -> codes (T, N, hidden)."""
        gamma = _largest_eigenvalue(atoms) + self.coherence
        gram, drive = atoms.T @ atoms / gamma, steps @ atoms / gamma
        apart = steps.diff(dim=0, prepend=steps[:1]).square().sum(2, keepdim=True)
        like = torch.exp(-apart / self.bandwidth) * self.coherence / gamma
        like[0] = 0  # nothing is before the start
        before, codes = torch.zeros_like(drive[0]), list[Tensor]()
        for now, s in zip(drive, like, strict=True):
            code = before
            for _ in range(self.rounds):
                pulled = code - code @ gram + s * (before - code) + now
                code = pulled - pulled.clamp(-self.sparsity / gamma, self.sparsity / gamma)  # soft threshold
            codes.append(code)
            before = code
        return torch.stack(codes)


def _largest_eigenvalue(atoms: Tensor) -> Tensor:
    """Largest eigenvalue of atoms.T @ atoms, by the power method."""
    vector = torch.ones_like(atoms[0])
    for _ in range(_POWER_STEPS):
        vector = functional.normalize(atoms.T @ (atoms @ vector), dim=0)
    return (atoms @ vector).square().sum().clamp_min(1e-6)


def _drawn(rows: int, columns: int) -> nn.Parameter:
    """Half of the uniform values of Glorot and Bengio (2010)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(rows, columns), gain=0.5))
