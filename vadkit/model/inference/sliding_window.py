"""Sliding-window inference: scores every window of a video and averages the scores of each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from vadkit.core.contracts import Scorer
from vadkit.core.errors import DataError, class_of
from vadkit.core.progress import Progress
from vadkit.core.values import ClipOutputs, Short, VideoRef
from vadkit.model.compute import Compute
from vadkit.model.inference.map_mean import SlidingWindowMapMean
from vadkit.model.inference.preview_parts import PartsRecorder
from vadkit.model.pipeline import Pipeline
from vadkit.model.training.threads import StageThreads
from vadkit.store.scores import PositionStats, VideoScores
from vadkit.video.boxes import FrameBoxes
from vadkit.video.cache import Frames
from vadkit.video.clips import Clips, read_window, to_clips, window_frames, window_starts

CALIBRATION_CLIPS = 512  # enough for a mean and a standard deviation, for data sets of every size
MAP_CELL = 4  # side of one cell of a stored map, in pixels of the clip


class SlidingWindowMean:
    """The mean score of each frame over overlapping windows, and the number of windows that show the frame.

    Args:
        frames: number of frames, F.
        components: names of the scores.
    """

    def __init__(self, frames: int, components: tuple[str, ...]) -> None:
        self._sums = {name: np.zeros(frames) for name in components}
        self._counts = {name: np.zeros(frames, np.int64) for name in components}
        self.coverage = np.zeros(frames, np.int64)

    def count_window(self, frames: NDArray[np.int64]) -> None:
        """Count one window that shows the frames with the indices `frames` (T,)."""
        self.coverage[frames] += 1

    def add(self, component: str, frames: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """Add one window's scores (T,) of the frames with the indices `frames` (T,). NaN means "no score"."""
        scored = ~np.isnan(scores)
        self._sums[component][frames[scored]] += scores[scored]
        self._counts[component][frames[scored]] += 1

    def add_windows(self, windows: Sequence[NDArray[np.int64]], scores: Mapping[str, NDArray[np.float64]]) -> None:
        """Add the scores of several windows, component -> (B, T). A short window takes the first of its scores."""
        for component, of_windows in scores.items():
            for window, values in zip(windows, of_windows, strict=True):
                self.add(component, window, values[: len(window)])

    def means(self) -> dict[str, NDArray[np.float64]]:
        """Component -> (F,), NaN for frames that no window scored."""
        with np.errstate(invalid="ignore"):
            return {name: self._sums[name] / self._counts[name] for name in self._sums}

    def pop_first(self, count: int) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
        """Remove the first `count` frames and return their means and coverage.

        The other frames move to the front, and `count` empty frames follow them.
        """
        means = {name: scores[:count] for name, scores in self.means().items()}
        coverage = self.coverage[:count].copy()
        for array in (*self._sums.values(), *self._counts.values(), self.coverage):
            array[:-count] = array[count:].copy()
            array[-count:] = 0
        return means, coverage


def measure_position_stats(
    clips: Clips, pipeline: Pipeline, scorers: Mapping[str, Scorer], compute: Compute, *, batch: int, progress: Progress
) -> dict[str, PositionStats]:
    """Measure the scores of each scorer at each position of a window, on training clips.

    Args:
        clips: training clips. At most `CALIBRATION_CLIPS` of them, evenly spaced, are scored.
        pipeline: on its device.
        scorers: component -> scorer.
        compute: device and precision.
        batch: windows in a batch.
        progress: receives the progress.

    Returns:
        Component -> mean and standard deviation of its scores at each position. Empty if no scorer scores more than
        one position, because there is nothing to standardise.
    """
    indices = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), CALIBRATION_CLIPS)).round().astype(int))
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in scorers}
    batch = 1 if pipeline.stateful else batch
    progress.begin("calibrate", len(indices), unit="windows")
    for first in range(0, len(indices), batch):
        chunk = indices[first : first + batch]
        pipeline.reset()
        where, boxes = f"training clip {chunk[0]}", clips.boxes(chunk)
        out = run_pipeline(clips.read(chunk), pipeline, compute, where=where, boxes=boxes)
        for name, batch_scores in score_outputs(out, scorers).items():
            scores[name].append(batch_scores)
        progress.advance(first + len(chunk), amount=len(chunk))
        if first == 0 and not any(_scored_positions(of_name[0]).sum() > 1 for of_name in scores.values()):
            progress.end()
            return {}
    progress.end()
    return {name: _position_stats(np.concatenate(batches)) for name, batches in scores.items()}


def _position_stats(scores: NDArray[np.float64]) -> PositionStats:
    scored = _scored_positions(scores)  # the mean stays NaN at the other positions
    mean, std = np.full(scores.shape[1], np.nan), np.ones(scores.shape[1])
    mean[scored] = np.nanmean(scores[:, scored], axis=0)
    std[scored] = np.nanstd(scores[:, scored], axis=0)
    return PositionStats(mean, np.where(std > 0, std, 1.0))


