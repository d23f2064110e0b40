"""Frame-level metrics. The positive class is the anomaly."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Metric, ScoredVideo
from vadkit_standard.ranking import Curve, Ranking, crossing, nearest


class CountedOnce(Metric):
    """A metric that reads each video once; every resample, and so `compute`, weights the counts."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """Return the values if each video counts once.

        Raises:
            DataError: the metric is not defined for these videos.
        """
        return self.resampled(videos)(np.ones(len(videos), np.int64))

    @abstractmethod
    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Read the videos once; return a function of how often each video counts."""


class MicroAUC(CountedOnce):
    """Micro AUC: area under the ROC of all frames of all videos together.

    Example:
        >>> scores, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
        >>> MicroAUC().compute([ScoredVideo("01", scores, labels)])
        {'micro_auc': 0.75}
    """

    by_group: ClassVar[bool] = True

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Sort the frames once."""
        return _of_curve("micro_auc", videos, Curve.auc)


class AveragePrecision(CountedOnce):
    """Average precision over all frames together, without interpolation.

    A random scorer gets the share of abnormal frames.

    Example:
        >>> scores, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
        >>> round(AveragePrecision().compute([ScoredVideo("01", scores, labels)])["average_precision"], 3)
        0.833
    """

    by_group: ClassVar[bool] = True

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Sort the frames once."""
        return _of_curve("average_precision", videos, Curve.average_precision)


class EER(CountedOnce):
    """Equal error rate: the false positive rate at which it equals the false negative rate.

    Args:
        method: "interpolated" uses the crossing of both rates on the interpolated ROC; "nearest" uses the false
            negative rate at the corner of the ROC where the rates differ least, as in the code of FFP.

    Example:
        >>> scores, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
        >>> EER().compute([ScoredVideo("01", scores, labels)])
        {'eer': 0.5}
    """

    by_group: ClassVar[bool] = True
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"eer"})

    def __init__(self, *, method: Literal["interpolated", "nearest"] = "interpolated") -> None:
        self.method = method

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Sort the frames once."""
        return _of_curve("eer", videos, crossing if self.method == "interpolated" else nearest)


class MacroAUC(CountedOnce):
    """Macro AUC: mean over videos of each video's AUC, in two forms.

    `macro_auc` excludes videos of one class. `macro_auc_padded` keeps all videos. It adds to each one normal frame
    with a score below all others, and one abnormal frame with a score above all others. Some papers report the
    second form; it raises the value of any scorer, even a random one. At least one video must have frames of both
    classes.

    Example:
        >>> scores, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
        >>> MacroAUC().compute([ScoredVideo("01", scores, labels)])["macro_auc"]
        0.75
    """

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Compute the AUC of each video once."""
        curves = [Ranking([video]).curve() for video in videos]
        both = np.array([curve.defined for curve in curves], bool)
        own = np.array([curve.auc() if curve.defined else 0.0 for curve in curves])
        padded = np.array([_padded(curve).auc() for curve in curves])

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            if not (times * both).any():
                what = f"none of {len(videos)} videos has both normal and abnormal frames"
                raise DataError(what, where="macro_auc", fix="check the labels, or remove this metric")
            macro = float(np.average(own, weights=times * both))
            return {"macro_auc": macro, "macro_auc_padded": float(np.average(padded, weights=times))}

        return measure


class Decidability(CountedOnce):
    """Decidability index d': distance of the two classes' mean scores, in units of their spread (Daugman 2000).

    It is 0 if all scores are equal, and has no value if each class has one constant score.

    Example:
        >>> scores, labels = np.array([0.0, 2.0, 3.0, 5.0]), np.array([False, False, True, True])
        >>> Decidability().compute([ScoredVideo("01", scores, labels)])
        {'decidability': 3.0}
    """

    by_group: ClassVar[bool] = True
    units: ClassVar[Mapping[str, str]] = {"decidability": ""}

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Compute count, mean and squared deviations of each video and class once."""
        ranking = Ranking(videos)
        moments = np.array([[_moments(video.scores[video.labels == c]) for c in (0, 1)] for video in videos])

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            count = np.einsum("v,vc->c", times, moments[:, :, 0])  # (2,): normal, abnormal
            if not count.all():
                ranking.both_classes(ranking.curve(times))
            weights = times[:, None] * moments[:, :, 0]
            mean = (weights * moments[:, :, 1]).sum(0) / count
            between = weights * np.square(moments[:, :, 1] - mean)
            variance = (between + times[:, None] * moments[:, :, 2]).sum(0) / count
            apart, spread = abs(mean[1] - mean[0]), np.sqrt(variance.mean())
            if spread > 1e-9 * apart:
                return {"decidability": float(apart / spread)}
            # Each class has one constant score: the index is infinite, or 0 if the scores are equal.
            return {} if apart > 0 else {"decidability": 0.0}

        return measure


def _of_curve(
    name: str, videos: Sequence[ScoredVideo], value: Callable[[Curve], float]
) -> Callable[[NDArray[np.int64]], dict[str, float]]:
    ranking = Ranking(videos)
    return lambda times: {name: value(ranking.both_classes(ranking.curve(times)))}


def _padded(curve: Curve) -> Curve:
    """Add one abnormal frame above all others, and one normal frame below all others."""
    true = np.concatenate([[0], curve.true + 1, [curve.true[-1] + 1]])
    return Curve(np.concatenate([[0], curve.false, [curve.false[-1] + 1]]), true)


def _moments(scores: NDArray[np.float64]) -> tuple[float, float, float]:
    """Count, mean, and sum of squared deviations from the mean."""
    if not scores.size:
        return 0.0, 0.0, 0.0
    mean = scores.mean() if scores.min() < scores.max() else scores[0]
    return float(scores.size), float(mean), float(np.square(scores - mean).sum())
