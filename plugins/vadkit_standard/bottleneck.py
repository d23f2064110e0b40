"""Scores of the model's own bottleneck."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from vadkit.api import ClipOutputs, Scorer, ShapeError, closest
from vadkit_standard.scorers import over_clip


class BottleneckScore(Scorer):
    """A score of the model's bottleneck, such as the distance from a memory.

    A score with T' samples per clip assigns each sample to the frames that it covers; T' must divide the number of
    those frames.

    Args:
        score: name of the score in the bottleneck's output.
        over: the frames that the samples cover: the clip's "input" or its "target".

    Example:
        >>> import torch
        >>> from vadkit.api import ClipSpec
        >>> clips = torch.zeros(1, 3, 4, 8, 8)
        >>> out = ClipOutputs(ClipSpec(4, 8, 8), clips, clips, scores={"distance": torch.tensor([[1.0, 2.0]])})
        >>> BottleneckScore(score="distance")(out)
        tensor([[1., 1., 2., 2.]])
    """

    uses_output = False

    def __init__(self, *, score: str, over: Literal["input", "target"] = "input") -> None:
        self.score = score
        self.over: Literal["input", "target"] = over

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        if self.score not in out.scores:
            fix = closest(self.score, out.scores) if out.scores else "add 'model.bottleneck', or remove the scorer"
            raise ShapeError(f"the model's bottleneck has no score named {self.score!r}", fix=fix)
        start, stop = out.spec.input if self.over == "input" else out.spec.target
        samples = out.scores[self.score].float()  # (B, T')
        if (stop - start) % samples.shape[1]:
            what = f"{samples.shape[1]} samples of score {self.score!r} do not divide {stop - start} {self.over} frames"
            fix = f"set over: {'target' if self.over == 'input' else 'input'}, or change data.clip.{self.over}"
            raise ShapeError(what, fix=fix)
        return over_clip(out, samples.repeat_interleave((stop - start) // samples.shape[1], dim=1), range(start, stop))
