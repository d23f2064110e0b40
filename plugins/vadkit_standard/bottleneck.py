"""Scores that the model's own bottleneck gives."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from vadkit.api import ClipOutputs, Scorer, ShapeError, closest


class BottleneckScore(Scorer):
    """A score that the model's bottleneck gives, such as the distance from a memory.

    A score with T' samples a clip gives each of them to the frames that it covers: T' must divide
    the number of those frames.

    Args:
        score: its name, as the bottleneck calls it.
        over: the frames that the samples cover: the clip's "input", or its "target".
    """

    uses_output = False

    def __init__(self, *, score: str, over: Literal["input", "target"] = "input") -> None:
        self.score = score
        self.over: Literal["input", "target"] = over

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        if self.score not in out.scores:
            known = closest(self.score, out.scores) if out.scores else "add 'model.bottleneck', or leave the scorer out"
            raise ShapeError(f"the model's bottleneck gives no score {self.score!r}", fix=known)
        start, stop = out.spec.input if self.over == "input" else out.spec.target
        samples = out.scores[self.score].float()  # (B, T')
        if (stop - start) % samples.shape[1]:
            raise ShapeError(
                f"{samples.shape[1]} samples of score {self.score!r} do not divide {stop - start} {self.over} frames",
                fix=f"set over: {'target' if self.over == 'input' else 'input'}, or other data.clip.{self.over}",
            )
        scores = samples.new_full((len(samples), out.spec.frames), torch.nan)
        scores[:, start:stop] = samples.repeat_interleave((stop - start) // samples.shape[1], dim=1)
        return scores
