"""Transforms: one component's scores, rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from vadkit.api import DataError, Transform

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MinMax(Transform):
    """Scores to [0, 1] between a smallest and a largest one; the paper's norm(.) of Eq. 12 and 13.

    Where the two are equal, every score becomes 0.

    Args:
        over: "video" takes each test video's own extremes, so that a frame's value depends on
            frames yet to come; "training" takes those of normal videos, and test scores may
            leave [0, 1].
    """

    def __init__(self, *, over: Literal["video", "training"] = "video") -> None:
        self.over = over
        self.needs_future = over == "video"
        self.needs_normal = over == "training"
        self._range: tuple[float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Take the extremes of all normal videos together; nothing to do for "video".

        Raises:
            DataError: there are no normal scores to fit on.
        """
        if self.over == "video":
            return
        if not any(scores.size for scores in normal):
            raise DataError(
                "there are no scores of normal videos to take the extremes from",
                where="minmax over training",
                fix="score held-out normal videos, or choose 'over: video'",
            )
        self._range = min(float(s.min()) for s in normal if s.size), max(float(s.max()) for s in normal if s.size)

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) of one video -> (F,).

        Raises:
            DataError: "training", and `fit` was not called.
        """
        if self.over == "video":
            low, high = float(scores.min()), float(scores.max())
        elif self._range is None:
            raise DataError("fit() comes before the first video", where="minmax over training")
        else:
            low, high = self._range
        if low == high:
            return np.zeros(scores.shape, np.float64)
        return (np.asarray(scores, np.float64) - low) / (high - low)
