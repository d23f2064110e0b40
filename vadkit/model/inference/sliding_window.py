"""Runs the pipeline over every window of a video; each frame gets the mean of its windows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch.nn import functional

from vadkit.core.contracts import Scorer
from vadkit.core.errors import DataError
from vadkit.core.progress import Progress
from vadkit.core.values import ClipOutputs, Short, VideoRef
from vadkit.model.pipeline import Pipeline
from vadkit.store.scores import PositionStats, VideoScores
from vadkit.video.cache import Frames
from vadkit.video.clips import Clips, read_window, to_clips, window_frames, window_starts

CALIBRATION_CLIPS = 512  # enough for a mean and a deviation, whatever the data set's size
MAP_CELL = 4  # pixels of the clip a side that one value of a kept map stands for


class SlidingWindowMean:
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

    def take(self, count: int) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
        """Means and coverage of the first `count` frames, which leave; frames without any come in behind."""
        means = {name: scores[:count] for name, scores in self.means().items()}
        coverage = self.coverage[:count].copy()
        for kept in (*self._sums.values(), *self._counts.values(), self.coverage):
            kept[:-count] = kept[count:].copy()
            kept[-count:] = 0
        return means, coverage


class SlidingWindowMapMean:
    """Collects where in the frame, over overlapping windows, in cells of `MAP_CELL` pixels."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._sums: NDArray[np.float32] | None = None
        self._counts = np.zeros(frames, np.int64)

    def add(self, where: NDArray[np.int64], anomaly_maps: NDArray[np.float32]) -> None:
        """One window's maps (T, h, w) of the frames `where` (T,); NaN gives none."""
        if self._sums is None:
            self._sums = np.zeros((self._frames, *anomaly_maps.shape[1:]), np.float32)
        given = ~np.isnan(anomaly_maps).any(axis=(1, 2))
        self._sums[where[given]] += anomaly_maps[given]
        self._counts[where[given]] += 1

    def means(self) -> NDArray[np.float32]:
        """(F, h, w), the nearest covered frame's where no window scores."""
        assert self._sums is not None
        means = self._sums / np.maximum(self._counts, 1).astype(np.float32)[:, None, None]
        scored = np.flatnonzero(self._counts)
        for frame in np.flatnonzero(self._counts == 0):
            means[frame] = means[scored[np.argmin(np.abs(scored - frame))]]
        return means


def measure_position_stats(
    clips: Clips, pipeline: Pipeline, scorers: Mapping[str, Scorer], fabric: Fabric, *, batch: int, progress: Progress
) -> dict[str, PositionStats]:
    """What each scorer gives at each place of a window on normal video, from training clips alone.

    Args:
        clips: training clips; at most `CALIBRATION_CLIPS` of them, evenly spaced, are scored.
        pipeline: on the fabric's device.
        scorers: component -> scorer.
        fabric: device and precision.
        batch: windows at once.
        progress: is told of progress.
    """
    numbers = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), CALIBRATION_CLIPS)).round().astype(int))
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in scorers}
    batch = 1 if pipeline.stateful else batch
    progress.begin("calibrate", len(numbers), unit="windows")
    for first in range(0, len(numbers), batch):
        some = numbers[first : first + batch]
        where = f"training clip {some[0]}"
        pipeline.reset()
        out = outputs_of(clips.read(some), pipeline, fabric, where=where)
        for name, scores in scores_of(out, scorers).items():
            found[name].append(scores)
        progress.advance(first + len(some), amount=len(some))
    progress.end()
    return {name: _places(np.concatenate(scores)) for name, scores in found.items()}


def _places(scores: NDArray[np.float64]) -> PositionStats:
    given = ~np.isnan(scores).all(axis=0)  # a place that the scorer never scores stays NaN
    mean, std = np.full(scores.shape[1], np.nan), np.ones(scores.shape[1])
    mean[given] = np.nanmean(scores[:, given], axis=0)
    std[given] = np.nanstd(scores[:, given], axis=0)
    return PositionStats(mean, np.where(std > 0, std, 1.0))


@torch.inference_mode()
def outputs_of(clips: torch.Tensor, pipeline: Pipeline, fabric: Fabric, *, where: str) -> ClipOutputs:
    """Clips (B, C, T, H, W) through the model."""
    with fabric.autocast():
        out = pipeline(clips.to(fabric.device))
    _refuse_non_finite(out, where)
    return out


@torch.inference_mode()
def scores_of(out: ClipOutputs, scorers: Mapping[str, Scorer]) -> dict[str, NDArray[np.float64]]:
    """Component -> (B, T)."""
    return {name: scorer(out).double().cpu().numpy() for name, scorer in scorers.items()}


