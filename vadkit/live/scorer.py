"""Scores frames as they come: the same windows, and so the same scores, as of a video that is there as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray

from vadkit.core.contracts import Scorer
from vadkit.model.inference.sliding_window import SlidingWindowMean, score_clips
from vadkit.model.pipeline import Pipeline
from vadkit.store.scores import PositionStats
from vadkit.video.clips import to_clips


@dataclass(frozen=True, slots=True)
class Scored:
    """Frames of which no later window tells more.

    Attributes:
        first: index of the first one.
        components: name -> (n,), mean over the windows that score the frame, NaN where none does.
        coverage: (n,), windows that show the frame.
    """

    first: int
    components: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.int64]


class OnlineScorer:
    """Runs a window every `stride` frames of a video whose end is not known.

    A frame's score is final once no window that is still to come can show it, the one flush with the
    video's end among them: `span + stride - 2` frames later at most. What it keeps does not grow.

    Args:
        pipeline: on the fabric's device.
        scorers: component -> scorer.
        fabric: device and precision.
        stride: frames between neighbouring windows.
        batch: windows at once; more than one waits for them. Where scores depend on the order it is one.
        places: component -> what to standardise its scores with.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        scorers: Mapping[str, Scorer],
        fabric: Fabric,
        *,
        stride: int,
        batch: int = 1,
        places: Mapping[str, PositionStats] | None = None,
    ) -> None:
        self.pipeline, self.scorers, self.fabric, self.position_stats = pipeline, scorers, fabric, places
        batch = 1 if pipeline.stateful else batch
        self.spec, self.stride, self.batch = pipeline.clip, stride, batch
        pipeline.reset()
        self._kept: list[NDArray[np.uint8]] = []  # the last frames, of which `_next` is not the first one any more
        self._received = 0
        self._next = 0  # where the next window starts
        self._given = 0  # frames whose scores are out
        self._waiting: list[int] = []  # starts of windows to be scored
        self._means = SlidingWindowMean(self.spec.span + (batch + 1) * stride, tuple(scorers))

    def push(self, frame: NDArray[np.uint8]) -> Scored | None:
        """Take a frame (H, W, C) at the clip's size; frames whose scores are final now, if there are any.

        Raises:
            DataError: the model's outputs are not finite.
        """
        self._kept.append(frame)
        self._received += 1
        if self._received < self._next + self.spec.span:
            return None
        self._waiting.append(self._next)
        self._next += self.stride
        if len(self._waiting) < self.batch:
            return None
        return self._score()

    def finish(self) -> Scored | None:
        """The video has ended: the frames that were still open, after a last window flush with the end.

        Frames without a window have NaN; None if there is none left.
        """
        last = self._received - self.spec.span
        if last >= 0 and last > self._next - self.stride:
            self._waiting.append(last)
        return self._score(ended=True)

    def _score(self, *, ended: bool = False) -> Scored | None:
        if self._waiting:
            first = self._received - len(self._kept)
            span, step = self.spec.span, self.spec.step
            windows = [np.stack(self._kept[start - first : start - first + span : step]) for start in self._waiting]
            where = f"windows from frame {self._waiting[0]} on"
            found = score_clips(
                to_clips(windows), self.pipeline, self.scorers, self.fabric, places=self.position_stats, where=where
            )
            for number, start in enumerate(self._waiting):
                frames = start - self._given + np.arange(self.spec.frames) * step
                self._means.count_window(frames)
                for name, scores in found.items():
                    self._means.add(name, frames, scores[number])
            self._waiting.clear()
        # A window flush with the end starts a span before it, and behind the last one that was scored.
        del self._kept[: max(0, len(self._kept) - max(self.spec.span, self._received - self._next))]
        count = (self._received if ended else self._next - self.stride + 1) - self._given
        if count <= 0:
            return None
        result = Scored(self._given, *self._means.pop_first(count))
        self._given += count
        return result
