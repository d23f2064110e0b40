"""Scores frames one by one. Windows and scores are the same as for a complete video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Scorer
from vadkit.model.compute import Compute
from vadkit.model.inference.map_mean import SlidingWindowMapMean
from vadkit.model.inference.sliding_window import SlidingWindowMean, score_clips
from vadkit.model.pipeline import Pipeline
from vadkit.model.training.threads import StageThreads
from vadkit.store.scores import PositionStats
from vadkit.video.clips import to_clips


@dataclass(frozen=True, slots=True)
class FinalScores:
    """Final scores of n successive frames. No later window contains these frames."""

    first: int  # index of the first frame
    # name -> (n,), mean over the windows that score the frame, NaN if no window does
    components: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.int64]  # (n,), number of windows that contain the frame
    anomaly_maps: NDArray[np.float32] | None = None  # (n, h, w); None if they are not needed


class OnlineScorer:
    """Scores a window every `stride` frames of a video of unknown length.

    The last window ends with the video. The score of a frame is final when no later window can contain the frame, at
    most `span + stride - 2` frames later. Memory use does not grow with the length of the video.

    Args:
        pipeline: the models.
        scorers: name -> scorer.
        compute: device and precision.
        stride: frames between the starts of two windows.
        batch: windows that are scored together. A larger batch delays the scores. A stateful pipeline always uses 1.
        position_stats: scorer -> statistics of each position in a window, to calibrate the scores. Default: none.
        anomaly_maps: the scorer that gives anomaly maps. Empty for none.
        threads: chooses the CPU threads of each batch; None uses those of torch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        scorers: Mapping[str, Scorer],
        compute: Compute,
        *,
        stride: int,
        batch: int = 1,
        position_stats: Mapping[str, PositionStats] | None = None,
        anomaly_maps: str = "",
        threads: StageThreads | None = None,
    ) -> None:
        self.pipeline, self.scorers, self.compute, self.position_stats = pipeline, scorers, compute, position_stats
        self._threads = threads or StageThreads(1)
        batch = 1 if pipeline.stateful else batch
        self.spec, self.stride, self.batch = pipeline.clip, stride, batch
        pipeline.reset()
        self._buffer: list[NDArray[np.uint8]] = []  # the last frames
        self._received = 0  # frames so far
        self._next = 0  # start of the next window
        self._returned = 0  # frames with a final score
        self._pending: list[int] = []  # starts of windows that are not scored yet
        frames = self.spec.span + (batch + 1) * stride
        self._means, self.anomaly_maps = SlidingWindowMean(frames, tuple(scorers)), anomaly_maps
        self._map_means = SlidingWindowMapMean(frames) if anomaly_maps else None

    def push(self, frame: NDArray[np.uint8]) -> FinalScores | None:
        """Add a frame (H, W, C) at the clip's size; return the scores that are now final, None if there are none.

        Raises:
            DataError: the model's outputs are not finite.
        """
        self._buffer.append(frame)
        self._received += 1
        if self._received < self._next + self.spec.span:
            return None
        self._pending.append(self._next)
        self._next += self.stride
        if len(self._pending) < self.batch:
            return None
        return self._score()

    def finish(self) -> FinalScores | None:
        """End the video: score a last window that ends with it, and return the scores of the remaining frames.

        Frames without a window get NaN. The result is None if no frame remains.
        """
        last = self._received - self.spec.span
        if last >= 0 and last > self._next - self.stride:
            self._pending.append(last)
        return self._score(ended=True)

    def _score(self, *, ended: bool = False) -> FinalScores | None:
        if self._pending:
            self._score_pending()
        # The last window of the video starts a span before its end, after the last scored window.
        del self._buffer[: max(0, len(self._buffer) - max(self.spec.span, self._received - self._next))]
        count = (self._received if ended else self._next - self.stride + 1) - self._returned
        if count <= 0:
            return None
        maps = self._map_means.pop_first(count) if self._map_means is not None else None
        result = FinalScores(self._returned, *self._means.pop_first(count), maps)
        self._returned += count
        return result

    def _score_pending(self) -> None:
        first = self._received - len(self._buffer)
        span, step = self.spec.span, self.spec.step
        windows = [np.stack(self._buffer[start - first : start - first + span : step]) for start in self._pending]
        with self._threads.step():
            scores, maps = score_clips(
                to_clips(windows, self.spec),
                self.pipeline,
                self.scorers,
                self.compute,
                position_stats=self.position_stats,
                where=f"windows from frame {self._pending[0]} on",
                anomaly_maps=self.anomaly_maps,
            )
        for number, start in enumerate(self._pending):
            frames = start - self._returned + np.arange(self.spec.frames) * step
            self._means.count_window(frames)
            for name, values in scores.items():
                self._means.add(name, frames, values[number])
            if self._map_means is not None and maps is not None:
                self._map_means.add(frames, maps[number])
        self._pending.clear()
