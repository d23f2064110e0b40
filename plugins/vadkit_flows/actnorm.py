"""Activation normalization (Kingma and Dhariwal 2018, section 3.1) with the same start in every process."""

from __future__ import annotations

import torch
from normflows.flows import normalization
from normflows.flows.affine.coupling import AffineConstFlow
from torch import Tensor

from vadkit_flows.processes import summed

LEAST_STD = 1e-3  # a channel that is constant in the first batch must not be scaled to deviation 1


class ActNorm(normalization.ActNorm):
    """A learned scale and shift for each channel. The first batch sets them to give mean 0 and deviation 1.

    A channel that is constant in the first batch keeps its scale: its deviation is not known.

    normflows' own layer replaces the buffer that records whether it is initialized with a new tensor. On a
    GPU that tensor stays on the CPU, and an optimizer or a wrapper that holds the old tensor does not see
    it. With several processes, each would also initialize from its own batch. This class fills the buffer
    in place, and initializes from the first batch of all processes when `torch.distributed` is in use. The
    keys of the state are those of normflows.

    Shapes:
        z: (N, C, ...); the constructor gets the shape without N. The log-determinant is one number.
    """

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map towards the prior. The first batch initializes the layer."""
        if self.training and not self.data_dep_init_done:
            self._start(z.detach())
        return AffineConstFlow.inverse(self, z)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map towards the data. It never initializes the layer, because samples of the prior do not show the data."""
        return AffineConstFlow.forward(self, z)

    @torch.no_grad()
    def _start(self, z: Tensor) -> None:
        count = summed(torch.tensor(float(z.numel() // self.s.numel()), device=z.device))
        mean = summed(z.sum(self.batch_dims, keepdim=True)) / count
        squares = summed((z - mean).square().sum(self.batch_dims, keepdim=True))
        if count > 1:  # one value has no deviation
            std = (squares / (count - 1)).sqrt() + 1e-6
            self.s.copy_(torch.where(std > LEAST_STD, std.log(), 0.0))
        self.t.copy_(mean)
        self.data_dep_init_done.fill_(1.0)
