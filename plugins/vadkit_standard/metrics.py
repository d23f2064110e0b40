"""Frame-level metrics. The positive class is the anomaly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from vadkit.api import DataError, Metric, ScoredVideo
from vadkit_standard.ranking import Curve, Ranking, crossing, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MicroAUC(Metric):
    """Area under the ROC of all frames of all videos together."""

    by_group: ClassVar[bool] = True

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `micro_auc`.

        Raises:
            DataError: all frames are of one class.
        """
        return self.resampled(videos)(_once(videos))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Sorts the frames once."""
        return _of_curve("micro_auc", videos, Curve.auc)


class AveragePrecision(Metric):
    """Precision averaged over the steps of recall, without interpolation; all frames together."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `average_precision`. A random scorer gets the share of abnormal frames.

        Raises:
            DataError: all frames are of one class.
        """
        return self.resampled(videos)(_once(videos))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Sorts the frames once."""
        return _of_curve("average_precision", videos, Curve.average_precision)


class EER(Metric):
    """Equal error rate: where as many normal frames are flagged as abnormal ones are missed.

    Args:
        method: "interpolated" takes the crossing of both rates on the ROC's line; "nearest"
            the false negative rate at the corner of the ROC where they differ least, as FFP's code does.
    """

    lower_is_better: ClassVar[frozenset[str]] = frozenset({"eer"})

    def __init__(self, *, method: Literal["interpolated", "nearest"] = "interpolated") -> None:
        self.method = method

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `eer`.

        Raises:
            DataError: all frames are of one class.
        """
        return self.resampled(videos)(_once(videos))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Sorts the frames once."""
        return _of_curve("eer", videos, crossing if self.method == "interpolated" else nearest)


class MacroAUC(Metric):
    """Mean over videos of each video's own AUC, in two forms.

    `macro_auc` leaves out videos with one class only. `macro_auc_padded` keeps all of them, and
    gives each one more normal frame, scored below all its others, and one more abnormal frame,
    scored above them. Some papers quote the second form; it flatters any scorer, a random one
    included.
    """

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `macro_auc`, `macro_auc_padded`.

        Raises:
            DataError: no video has frames of both classes.
        """
        return self.resampled(videos)(_once(videos))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Measures each video once."""
        curves = [Ranking([video]).curve() for video in videos]
        both = np.array([curve.defined for curve in curves], bool)
        own = np.array([curve.auc() if curve.defined else 0.0 for curve in curves])
        padded = np.array([_padded(curve).auc() for curve in curves])

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            if not (times * both).any():
                raise DataError(
                    f"none of {len(videos)} videos has both normal and abnormal frames",
                    where="macro_auc",
                    fix="check the labels, or leave this metric out",
                )
            macro = float(np.average(own, weights=times * both))
            return {"macro_auc": macro, "macro_auc_padded": float(np.average(padded, weights=times))}

        return measure


class Decidability(Metric):
    """Distance of the two classes' mean scores in units of their spread (Daugman 2000), 0 and up."""

    units: ClassVar[Mapping[str, str]] = {"decidability": ""}

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `decidability`; 0 where all scores are equal, nothing where each class has one score.

        Raises:
            DataError: all frames are of one class.
        """
        return self.resampled(videos)(_once(videos))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Keeps count, mean and squared deviations of each video and class."""
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
            # One score a class: no finite number of spreads lies between them, unless nothing does.
            return {} if apart > 0 else {"decidability": 0.0}

        return measure


def _once(videos: Sequence[ScoredVideo]) -> NDArray[np.int64]:
    return np.ones(len(videos), np.int64)


def _of_curve(
    name: str, videos: Sequence[ScoredVideo], value: Callable[[Curve], float]
) -> Callable[[NDArray[np.int64]], dict[str, float]]:
    ranking = Ranking(videos)
    return lambda times: {name: value(ranking.both_classes(ranking.curve(times)))}


def _padded(curve: Curve) -> Curve:
    """One abnormal frame above all others, one normal frame below them."""
    true = np.concatenate([[0], curve.true + 1, [curve.true[-1] + 1]])
    return Curve(np.concatenate([[0], curve.false, [curve.false[-1] + 1]]), true)


def _moments(scores: NDArray[np.float64]) -> tuple[float, float, float]:
    """Count, mean, sum of squared deviations from it."""
    if not scores.size:
        return 0.0, 0.0, 0.0
    mean = scores.mean() if scores.min() < scores.max() else scores[0]
    return float(scores.size), float(mean), float(np.square(scores - mean).sum())
