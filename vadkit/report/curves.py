"""Curves for charts: the ROC, histograms, and score curves with fewer points."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vadkit.report.page import Histogram, Line

_ROC_POINTS = 400
_BINS = 40
_CLASSES = ((0, "normal frames"), (1, "abnormal frames"), (-1, "frames without labels"))


def roc_line(name: str, scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> Line | None:
    """The ROC in percent, with its area in the name; None if all frames have the same label.

    Args:
        name: what the scores are.
        scores: (F,), higher = more anomalous.
        labels: (F,), True for abnormal frames.
    """
    if not labels.size or labels.all() or not labels.any():
        return None
    from sklearn.metrics import auc, roc_curve

    false, true, _ = roc_curve(labels, scores)
    area = 100 * float(auc(false, true))
    # The points at equal distances along the curve.
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(false)) + np.abs(np.diff(true)))])
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], _ROC_POINTS)).clip(0, along.size - 1))
    return Line(f"{name} (AUC {area:.2f} %)", 100 * false[kept], 100 * true[kept])


def histogram(
    title: str,
    scores: Sequence[NDArray[np.float64]],
    labels: Sequence[NDArray[np.bool_] | None],
    threshold: float | None = None,
) -> Histogram:
    """The share of the frames of each class in each bin; `scores` and `labels` are those of the videos."""
    values = np.concatenate(scores)
    classes = np.concatenate(
        [
            np.full(one.size, -1) if known is None else known.astype(int)
            for one, known in zip(scores, labels, strict=True)
        ]
    )
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high, _BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    shares: Mapping[str, NDArray[np.float64]] = {
        f"{name} ({np.count_nonzero(classes == value)})": 100
        * np.histogram(values[classes == value], edges)[0]
        / np.count_nonzero(classes == value)
        for value, name in _CLASSES
        if (classes == value).any()
    }
    return Histogram(title, edges, shares, threshold)


def thinned(scores: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Indices of at most `most` scores (at least two) that keep the highest and the lowest score of each stretch."""
    if scores.size <= most:
        return np.arange(scores.size)
    edges = np.linspace(0, scores.size, max(1, most // 2) + 1).astype(np.int64)
    kept: set[int] = set()
    for start, stop in itertools.pairwise(edges):
        stretch = scores[start:stop]
        kept |= {int(start + stretch.argmax()), int(start + stretch.argmin())}
    return np.array(sorted(kept), np.int64)
