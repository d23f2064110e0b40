"""Activation normalisation (Kingma and Dhariwal 2018, section 3.1) that starts alike in every process."""

from __future__ import annotations

import torch
import torch.distributed as dist
from normflows.flows import normalization
from normflows.flows.affine.coupling import AffineConstFlow
from torch import Tensor


class ActNorm(normalization.ActNorm):
    """A learned scale and shift of each channel, which start where the first batch has mean 0 and deviation 1.

    normflows' own layer puts a new tensor in place of the buffer that says whether it has started: on a GPU that one
    is left on the CPU, and an optimizer or a wrapper that holds the old one does not see it. Its processes would also
    start from different batches, each from its own. Here the buffer is filled where it lies, and where
    `torch.distributed` runs the first batch is that of all processes together. Keys of the state are normflows'.

    Shapes:
        z: (N, C, ...), the shape given without N; the log-determinant is one number.
    """

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Towards the prior; the first batch that comes this way is what the layer starts from."""
        if not self.data_dep_init_done:
            self._start(z.detach())
        return AffineConstFlow.inverse(self, z)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Towards the data. It starts nothing: samples of the prior say nothing about the data."""
        return AffineConstFlow.forward(self, z)

    @torch.no_grad()
    def _start(self, z: Tensor) -> None:
        count = _summed(torch.tensor(float(z.numel() // self.s.numel()), device=z.device))
        mean = _summed(z.sum(self.batch_dims, keepdim=True)) / count
        squares = _summed((z - mean).square().sum(self.batch_dims, keepdim=True))
        if count > 1:  # one value says nothing about its deviation
            self.s.copy_(((squares / (count - 1)).sqrt() + 1e-6).log())
        self.t.copy_(mean)
        self.data_dep_init_done.fill_(1.0)


def _summed(value: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
