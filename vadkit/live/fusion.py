"""The final score of frames as they come, and the alarms that it raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import HOLD
from vadkit.core.errors import DataError, VadkitError
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

HISTORY = 1 << 14  # frames that a transform looks back on
_NOTICED = 1e-3  # deviations


class OnlineFusion:
    """Fuses what a video's frames score, block by block.

    Args:
        fusion: fitted; its transforms see one video each and nothing of the future.
    """

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self._past = {name: np.empty(0) for name in fusion.parts}

    def __call__(self, components: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Component -> (n,), the frames after those of the last call -> (n,), NaN for frames without a score.

        Raises:
            DataError: a score is infinite.
        """
        rows = {name: components[name] for name in self._past}
        if infinite := [name for name, scores in rows.items() if np.isinf(scores).any()]:
            raise DataError(f"component {infinite[0]!r} became infinite")
        scored = ~np.isnan(list(components.values())).any(axis=0)  # as a whole video is judged
        total = np.full(scored.shape, np.nan)
        count = int(scored.sum())
        if not count:
            return total
        joined = {name: np.concatenate([self._past[name], scores[scored]]) for name, scores in rows.items()}
        size = len(next(iter(joined.values())))
        video = Imputed("live", "", joined, np.ones(size, bool), np.zeros(size, bool))
        total[scored] = self._fusion([video])[0].total[-count:]
        self._past = {name: scores[-HISTORY:] for name, scores in joined.items()}
        return total


def check_memory(fusion: Fusion) -> None:
    """Refuse transforms that look back further than `HISTORY` frames: live, a frame would get another score.

    Raises:
        VadkitError: one does.
    """
    noise = np.random.default_rng(0).normal(size=2 * HISTORY)
    chains = {f"fuse.{name}": part.transforms for name, part in fusion.parts.items()}
    for where, transforms in {**chains, "evaluate.protocol.smoothing": fusion.smoothing}.items():
        whole, cut = noise, noise[HISTORY:]
        for transform in transforms:
            whole, cut = transform(whole), transform(cut)
            if abs(whole[-1] - cut[-1]) > _NOTICED * max(float(np.std(whole[HISTORY:])), 1e-12):
                raise VadkitError(
                    f"the transform {type(transform).__name__} remembers more than the last {HISTORY} frames",
                    where=where,
                    fix="shorten it, such as the half_life of 'exponential'",
                )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A run of frames at the threshold or above, those less than a second apart taken together.

    Attributes:
        frame: index of its first frame.
        seconds: of that frame.
        peak: its highest score so far.
        peak_seconds: of the frame with that score.
        until: seconds of its last frame at the threshold; None while it lasts.
    """

    frame: int
    seconds: float
    peak: float
    peak_seconds: float
    until: float | None = None


class AlarmDetector:
    """Follows a score and says when an alarm begins and ends.

    Args:
        threshold: of the score, to be reached or exceeded.
        fps: frames per second; None holds no alarm, so that each frame below the threshold ends it.
    """

    def __init__(self, threshold: float, fps: float | None) -> None:
        self.threshold = threshold
        self._hold = max(1, round(HOLD * fps)) if fps else 1  # frames
        self._now: Alarm | None = None
        self._below = 0
        self._last = 0.0

    def see(self, frame: int, seconds: float, score: float) -> Alarm | None:
        """One frame's score -> the alarm that begins or ends with it; one that ends has `until`."""
        if score >= self.threshold:
            self._below, self._last = 0, seconds
            if self._now is None:
                self._now = Alarm(frame, seconds, score, seconds)
                return self._now
            if score > self._now.peak:
                self._now = replace(self._now, peak=score, peak_seconds=seconds)
            return None
        self._below += 1
        return self.close() if self._now is not None and self._below >= self._hold else None

    def close(self) -> Alarm | None:
        """The video ends, and with it the alarm that lasts, if there is one."""
        if self._now is None:
            return None
        ended, self._now = replace(self._now, until=self._last), None
        return ended
