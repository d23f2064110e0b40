"""Evaluates a published ROC curve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.store.external.curves import read_curve

_MOST_FRAMES = 4_000_000  # larger counts are not looked for
_EXACT = 1e-6  # of a frame; published rates have double precision


@dataclass(frozen=True, slots=True)
class PublishedCurve:
    """What a published ROC curve says.

    Attributes:
        micro_auc: area under the curve, with lines between its points.
        eer: the rate at which false positive and false negative rate are equal.
        points: number of points in the file.
        abnormal: smallest number of abnormal frames that gives all true positive rates exactly; None if none does.
        normal: the same of normal frames and false positive rates.
    """

    micro_auc: float
    eer: float
    points: int
    abnormal: int | None
    normal: int | None


def evaluate_curve(path: str | Path) -> PublishedCurve | None:
    """Evaluate a published ROC curve; None if the file does not hold one.

    Args:
        path: a table, `.json`, `.npz` or `.mat` with the columns `fpr` and `tpr`.

    Raises:
        DataError: the rates are not those of a ROC curve.
    """
    rates = read_curve(Path(path))
    if rates is None:
        return None
    false, true = rates
    auc = float(np.sum(np.diff(false) * (true[1:] + true[:-1])) / 2)
    excess = 1 - true - false  # falls from 1 to -1 along the curve
    after = int(np.argmax(excess <= 0))
    share = excess[after - 1] / (excess[after - 1] - excess[after])
    eer = float(false[after - 1] + share * (false[after] - false[after - 1]))
    return PublishedCurve(auc, eer, false.size - 2, _denominator(true), _denominator(false))


def _denominator(rates: NDArray[np.float64]) -> int | None:
    """The smallest number n such that every rate is a multiple of 1 / n; None if there is none."""
    values = np.unique(rates)
    values = values[(values > 0) & (values < 1)]
    if values.size < 2:
        return None
    counts = np.arange(1, _MOST_FRAMES + 1, dtype=np.float64)
    for value in values[np.linspace(0, values.size - 1, min(values.size, 200)).astype(int)]:
        products = value * counts
        counts = counts[np.abs(products - np.rint(products)) < _EXACT]
        if not counts.size:
            return None
    return int(counts[0])
