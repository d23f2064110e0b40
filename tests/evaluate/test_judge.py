from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from vadkit.errors import DataError
from vadkit.evaluate import Part, judge
from vadkit.protocol import PRESETS
from vadkit.score.store import VideoScores
from vadkit.values import Labels, RunResult
from vadkit_standard.metrics import EER, MacroAUC, MicroAUC
from vadkit_standard.transforms import MinMax

DATA = Path(os.environ.get("VADKIT_TEST_DATA") or Path(__file__).parents[2] / "../shared/data").resolve()
ITAE = PRESETS["itae"]


def video(name: str, **components: Sequence[float]) -> VideoScores:
    arrays = {key: np.array(scores, float) for key, scores in components.items()}
    frames = len(next(iter(arrays.values())))
    return VideoScores(name, "", arrays, np.full(frames, 3))


def labels(**frames: Sequence[int]) -> dict[str, Labels]:
    return {name: Labels(np.array(values, bool), source="by hand") for name, values in frames.items()}


TWO = [video("a", r=[1, 2, 3, 4], nll=[7, 7, 7, 7]), video("b", r=[10, 20, 40, 30], nll=[1, 2, 3, 4])]
TRUTH = labels(a=[0, 0, 1, 1], b=[0, 0, 0, 1])


def judged(videos: Sequence[VideoScores] = TWO, truth: dict[str, Labels] = TRUTH, **parts: Part) -> RunResult:
    parts = parts or {"r": Part(1.0, (MinMax(),), ({"use": "minmax", "over": "video"},))}
    return judge("walk", Path("run"), videos, truth, parts, [MicroAUC(), MacroAUC(), EER()], ITAE)


def test_fused_score_and_each_component_by_hand() -> None:
    result = judged()
    # min-max: a 0 1/3 2/3 1, b 0 1/3 1 2/3; abnormal 2/3 1 2/3 above 4 of 5 normal frames, 1 ties with 1.
    assert result.metrics["micro_auc"] == pytest.approx((4 + 4.5 + 4) / 15)
    assert result.metrics["macro_auc"] == pytest.approx((1 + 2 / 3) / 2)
    assert result.components["r"] == result.metrics
    assert result.components["r (raw)"]["micro_auc"] == pytest.approx((2 + 2 + 4) / 15)
    assert list(result.components) == ["r", "r (raw)", "nll (raw)"]


def test_videos_for_reporters() -> None:
    result = judged(r=Part(2.0, (MinMax(),)), nll=Part())
    b = result.videos[1]
    np.testing.assert_allclose(b.components["r"], [0, 1 / 3, 1, 2 / 3])
    np.testing.assert_allclose(b.fused, [1, 2 + 2 / 3, 5, 4 + 4 / 3])
    assert b.labels is not None
    assert b.labels.tolist() == [False, False, False, True]
    assert list(result.components) == ["r", "nll", "r (raw)"]


def test_facts() -> None:
    truth = labels(a=[0, 0, 1, 1], b=[0, 0, 0, 0])
    videos = [*TWO, video("c", r=[1, 2], nll=[1, 2])]
    facts = dict(judged(videos, truth, r=Part(1, (MinMax(),)), nll=Part()).facts)
    floor = facts.pop("floor")
    facts.pop("vadkit")
    assert floor.keys() == {"micro_auc", "macro_auc", "eer"}
    assert facts == {
        "videos": 3,
        "frames": 10,
        "labelled_frames": 8,
        "abnormal_frames": 2,
        "coverage_min": 3,
        "coverage_mean": 3.0,
        "frames_without_score": 0,
        "frames_dropped": 0,
        "single_class_videos": ["b"],
        "unlabelled_videos": ["c"],
        "constant": ["nll in a"],
        "needs_future": True,
    }


def test_the_floor_is_a_coin_toss_and_repeats() -> None:
    frames = np.arange(400)
    videos = [video(name, r=frames.tolist()) for name in "ab"]
    truth = {name: Labels(frames % 3 == 0) for name in "ab"}
    floor = judged(videos, truth).facts["floor"]
    assert floor == judged(videos, truth).facts["floor"]
    assert all(0.46 < value < 0.54 for value in floor.values())


