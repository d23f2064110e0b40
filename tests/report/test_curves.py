from __future__ import annotations

import numpy as np
from sklearn.metrics import auc, roc_auc_score

from vadkit.report.curves import histogram, roc_line, thinned


def test_the_roc_has_the_area_of_all_scores_and_few_points() -> None:
    random = np.random.default_rng(0)
    labels = random.random(20_000) < 0.3
    scores = random.normal(size=20_000) + labels
    line = roc_line("total", scores, labels)
    assert line is not None
    exact = roc_auc_score(labels, scores)
    assert line.name == f"total (AUC {100 * exact:.2f} %)"
    assert len(line.x) <= 400
    assert abs(auc(line.x, line.y) / 1e4 - exact) < 1e-3
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 100, 100)
    assert roc_line("total", scores, np.ones_like(labels)) is None


def test_the_shares_of_each_class_sum_to_all_its_frames() -> None:
    scores = [np.array([0.0, 1.0, 2.0]), np.array([3.0, 3.0])]
    found = histogram("a", scores, [np.array([False, True, True]), None], threshold=1.5)
    assert list(found.shares) == ["normal frames (1)", "abnormal frames (2)", "frames without labels (2)"]
    assert np.allclose([share.sum() for share in found.shares.values()], 100)
    assert histogram("constant", [np.ones(4)], [None]).edges.tolist() == [0.5, 1.5]


def test_a_thinned_curve_keeps_every_peak() -> None:
    scores = np.zeros(100_000)
    peaks = [5, 33_333, 99_999]
    scores[peaks] = 1, 2, 3
    kept = thinned(scores, 200)
    assert kept.size <= 200
    assert set(peaks) <= set(kept.tolist())
    assert thinned(scores[:10], 200).tolist() == list(range(10))
