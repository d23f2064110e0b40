"""The part of a run that scores clips, as one module with named outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadkit.core.contracts import Scorer
from vadkit.core.values import ClipSpec
from vadkit.model.inference.sliding_window import cell_maps
from vadkit.model.pipeline import Pipeline

INPUT = "frames"
FUSED = "score"
"""Name of the output with the fused score."""


def scores_name(scorer: str) -> str:
    """Name of the output with the scores of a scorer."""
    return f"scores.{scorer}"


def maps_name(scorer: str) -> str:
    """Name of the output with the anomaly maps of a scorer."""
    return f"maps.{scorer}"


def is_output(name: str) -> bool:
    """Whether an output can have this name."""
    return name == FUSED or name.startswith((scores_name(""), maps_name("")))


@dataclass(frozen=True, slots=True)
class LinearFusion:
    """The fused score of a clip as a linear function of the scores of its scorers.

    The score at position t is `offset` plus the sum of `gain[t] * (scores[t] - mean[t])` over the scorers.

    Attributes:
        mean: scorer -> (T,).
        gain: scorer -> (T,).
        offset: the constant term.
    """

    mean: Mapping[str, NDArray[np.float64]]
    gain: Mapping[str, NDArray[np.float64]]
    offset: float


class ClipScorer(nn.Module):
    """The pipeline and the scorers of a run as one module.

    Frames (B, T, H, W, C) uint8 become a dictionary. It has `scores.NAME` (B, T) for each scorer, NaN for frames
    without a score, and with a fusion the fused `score` (B, T). For the scorers in `mapped`, it also has `maps.NAME`
    (B, T, h, w), the mean anomaly map of each cell of `MAP_CELL` x `MAP_CELL` pixels.

    Args:
        pipeline: encoder, decoder, features and densities.
        scorers: name -> scorer.
        mapped: names of the scorers that also give their anomaly maps.
        fusion: gives the fused score; None for no fused score.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        scorers: Mapping[str, Scorer],
        mapped: Collection[str],
        fusion: LinearFusion | None = None,
    ) -> None:
        super().__init__()
        self.pipeline, self.scorers, self.mapped = pipeline, dict(scorers), tuple(mapped)
        self.fused = tuple(fusion.gain) if fusion is not None else ()
        self.offset = fusion.offset if fusion is not None else 0.0
        if fusion is not None:
            for name, values in (("mean", fusion.mean), ("gain", fusion.gain)):
                rows = np.stack([values[scorer] for scorer in self.fused])  # (scorers, T)
                self.register_buffer(name, torch.from_numpy(rows).float()[:, None])
        self.notify: Callable[[str], None] = ignore  # gets the part that follows: each scorer, empty after the last

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """Score clips."""
        out = self.pipeline((frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1).contiguous())  # as `to_clips`
        found: dict[str, Tensor] = {}
        for name, scorer in self.scorers.items():
            self.notify(f"scores.{name}")
            found[scores_name(name)] = scorer(out).float()
            if name in self.mapped and (pixels := scorer.anomaly_maps(out)) is not None:
                found[maps_name(name)] = cell_maps(pixels, self.pipeline.mask)
        self.notify("")
        if self.fused:
            scores = torch.stack([found[scores_name(name)] for name in self.fused])  # (scorers, B, T)
            centred = scores - self.get_buffer("mean")
            found = {FUSED: self.offset + (centred * self.get_buffer("gain")).sum(0)} | found
        return found


def random_frames(clip: ClipSpec, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw the frames of clips, (count, T, H, W, C), each value equally likely."""
    shape = count, clip.frames, clip.height, clip.width, clip.channels
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def ignore(_: str) -> None:
    """The `notify` of a module that nobody follows."""
