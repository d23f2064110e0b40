"""The optical-flow loss of future frame prediction, with Horn and Schunck's estimator in place of FlowNet.

Source: Liu et al., CVPR 2018, Eq. 4: the mean absolute difference of two flows, from the last input frame to the true
next frame and to the predicted one. The paper uses FlowNet, pretrained on videos of known flow; vadkit does not include
its weights. This loss runs a fixed number of iterations of Horn and Schunck (Artificial Intelligence 17, 1981). That
estimator needs no training and passes gradients, but follows large motions less well. Results with it are therefore
not those of the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Loss, ShapeError


class Flow(Loss, nn.Module):
    """Mean absolute difference of two optical flows, to the predicted and to the true frames, pixels. Not FlowNet's.

    Args:
        clip: geometry of a clip; the target must start right after an input frame.
        iterations: iterations of Horn and Schunck.
        smoothness: alpha, how strongly neighbouring flows must agree, in units of pixels in [0, 1].
        shrink: side of the squares, in pixels, over which frames are averaged first, so that motion is small.

    Example:
        >>> spec = ClipSpec(5, 32, 32, target=(4, 5))
        >>> loss, clips = Flow(spec), torch.zeros(1, 3, 5, 32, 32)
        >>> loss(ClipOutputs(spec, clips, clips[:, :, 4:], clips[:, :, 4:]))
        tensor(0.)
    """

    def __init__(self, clip: ClipSpec, *, iterations: int = 16, smoothness: float = 0.2, shrink: int = 4) -> None:
        super().__init__()
        if clip.target[0] < 1:
            fix = "set data.clip.input: 0:4 and target: 4:5"
            raise ShapeError("the flow loss needs a frame before the target", fix=fix)
        if iterations < 1 or shrink < 1 or smoothness <= 0:
            raise ShapeError("iterations and shrink must be at least 1, and smoothness must be positive")
        if min(clip.height, clip.width) // shrink < 3:
            raise ShapeError(f"frames of {clip.height}x{clip.width} are too small for shrink {shrink}")
        self.before, self.colors = clip.target[0] - 1, clip.colors
        self.iterations, self.smoothness, self.shrink = iterations, smoothness, shrink

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        if out.output is None:
            raise ShapeError("the flow loss needs the model's output", where="model.losses")
        before = out.clips[:, :, self.before : self.before + 1]
        true, drawn = self._gray(before, out.target), self._gray(before, out.output.float())
        # Both flows of a frame start from the true frame before it.
        starts = true[:, :-1].flatten(0, 1)
        wanted, found = (
            horn_schunck(starts, frames[:, 1:].flatten(0, 1), iterations=self.iterations, smoothness=self.smoothness)
            for frames in (true, drawn)
        )
        return (wanted * self.shrink - found * self.shrink).abs().mean()

    def _gray(self, before: Tensor, frames: Tensor) -> Tensor:
        """(B, C, 1, H, W) and (B, C, T, H, W) -> (B, T + 1, 1, h, w) in [0, 1]."""
        gray = (torch.cat([before, frames], dim=2)[:, : self.colors].mean(1) + 1) / 2
        return functional.avg_pool2d(gray, self.shrink).unsqueeze(2)


def horn_schunck(first: Tensor, second: Tensor, *, iterations: int, smoothness: float) -> Tensor:
    """Optical flow from gray frames (N, 1, H, W) in [0, 1] to the next: (N, 2, H, W), right and down, in pixels.

    The number of iterations is fixed so that gradients pass; `smoothness` is alpha.
    """
    padded = functional.pad((first + second) / 2, (1, 1, 1, 1), mode="replicate")
    right = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    slope = torch.cat([right, down], dim=1)  # (N, 2, H, W)
    scale = smoothness**2 + slope.square().sum(1, keepdim=True)
    kernel = first.new_tensor([[1, 2, 1], [2, 0, 2], [1, 2, 1]]).expand(2, 1, 3, 3) / 12
    flow = torch.zeros_like(slope)
    for _ in range(iterations):
        around = functional.conv2d(functional.pad(flow, (1, 1, 1, 1), mode="replicate"), kernel, groups=2)
        missed = (slope * around).sum(1, keepdim=True) + second - first
        flow = around - slope * missed / scale
    return flow
