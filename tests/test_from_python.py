"""Arrays from Python: clips and outputs of a real video, figures, and metrics of one's own scores."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from tiny_runs import TINY, make_run

import vadkit
from vadkit.core.errors import DataError, VadkitError

SCORES = {"01": np.array([0.1, 0.4, 0.35, 0.8]), "02": np.array([0.2, 0.9, 0.5])}
LABELS = {"01": np.array([0, 0, 1, 1]), "02": np.array([0, 1, 0])}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    return make_run(copy.deepcopy(TINY), tmp_path_factory.mktemp("python") / "run")


def test_outputs_of_a_video_give_the_scores_of_the_run(run: vadkit.Run) -> None:
    out = run.outputs("test_01")
    assert out.clips.shape == (9, 1, 8, 32, 48)
    assert out.output is not None
    assert out.output.shape == out.clips.shape
    assert out.latents["static"].shape == (9, 8, 2, 8, 12)
    assert out.nll["dynamic"].shape == (9, 8)
    assert out.anomaly_maps["likelihood"].shape == (9, 8, 32, 48)
    (kept,) = (video for video in run.scores() if video.name == "test_01")
    for name, scores in kept.components.items():
        found = out.frame_scores(name)
        np.testing.assert_allclose([found[frame] for frame in range(40)], scores, rtol=1e-5)
    with torch.inference_mode():
        direct = run.pipeline()(torch.from_numpy(out.clips[:2])).latents["static"]
    np.testing.assert_allclose(direct.numpy(), out.latents["static"][:2], rtol=1e-4, atol=1e-5)


def test_clips_of_a_range_and_of_frames_of_your_own(run: vadkit.Run) -> None:
    clips = vadkit.clips(run, "test_01", frames=(10, 22), stride=2)
    assert clips.shape == (3, 1, 8, 32, 48)
    np.testing.assert_array_equal(clips[0], vadkit.clips(run, "test_01", frames=(10, 18))[0])
    frames = np.zeros((10, 32, 48, 1), np.uint8)
    assert run.outputs(frames).clips.min() == -1
    assert vadkit.clips(run, "train_00").shape[0] == 9
    cases: list[tuple[dict[str, Any], str]] = [
        ({"video": "test_99"}, "the data set has no video 'test_99'"),
        ({"video": "test_01", "frames": (30, 50)}, r"has 40 frames, so 30:50 is not a range of them"),
        ({"video": "test_01", "frames": (0, 4)}, "4 frames"),
        ({"video": frames[:, :16]}, r"is uint8 \(10, 16, 48, 1\), not uint8 \(F, 32, 48, 1\)"),
    ]
    for wrong, told in cases:
        with pytest.raises(DataError, match=told):
            vadkit.clips(run, **wrong)


def test_figures_are_matplotlib_figures(run: vadkit.Run, tmp_path: Path) -> None:
    figures = run.figures("figures", "histograms")
    assert {"scores.png", "roc.png", "histograms.png"} <= figures.keys()
    figures["roc.png"].savefig(tmp_path / "roc.pdf")
    with pytest.raises(VadkitError, match="the reporter 'json' draws no figure"):
        run.figures("json")


def test_metrics_of_arrays_are_those_of_scikit_learn() -> None:
    every = [np.concatenate(list(each.values())) for each in (LABELS, SCORES)]
    assert vadkit.metrics.micro_auc(SCORES, LABELS) == pytest.approx(roc_auc_score(*every))
    assert vadkit.metrics.average_precision(SCORES, LABELS) == pytest.approx(average_precision_score(*every))
    one = vadkit.metrics.micro_auc(list(SCORES["01"]), [False, False, True, True])
    assert one == pytest.approx(roc_auc_score(LABELS["01"], SCORES["01"]))
    several = vadkit.metrics.compute("macro_auc", list(SCORES.values()), list(LABELS.values()))
    assert several["macro_auc"] == pytest.approx((0.75 + 1.0) / 2)
    assert vadkit.metrics.eer([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], method="nearest") == 0.5
    low, high = vadkit.metrics.intervals("micro_auc", SCORES, LABELS, rounds=100)["micro_auc"]
    assert low <= vadkit.metrics.micro_auc(SCORES, LABELS) <= high
    maps = np.zeros((4, 2, 2))
    maps[2:, 0, 0] = 1
    masks = np.zeros((4, 8, 8), bool)
    masks[2:, :4, :4] = True
    assert vadkit.metrics.pixel_auc(SCORES["01"], LABELS["01"], anomaly_maps=maps, masks=masks) == 1.0
    assert "micro_auc" in dir(vadkit.metrics)


@pytest.mark.parametrize(
    ("scores", "labels", "told"),
    [
        ([0.1, 0.2], [0, 1, 1], "video '0': has 2 scores, but 3 labels"),
        ([0.1, np.nan], [0, 1], "video '0': has scores that are not finite"),
        ([0.1, 0.2], [0, 2], "video '0': has labels other than 0 and 1"),
        ({"a": [0.1, 0.2]}, {"b": [0, 1]}, "has scores or labels, but not both"),
        (np.zeros((2, 2)), [0, 1], r"scores of video '0': has the shape \(2, 2\), not \(F,\)"),
        ([0.1, 0.2], [1, 1], "normal"),
    ],
)
def test_wrong_arrays_are_explained(scores: object, labels: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        vadkit.metrics.micro_auc(scores, labels)


def test_a_metric_that_does_not_exist_gets_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="did you mean 'micro_auc'"):
        vadkit.metrics.micro_acu  # noqa: B018
