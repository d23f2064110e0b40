"""Published ROC curves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from sklearn.metrics import roc_auc_score, roc_curve

from vadkit.api import ScoredVideo
from vadkit.core.errors import DataError
from vadkit.evaluation.curve import evaluate_curve
from vadkit_standard.metrics import EER


def write(path: Path, false: np.ndarray, true: np.ndarray) -> Path:
    if path.suffix == ".mat":
        savemat(path, {"X": false[:, None], "Y": true[:, None]})
    elif path.suffix == ".npz":
        np.savez(path, fpr=false, tpr=true)
    elif path.suffix == ".json":
        path.write_text(json.dumps({"false_positive_rate": false.tolist(), "true_positive_rate": true.tolist()}))
    else:
        rows = [f"{float(x)!r},{float(y)!r}" for x, y in zip(false, true, strict=True)]
        path.write_text("\n".join(["fpr,tpr", *rows]))
    return path


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".json", ".mat"])
@pytest.mark.parametrize("rising", [True, False])
def test_a_curve_gives_what_its_scores_give(tmp_path: Path, suffix: str, rising: bool) -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([True, False], [167, 433])
    scores = random.normal(size=600) + labels
    false, true, _ = roc_curve(labels, scores)
    ends = slice(None) if rising else slice(None, None, -1)
    curve = evaluate_curve(write(tmp_path / f"roc{suffix}", false[ends], true[ends]))
    assert curve is not None
    assert curve.micro_auc == pytest.approx(roc_auc_score(labels, scores))
    assert curve.eer == pytest.approx(EER().compute([ScoredVideo("01", scores, labels)])["eer"])
    assert (curve.abnormal, curve.normal) == (167, 433)


def test_another_file_is_no_curve(tmp_path: Path) -> None:
    np.savez(tmp_path / "scores.npz", a=np.zeros(3))
    assert evaluate_curve(tmp_path / "scores.npz") is None
    (tmp_path / "scores.csv").write_text("video,frame,score\n01,0,x\n")
    assert evaluate_curve(tmp_path / "scores.csv") is None


def test_rates_that_are_no_curve_are_refused(tmp_path: Path) -> None:
    for true in ([0, 50, 100], [0, 0.5, 0.2]):
        with pytest.raises(DataError, match="do not rise together from 0 to 1"):
            evaluate_curve(write(tmp_path / "roc.csv", np.array([0, 0.5, 1]), np.array(true)))
