"""Fuses the scores of a live video and raises alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import HOLD
from vadkit.core.errors import DataError, VadkitError
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

HISTORY = 1 << 14  # earlier frames that a score transform gets
_TOLERANCE = 1e-3  # standard deviations


class OnlineFusion:
    """Fuses the scores of one video, block by block; the transforms of `fusion` must need no later frames."""

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self._past = {name: np.empty(0) for name in fusion.parts}

    def __call__(self, components: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Fuse the scores of the frames that follow those of the last call.

        Component -> scores (n,) become fused scores (n,). Frames without a score are NaN.

        Raises:
            DataError: a score is infinite.
        """
        new = {name: components[name] for name in self._past}
        if infinite := [name for name, scores in new.items() if np.isinf(scores).any()]:
            raise DataError(f"component {infinite[0]!r} became infinite")
        scored = ~np.isnan(list(components.values())).any(axis=0)  # the same rule as for a complete video
        total = np.full(scored.shape, np.nan)
        count = int(scored.sum())
        if not count:
            return total
        joined = {name: np.concatenate([self._past[name], scores[scored]]) for name, scores in new.items()}
        size = len(next(iter(joined.values())))
        video = Imputed("live", "", joined, np.ones(size, bool), np.zeros(size, bool))
        total[scored] = self._fusion([video])[0].total[-count:]
        self._past = {name: scores[-HISTORY:] for name, scores in joined.items()}
        return total


def check_lookback(fusion: Fusion) -> None:
    """Refuse score transforms that need more than the last `HISTORY` frames: their live scores would differ.

    Raises:
        VadkitError: a transform needs more frames.
    """
    noise = np.random.default_rng(0).normal(size=2 * HISTORY)
    chains = {f"fuse.{name}": part.transforms for name, part in fusion.parts.items()}
    for where, transforms in {**chains, "evaluate.protocol.smoothing": fusion.smoothing}.items():
        full, recent = noise, noise[HISTORY:]
        for transform in transforms:
            full, recent = transform(full), transform(recent)
            if abs(full[-1] - recent[-1]) > _TOLERANCE * max(float(np.std(full[HISTORY:])), 1e-12):
                what = f"the score transform {type(transform).__name__} needs more than the last {HISTORY} frames"
                fix = "shorten its memory, for example the half_life of 'exponential'"
                raise VadkitError(what, where=where, fix=fix)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A run of frames with scores at or above the threshold. Runs less than a second apart are one alarm."""

    frame: int  # index of the first frame
    seconds: float  # time of the first frame
    peak: float  # highest score so far
    peak_seconds: float  # time of the frame with the highest score
    until: float | None = None  # time of the last frame at or above the threshold; None while the alarm lasts


class AlarmDetector:
    """Detects the begin and the end of alarms in a sequence of scores.

    Args:
        threshold: scores at or above it raise an alarm.
        fps: frames per second. If None, the first frame below the threshold ends the alarm.
    """

    def __init__(self, threshold: float, fps: float | None) -> None:
        self.threshold = threshold
        self._hold = max(1, round(HOLD * fps)) if fps else 1  # frames
        self._active: Alarm | None = None
        self._below = 0  # frames since the last one at or above the threshold
        self._last = 0.0  # seconds of that frame

    def update(self, frame: int, seconds: float, score: float) -> Alarm | None:
        """Process the next frame's score; return an alarm that begins with this frame or has ended (`until` is set)."""
        if score >= self.threshold:
            self._below, self._last = 0, seconds
            if self._active is None:
                self._active = Alarm(frame, seconds, score, seconds)
                return self._active
            if score > self._active.peak:
                self._active = replace(self._active, peak=score, peak_seconds=seconds)
            return None
        self._below += 1
        return self.close() if self._active is not None and self._below >= self._hold else None

    def close(self) -> Alarm | None:
        """End the active alarm at the end of the video; None if no alarm is active."""
        if self._active is None:
            return None
        ended, self._active = replace(self._active, until=self._last), None
        return ended
