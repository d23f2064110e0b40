"""Runs the pipeline over every window of a video; each frame gets the mean of its windows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from vadkit.contracts import Scorer
from vadkit.errors import DataError
from vadkit.model.pipeline import Pipeline
from vadkit.monitor import Monitor
from vadkit.score.store import VideoScores
from vadkit.values import ClipOutputs
from vadkit.video.clips import to_clip, window_starts


class WindowMean:
    """Collects scores of overlapping windows: (F,) means, and in how many windows a frame was.

    Args:
        frames: F.
        components: names of the scores.
    """

    def __init__(self, frames: int, components: tuple[str, ...]) -> None:
        self._sums = {name: np.zeros(frames) for name in components}
        self._counts = {name: np.zeros(frames, np.int64) for name in components}
        self.coverage = np.zeros(frames, np.int64)

    def cover(self, where: NDArray[np.int64]) -> None:
        """One window shows the frames `where` (T,)."""
        self.coverage[where] += 1

    def add(self, component: str, where: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """One window's scores (T,) of the frames `where` (T,); NaN gives no score."""
        given = ~np.isnan(scores)
        self._sums[component][where[given]] += scores[given]
        self._counts[component][where[given]] += 1

    def means(self) -> dict[str, NDArray[np.float64]]:
        """Component -> (F,), NaN for frames that no window scored."""
        with np.errstate(invalid="ignore"):
            return {name: self._sums[name] / self._counts[name] for name in self._sums}


@torch.inference_mode()
def score_video(
    name: str,
    scene: str,
    frames: NDArray[np.uint8],
    pipeline: Pipeline,
    scorers: Mapping[str, Scorer],
    fabric: Fabric,
    *,
    batch: int,
    stride: int,
    monitor: Monitor,
    done: int = 0,
) -> VideoScores:
    """Score one video.

    Args:
        name: the video's name.
        scene: its scene.
        frames: (F, H, W, C) uint8.
        pipeline: on the fabric's device.
        scorers: component -> scorer.
        fabric: device and precision.
        batch: windows at once.
        stride: frames between neighbouring windows; the last is flush with the video's end.
        monitor: is told of every batch, counted in windows from `done`.
        done: windows of earlier videos.

    Raises:
        DataError: the video is shorter than a clip, or the model's outputs are not finite.
    """
    spec = pipeline.clip
    starts = window_starts(len(frames), spec, stride, video=name)
    result = WindowMean(len(frames), tuple(scorers))
    for first in range(0, len(starts), batch):
        some = starts[first : first + batch]
        clips = torch.stack([to_clip(frames[start : start + spec.span : spec.step]) for start in some])
        with fabric.autocast():
            out = pipeline(clips.to(fabric.device))
        places = [start + np.arange(spec.frames) * spec.step for start in some]
        _refuse_non_finite(out, name, int(some[0]))
        for where in places:
            result.cover(where)
        for component, scorer in scorers.items():
            scores = scorer(out).double().cpu().numpy()  # (B, T)
            for where, values in zip(places, scores, strict=True):
                result.add(component, where, values)
        monitor.advance(done + first + len(some), amount=len(some))
    return VideoScores(name, scene, result.means(), result.coverage)


def _refuse_non_finite(out: ClipOutputs, name: str, start: int) -> None:
    tensors = {"model": out.output, **{f"density {key}": value for key, value in out.nll.items()}}
    for what, tensor in tensors.items():
        if tensor is not None and not bool(torch.isfinite(tensor).all()):
            raise DataError(
                f"the {what} gave values that are not finite, in windows from frame {start} on",
                where=f"video {name}",
                fix="train it again, with a lower learning rate or in fp32",
            )