def _scored_positions(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(B, T) -> (T,), True for the positions with a score in some window."""
    return np.logical_not(np.isnan(scores).all(axis=0))


@torch.inference_mode()
def run_pipeline(
    clips: torch.Tensor, pipeline: Pipeline, compute: Compute, *, where: str, boxes: torch.Tensor | None = None
) -> ClipOutputs:
    """Run the pipeline on clips (B, C, T, H, W).

    Args:
        clips: the windows.
        pipeline: on its device.
        compute: device and precision.
        where: names the clips in error messages.
        boxes: the boxes of objects in the clips, (B, 4, 1, 1, K).

    Raises:
        DataError: the model's outputs are not finite.
    """
    with compute.autocast():
        out = pipeline(clips.to(compute.device), boxes)
        if not _is_finite(out):
            part = pipeline.not_finite(clips.to(compute.device), boxes)
            fix = "correct that component; if gradients train it, train again with a lower learning rate, or in fp32"
            raise DataError(f"the {part} gives values that are not finite", where=where, fix=fix)
    return out


@torch.inference_mode()
def score_outputs(out: ClipOutputs, scorers: Mapping[str, Scorer]) -> dict[str, NDArray[np.float64]]:
    """Pipeline outputs -> component -> scores (B, T).

    Raises:
        DataError: a score is infinite.
    """
    found = {name: scorer(out).double().cpu().numpy() for name, scorer in scorers.items()}
    for name, values in found.items():
        if np.isinf(values).any():
            what = f"the scorer {class_of(scorers[name])} gives infinite scores"
            fix = "correct the component: keep logarithms and divisions away from 0"
            raise DataError(what, where=f"scores.{name}", fix=fix)
    return found


class _Gaps:
    """The positions of a window without a score (NaN), which must be the same in every window.

    Args:
        scorers: component -> scorer.
    """

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self._scorers = scorers
        self._known: dict[str, NDArray[np.bool_]] = {}

    def check(self, scores: Mapping[str, NDArray[np.float64]], where: str) -> None:
        """Raise a DataError if scores (B, T) are NaN at other positions than in earlier windows, or everywhere."""
        for name, values in scores.items():
            gaps = np.isnan(values)
            known = self._known.setdefault(name, gaps[0])
            changes = bool((gaps != known).any())
            if changes or known.all():
                scorer, some = f"the scorer {class_of(self._scorers[name])}", "in some windows only" if changes else ""
                what = f"{scorer} gives NaN for {int(gaps.sum(1).max())} of {known.size} frames of a window {some}"
                fix = "correct the component: which frames have no score (NaN) may depend on their position only"
                raise DataError(what.strip(), where=f"{where}, scores.{name}", fix=fix)


def _standardise(
    scores: dict[str, NDArray[np.float64]], position_stats: Mapping[str, PositionStats] | None
) -> dict[str, NDArray[np.float64]]:
    """Component -> (B, T), standardised at each position of a window if there are statistics."""
    if not position_stats:
        return scores
    return {name: position_stats[name].standardise(values) for name, values in scores.items()}


def score_clips(
    clips: torch.Tensor,
    pipeline: Pipeline,
    scorers: Mapping[str, Scorer],
    compute: Compute,
    *,
    position_stats: Mapping[str, PositionStats] | None,
    where: str,
    anomaly_maps: str = "",
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float32] | None]:
    """Score clips (B, C, T, H, W) and update the pipeline's state.

    Returns component -> scores (B, T), and the anomaly maps (B, T, h, w) of the scorer `anomaly_maps`, if any.
    The arguments are those of `score_video` and `run_pipeline`. Pass the clips of a video in order; if the
    pipeline is stateful, pass one at a time.
    """
    out = run_pipeline(clips, pipeline, compute, where=where)
    scores = _standardise(score_outputs(out, scorers), position_stats)
    maps = _cell_maps(out, scorers[anomaly_maps], anomaly_maps, pipeline.mask) if anomaly_maps else None
    update_state(out, pipeline)
    return scores, maps


@torch.inference_mode()
def update_state(out: ClipOutputs, pipeline: Pipeline) -> None:
    """Update the pipeline's state with a scored clip, without gradients."""
    pipeline.update(out)


@torch.inference_mode()
def _cell_maps(out: ClipOutputs, scorer: Scorer, name: str, mask: torch.Tensor | None) -> NDArray[np.float32]:
    """Anomaly maps (B, T, h, w) of a scorer."""
    anomaly_maps = scorer.anomaly_maps(out)
    if anomaly_maps is None:
        raise DataError(
            "has no anomaly maps", where=f"scores.{name}", fix="name another entry under 'evaluate.anomaly_maps'"
        )
    return cell_maps(anomaly_maps, mask).cpu().numpy()


def cell_maps(anomaly_maps: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Average anomaly maps (B, T, H, W) over cells of `MAP_CELL` pixels: (B, T, h, w), float32.

    Pixels that the mask (H, W) hides have the lowest value of their frame.
    """
    if mask is not None:
        hidden = functional.interpolate(mask[None, None].float(), anomaly_maps.shape[-2:])[0, 0] > 0
        anomaly_maps = torch.where(hidden, anomaly_maps.amin((-2, -1), keepdim=True), anomaly_maps)
    return functional.avg_pool2d(anomaly_maps.float(), MAP_CELL, ceil_mode=True, count_include_pad=False)


def score_video(
    video: VideoRef,
    frames: Frames,
    pipeline: Pipeline,
    scorers: Mapping[str, Scorer],
    compute: Compute,
    *,
    batch: int,
    stride: int,
    progress: Progress,
    done: int = 0,
    position_stats: Mapping[str, PositionStats] | None = None,
    anomaly_maps: str = "",
    keep_maps: bool = True,
    preview: PartsRecorder | None = None,
    short: Short = "error",
    threads: StageThreads | None = None,
    boxes: FrameBoxes | None = None,
) -> VideoScores:
    """Score the windows of one video in order. A stateful pipeline scores them one at a time.

    Args:
        video: name, scene and frame rate of the video.
        frames: (F, H, W, C) uint8.
        pipeline: on its device.
        scorers: component -> scorer.
        compute: device and precision.
        batch: windows in a batch.
        stride: frames between the starts of neighbouring windows. The last window ends with the video.
        progress: receives the number of windows after every batch, counted from `done`.
        done: windows of earlier videos.
        position_stats: component -> statistics of each position in a window; with them, the result also has
            calibrated scores.
        anomaly_maps: name of the scorer that gives the anomaly maps; empty for none.
        keep_maps: whether the result has the maps; False if only the preview needs them.
        preview: gets the outputs and the maps of every window.
        short: what to do with a video shorter than a clip.
        threads: chooses the CPU threads of each batch; None uses those of torch.
        boxes: the boxes of objects in the video; None without `data.boxes`.

    Raises:
        DataError: the video is shorter than a clip and `short` is "error". Or the model's outputs are not finite, a
            score is infinite, or the frames for which a scorer gives NaN depend on the content of a window.
    """
    spec = pipeline.clip
    starts = window_starts(len(frames), spec, stride, video=video.name, short=short)
    score_mean, map_mean = SlidingWindowMean(len(frames), tuple(scorers)), SlidingWindowMapMean(len(frames))
    calibrated_mean = SlidingWindowMean(len(frames), tuple(scorers)) if position_stats is not None else None
    batch, gaps = 1 if pipeline.stateful else batch, _Gaps(scorers)
    pipeline.reset()
    for first in range(0, len(starts), batch):
        chunk = starts[first : first + batch]
        clips = to_clips([read_window(frames, spec, int(start)) for start in chunk], spec)
        # A short video repeats frames to fill its clip: a frame's score is that of its first position.
        windows = [np.unique(window_frames(len(frames), spec, int(start))) for start in chunk]
        for window in windows:
            score_mean.count_window(window)
        shown = f"video {video.name}, windows from frame {chunk[0]} on"
        with threads.step() if threads is not None else nullcontext():
            middle = [int(window_frames(len(frames), spec, int(start))[spec.middle]) for start in chunk]
            of_clips = None if boxes is None else torch.from_numpy(boxes.of(middle))
            out = run_pipeline(clips, pipeline, compute, where=shown, boxes=of_clips)
            scores = score_outputs(out, scorers)
        gaps.check(scores, shown)
        _refuse_infinite(scores, windows, video.name)
        score_mean.add_windows(windows, scores)
        if calibrated_mean is not None:
            calibrated_mean.add_windows(windows, _standardise(scores, position_stats))
        maps = _cell_maps(out, scorers[anomaly_maps], anomaly_maps, pipeline.mask) if anomaly_maps else None
        if maps is not None and keep_maps:
            for window, values in zip(windows, maps, strict=True):
                map_mean.add(window, values[: len(window)])
        if preview is not None:
            preview.add(windows, out, maps)
        update_state(out, pipeline)
        progress.advance(done + first + len(chunk), amount=len(chunk))
    if preview is not None:
        preview.finish()
    kept = map_mean.means if anomaly_maps and keep_maps else None
    calibrated = calibrated_mean.means() if calibrated_mean is not None else None
    means, coverage = score_mean.means(), score_mean.coverage
    return VideoScores(video.name, video.scene, means, coverage, video.fps, kept, calibrated=calibrated)


def _refuse_infinite(
    scores: Mapping[str, NDArray[np.float64]], windows: Sequence[NDArray[np.int64]], video: str
) -> None:
    """Refuse an infinite score of a window: it would make the means of all frames of the window infinite."""
    for name, of_windows in scores.items():
        for window, values in zip(windows, of_windows, strict=True):
            if (infinite := np.isinf(values[: len(window)])).any():
                frame = window[int(infinite.argmax())]
                fix = "train again with a lower learning rate or in fp32, or correct the scorer"
                raise DataError(
                    f"the score of frame {frame} is infinite", where=f"scores.{name}, video {video}", fix=fix
                )


def _is_finite(out: ClipOutputs) -> bool:
    tensors = [*out.nll.values(), *([] if out.output is None else [out.output])]
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