def test_the_protocol_is_filled_in_from_the_run() -> None:
    protocol = judged().protocol
    assert protocol["labels"] == "by hand"
    assert protocol["components"] == {"r": {"weight": 1.0, "transform": [{"use": "minmax", "over": "video"}]}}
    assert protocol["digest"] != judged(r=Part()).protocol["digest"]


def test_without_labels_nothing_is_measured() -> None:
    result = judged(TWO, {})
    assert result.metrics == {}
    assert result.components == {}
    assert result.facts["floor"] == {}
    assert [one.labels for one in result.videos] == [None, None]


def test_one_class_says_so() -> None:
    with pytest.raises(DataError, match="all 8 frames of 2 videos are normal"):
        judged(TWO, labels(a=[0] * 4, b=[0] * 4))


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="two metrics give a value named 'eer'"):
        judge("walk", Path("run"), TWO, TRUTH, {"r": Part()}, [EER(), EER(method="nearest")], ITAE)


def test_training_scope_uses_the_normal_videos() -> None:
    parts = {"r": Part(1.0, (MinMax(over="training"),))}
    result = judge("walk", Path("run"), TWO, TRUTH, parts, [MicroAUC()], ITAE, normal=[video("n", r=[0, 10])])
    np.testing.assert_allclose(result.videos[0].fused, [0.1, 0.2, 0.3, 0.4])
    assert result.facts["needs_future"] is False


def test_the_inputs_are_left_alone() -> None:
    before = TWO[0].components["r"].copy()
    judged()
    np.testing.assert_array_equal(TWO[0].components["r"], before)


def published(name: str, truth: Sequence[np.ndarray]) -> RunResult:
    """A published MemAE's errors, judged: the first 8 and last 7 frames of each clip have none."""
    errors = np.load(DATA / f"scores/memae/{name}.npy", allow_pickle=False).astype(np.float64)
    ends = np.cumsum([frames.size - 15 for frames in truth])
    assert ends[-1] == errors.size
    videos, label_of = [], {}
    for index, (clip, frames) in enumerate(zip(np.split(errors, ends[:-1]), truth, strict=True)):
        scores = np.concatenate([np.full(8, np.nan), clip, np.full(7, np.nan)])
        videos.append(VideoScores(f"{index:02}", "", {"error": scores}, (~np.isnan(scores)).astype(np.int64)))
        label_of[f"{index:02}"] = Labels(frames.astype(bool))
    protocol = replace(ITAE, uncovered="drop")
    return judge("memae", Path("run"), videos, label_of, {"error": Part(1.0, (MinMax(),))}, [MicroAUC()], protocol)


def test_published_memae_on_ped2() -> None:
    if not (DATA / "scores/memae/ped2.npy").exists():
        pytest.skip("the published MemAE scores are not here; set VADKIT_TEST_DATA")
    cells = scipy.io.loadmat(DATA / "ucsd_ped2/labels/ped2.mat")["gt"].ravel()
    truth = []
    for number, intervals in enumerate(cells, 1):
        frames = np.zeros(len(list((DATA / f"ucsd_ped2/testing/frames/{number:02}").glob("*.jpg"))), bool)
        for start, stop in intervals.T:
            frames[start - 1 : stop] = True
        truth.append(frames)
    assert sum(frames.sum() for frames in truth) == 1648
    result = published("ped2", truth)
    assert result.metrics["micro_auc"] == pytest.approx(0.934060, abs=1e-6)
    assert result.facts["frames_dropped"] == 12 * 15


def test_published_memae_on_avenue_with_mask_labels() -> None:
    if not (DATA / "scores/memae/avenue.npy").exists():
        pytest.skip("the published MemAE scores are not here; set VADKIT_TEST_DATA")
    cells = scipy.io.loadmat(DATA / "avenue_part/labels/avenue_framelevel_from_masks_talreiss.mat")
    truth = [cells[f"{number:02}"].ravel() for number in range(1, 22)]
    assert sum(frames.sum() for frames in truth) == 3712
    assert published("avenue", truth).metrics["micro_auc"] == pytest.approx(0.809908, abs=1e-6)