def _placed(
    scores: dict[str, NDArray[np.float64]], places: Mapping[str, PositionStats] | None
) -> dict[str, NDArray[np.float64]]:
    """Component -> (B, T), each place in a window standardised if the recipe asks for it."""
    return {name: places[name].standardise(one) for name, one in scores.items()} if places else scores


def score_clips(
    clips: torch.Tensor,
    pipeline: Pipeline,
    scorers: Mapping[str, Scorer],
    fabric: Fabric,
    *,
    places: Mapping[str, PositionStats] | None,
    where: str,
) -> dict[str, NDArray[np.float64]]:
    """Clips (B, C, T, H, W) -> component -> (B, T); arguments as of `score_video`, and `where` for messages.

    The pipeline sees what came of it, so that a video's clips must come in order; B = 1 where that matters.
    """
    out = outputs_of(clips, pipeline, fabric, where=where)
    found = _placed(scores_of(out, scorers), places)
    update_state(out, pipeline)
    return found


@torch.inference_mode()
def update_state(out: ClipOutputs, pipeline: Pipeline) -> None:
    """Let the pipeline see what came of a clip, before the next one."""
    pipeline.update(out)


@torch.inference_mode()
def _maps(out: ClipOutputs, scorer: Scorer, name: str) -> NDArray[np.float32]:
    """(B, T, h, w), in cells."""
    anomaly_maps = scorer.anomaly_maps(out)
    if anomaly_maps is None:
        raise DataError("gives no maps", where=f"scores.{name}", fix="name another entry under 'evaluate.anomaly_maps'")
    cells = functional.avg_pool2d(anomaly_maps.float(), MAP_CELL, ceil_mode=True, count_include_pad=False)
    return cells.cpu().numpy()


def score_video(
    video: VideoRef,
    frames: Frames,
    pipeline: Pipeline,
    scorers: Mapping[str, Scorer],
    fabric: Fabric,
    *,
    batch: int,
    stride: int,
    progress: Progress,
    done: int = 0,
    places: Mapping[str, PositionStats] | None = None,
    anomaly_maps: str = "",
    short: Short = "error",
) -> VideoScores:
    """Score one video, its windows in order; one at a time where scores depend on the order.

    Args:
        video: its name, scene and frame rate.
        frames: (F, H, W, C) uint8.
        pipeline: on the fabric's device.
        scorers: component -> scorer.
        fabric: device and precision.
        batch: windows at once.
        stride: frames between neighbouring windows; the last is flush with the video's end.
        progress: is told of every batch, counted in windows from `done`.
        done: windows of earlier videos.
        places: component -> what to standardise its scores with, before windows are averaged.
        anomaly_maps: the scorer whose maps are kept; empty keeps none.
        short: what to do with a video shorter than a clip.

    Raises:
        DataError: the video is shorter than a clip and `short` is "error", or the model's outputs are not finite.
    """
    spec = pipeline.clip
    starts = window_starts(len(frames), spec, stride, video=video.name, short=short)
    result, shown = SlidingWindowMean(len(frames), tuple(scorers)), SlidingWindowMapMean(len(frames))
    batch = 1 if pipeline.stateful else batch
    pipeline.reset()
    for first in range(0, len(starts), batch):
        some = starts[first : first + batch]
        clips = to_clips([read_window(frames, spec, int(start)) for start in some])
        # A frame that is repeated to fill a clip up is scored where it stands first.
        windows = [np.unique(window_frames(len(frames), spec, int(start))) for start in some]
        for where in windows:
            result.cover(where)
        out = outputs_of(clips, pipeline, fabric, where=f"video {video.name}, windows from frame {some[0]} on")
        for component, scores in _placed(scores_of(out, scorers), places).items():
            for where, values in zip(windows, scores, strict=True):
                result.add(component, where, values[: len(where)])
        if anomaly_maps:
            for where, values in zip(windows, _maps(out, scorers[anomaly_maps], anomaly_maps), strict=True):
                shown.add(where, values[: len(where)])
        update_state(out, pipeline)
        progress.advance(done + first + len(some), amount=len(some))
    kept = shown.means if anomaly_maps else None
    return VideoScores(video.name, video.scene, result.means(), result.coverage, video.fps, kept)


def _refuse_non_finite(out: ClipOutputs, where: str) -> None:
    tensors = {"model": out.output, **{f"density {key}": value for key, value in out.nll.items()}}
    for what, tensor in tensors.items():
        if tensor is not None and not bool(torch.isfinite(tensor).all()):
            raise DataError(
                f"the {what} gave values that are not finite",
                where=where,
                fix="train it again, with a lower learning rate or in fp32",
            )
