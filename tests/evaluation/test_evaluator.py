from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

import vadkit
from vadkit.core.contracts import Metric
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.protocol import Protocol
from vadkit.core.values import Labels, ResultSummary, RunResult, Track
from vadkit.evaluation import ComponentFusion, EvaluationConfig, EvaluationData, Evaluator
from vadkit.recipe.presets import PRESETS
from vadkit.store.scores import VideoScores
from vadkit_standard.alarms import Alarms
from vadkit_standard.metrics import EER, MacroAUC, MicroAUC
from vadkit_standard.smoothing import Gaussian
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


def judged(
    videos: Sequence[VideoScores] = TWO,
    truth: dict[str, Labels] = TRUTH,
    *,
    normal: Sequence[VideoScores] = (),
    metrics: Sequence[Metric] = (MicroAUC(), MacroAUC(), EER()),
    protocol: Protocol = ITAE,
    rounds: int = 0,
    **parts: ComponentFusion,
) -> RunResult:
    parts = parts or {"r": ComponentFusion(1.0, (MinMax(),), ({"use": "minmax", "over": "video"},))}
    plan = EvaluationConfig(parts, metrics, protocol, rounds=rounds)
    return Evaluator(plan).evaluate(EvaluationData(videos, truth, normal), name="walk").result


def test_fused_score_and_each_component_by_hand() -> None:
    result = judged()
    # min-max: a 0 1/3 2/3 1, b 0 1/3 1 2/3; abnormal 2/3 1 2/3 above 4 of 5 normal frames, 1 ties with 1.
    assert result.metrics["micro_auc"] == pytest.approx((4 + 4.5 + 4) / 15)
    assert result.metrics["macro_auc"] == pytest.approx((1 + 2 / 3) / 2)
    assert result.components["r"] == result.metrics
    assert result.components["r (raw)"]["micro_auc"] == pytest.approx((2 + 2 + 4) / 15)
    assert list(result.components) == ["r", "r (raw)", "nll (raw)"]


def test_videos_for_reporters() -> None:
    result = judged(r=ComponentFusion(2.0, (MinMax(),)), nll=ComponentFusion())
    b = result.videos[1]
    np.testing.assert_allclose(b.components["r"], [0, 1 / 3, 1, 2 / 3])
    np.testing.assert_allclose(b.fused, [1, 2 + 2 / 3, 5, 4 + 4 / 3])
    assert b.labels is not None
    assert b.labels.tolist() == [False, False, False, True]
    assert list(result.components) == ["r", "nll", "r (raw)"]


def test_summary() -> None:
    truth = labels(a=[0, 0, 1, 1], b=[0, 0, 0, 0])
    videos = [*TWO, video("c", r=[1, 2], nll=[1, 2])]
    summary = judged(videos, truth, r=ComponentFusion(1, (MinMax(),)), nll=ComponentFusion()).summary
    assert summary.chance.keys() == {"micro_auc", "macro_auc", "macro_auc_padded", "eer"}
    assert summary == ResultSummary(
        videos=3,
        frames=10,
        labelled_frames=8,
        abnormal_frames=2,
        coverage_min=3,
        coverage_mean=3.0,
        single_class_videos=("b",),
        unlabelled_videos=("c",),
        constant=("nll in a",),
        needs_future=True,
        chance=summary.chance,
        chance_draws=20,
        bootstrap={"rounds": 0, "over": "videos", "videos": 2, "seed": 0},
        vadkit=vadkit.__version__,
    )


def test_the_floor_is_a_coin_toss_and_repeats() -> None:
    frames = np.arange(400)
    videos = [video(name, r=frames.tolist()) for name in "ab"]
    truth = {name: Labels(frames % 3 == 0) for name in "ab"}
    floor = dict(judged(videos, truth).summary.chance)
    assert floor == judged(videos, truth).summary.chance
    padded = floor.pop("macro_auc_padded")
    assert all(0.46 < value < 0.54 for value in floor.values())
    assert padded > floor["macro_auc"]


def test_the_protocol_is_filled_in_from_the_run() -> None:
    protocol = judged().protocol
    assert protocol["labels"] == "by hand"
    assert protocol["components"] == {"r": {"weight": 1.0, "transform": [{"use": "minmax", "over": "video"}]}}
    assert protocol["digest"] != judged(r=ComponentFusion()).protocol["digest"]


def test_without_labels_nothing_is_measured() -> None:
    result = judged(TWO, {})
    assert result.metrics == {}
    assert result.components == {}
    assert result.summary.chance == {}
    assert [one.labels for one in result.videos] == [None, None]


def test_one_class_says_so() -> None:
    with pytest.raises(DataError, match="all 8 frames of 2 videos are normal"):
        judged(TWO, labels(a=[0] * 4, b=[0] * 4))


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="two metrics give a value named 'eer'"):
        judged(metrics=[EER(), EER(method="nearest")], r=ComponentFusion())


def test_training_scope_uses_the_normal_videos() -> None:
    result = judged(normal=[video("n", r=[0, 10], nll=[0, 0])], r=ComponentFusion(1.0, (MinMax(over="training"),)))
    np.testing.assert_allclose(result.videos[0].fused, [0.1, 0.2, 0.3, 0.4])
    assert result.summary.needs_future is False


def test_the_inputs_are_left_alone() -> None:
    before = TWO[0].components["r"].copy()
    judged()
    np.testing.assert_array_equal(TWO[0].components["r"], before)


def test_the_headline_comes_first() -> None:
    assert next(iter(judged(protocol=replace(ITAE, averaging="macro")).metrics)) == "macro_auc"
    padded = replace(ITAE, averaging="macro", single_class="pad")
    assert next(iter(judged(protocol=padded).metrics)) == "macro_auc_padded"


def test_each_video_and_scene_has_its_own_figures() -> None:
    videos = [replace(one, scene="s" + one.name) for one in TWO]
    groups = judged(videos).groups
    for kind, names in (("video", ("a", "b")), ("scene", ("sa", "sb"))):
        assert [groups[kind][name]["micro_auc"] for name in names] == [1.0, pytest.approx(2 / 3)]
        assert [groups[kind][name]["eer"] for name in names] == [0.0, pytest.approx(1 / 3)]
    assert judged().groups["scene"] == {}  # one scene is the whole


def test_a_video_of_one_class_has_no_auc_of_its_own() -> None:
    assert judged(truth=labels(a=[0, 0, 1, 1], b=[0] * 4)).groups["video"]["b"] == {}


def test_intervals_hold_the_value_repeat_and_are_wide_for_few_videos() -> None:
    random = np.random.default_rng(0)
    names = [f"{index:02}" for index in range(12)]
    truth = {name: Labels(random.random(50) < 0.3) for name in names}
    videos = [video(name, r=(random.normal(size=50) + truth[name].frames).tolist()) for name in names]
    result = judged(videos, truth, rounds=200, r=ComponentFusion())
    assert result.intervals == judged(videos, truth, rounds=200, r=ComponentFusion()).intervals
    assert result.intervals.keys() == result.metrics.keys()
    for name, (low, high) in result.intervals.items():
        assert low < result.metrics[name] < high
    assert judged(videos[:1], {"00": truth["00"]}, rounds=200, r=ComponentFusion()).intervals == {}


def test_the_alarm_threshold_comes_from_normal_video_alone() -> None:
    normal = [replace(video("n", r=[0, 4, 1, 2], nll=[0] * 4), fps=2.0)]
    other = labels(a=[1, 1, 0, 0], b=[1, 0, 0, 0])
    for truth in (TRUTH, other):
        summary = judged(normal=normal, truth=truth, r=ComponentFusion()).summary
        assert summary.alarm_threshold == np.nextafter(4, 5)  # two seconds allow no alarm at one per hour
        assert summary.normal_hours == pytest.approx(2 / 3600)
    often = replace(ITAE, false_alarms_per_hour=1800.0)
    # One alarm is allowed: from 4 on there is one; below, it only grows longer.
    assert judged(normal=normal, protocol=often, r=ComponentFusion()).summary.alarm_threshold == 4.0


def test_alarms_are_counted_at_that_threshold() -> None:
    videos = [replace(video("a", r=[0, 6, 0, 0, 7, 8]), fps=1.0)]
    normal = [replace(video("n", r=[5, 5]), fps=1.0)]
    result = judged(videos, labels(a=[0, 0, 0, 1, 1, 0]), normal=normal, metrics=[Alarms()], r=ComponentFusion())
    # Above 5: frame 1 is a false alarm in 4 normal seconds; 4 and 5 are one alarm that hits the event, a second late.
    assert result.metrics == {
        "false_alarms_per_hour": pytest.approx(3600 / 4),
        "events_detected": 1.0,
        "detection_delay": 1.0,
        "precision": pytest.approx(1 / 3),
        "recall": 0.5,
    }


def test_deployable_refuses_what_needs_the_future() -> None:
    deployable = PRESETS["deployable"]
    with pytest.raises(VadkitError, match="does not allow transform MinMax of component 'r': it needs later frames"):
        judged(protocol=deployable, r=ComponentFusion(1.0, (MinMax(),)))
    with pytest.raises(VadkitError, match="does not allow transform Gaussian of the fused score"):
        EvaluationConfig({"r": ComponentFusion()}, [], deployable, (Gaussian(sigma=2),))


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
    protocol = replace(ITAE, missing_scores="drop")
    return judged(videos, label_of, metrics=[MicroAUC()], protocol=protocol, error=ComponentFusion(1.0, (MinMax(),)))


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
    assert result.summary.frames_dropped == 12 * 15


def test_published_memae_on_avenue_with_mask_labels() -> None:
    if not (DATA / "scores/memae/avenue.npy").exists():
        pytest.skip("the published MemAE scores are not here; set VADKIT_TEST_DATA")
    cells = scipy.io.loadmat(DATA / "avenue_part/labels/avenue_framelevel_from_masks_talreiss.mat")
    truth = [cells[f"{number:02}"].ravel() for number in range(1, 22)]
    assert sum(frames.sum() for frames in truth) == 3712
    assert published("avenue", truth).metrics["micro_auc"] == pytest.approx(0.809908, abs=1e-6)


def test_chance_goes_through_the_same_rules() -> None:
    """Smoothed noise differs between videos: the mean of their AUCs is no longer a coin toss away from 1/2."""
    names = [f"{n:02}" for n in range(6)]
    videos = [video(name, r=np.zeros(60).tolist()) for name in names]
    truth = {
        name: Labels(np.repeat([False, True], [4, 56]) if n % 2 else np.arange(60) > 30) for n, name in enumerate(names)
    }
    plain = judged(videos, truth, r=ComponentFusion()).summary.chance
    parts = {"r": ComponentFusion()}
    config = EvaluationConfig(parts, [MacroAUC()], ITAE, (Gaussian(sigma=8, edges="zeros"),))
    smoothed = Evaluator(config).evaluate(EvaluationData(videos, truth)).result
    assert 0.4 < plain["macro_auc"] < 0.6
    # Zeros beyond the ends lower a video's first frames, all of which are normal here.
    assert smoothed.summary.chance["macro_auc"] > plain["macro_auc"] + 0.1


def test_a_stated_threshold_is_not_asked_of_other_units() -> None:
    videos = [replace(one, fps=5.0) for one in TWO]
    result = judged(videos, metrics=[MicroAUC(), Alarms(threshold=3.0)], r=ComponentFusion())
    assert "recall" in result.metrics
    assert result.summary.chance.keys() == {"micro_auc"}
    assert result.components["nll (raw)"].keys() == {"micro_auc"}


@pytest.mark.parametrize(
    ("change", "word"), [({"missing_scores": "nearest"}, "nearest"), ({"weights": "test"}, "test labels")]
)
def test_deployable_refuses_later_frames_and_test_labels(change: dict[str, Any], word: str) -> None:
    with pytest.raises(VadkitError, match=word):
        judged(protocol=replace(PRESETS["deployable"], **change), r=ComponentFusion())


def test_boxes_outside_of_the_video_are_refused() -> None:
    truth = dict(TRUTH)
    truth["a"] = replace(truth["a"], tracks=(Track("cart", {2: (0, 0, 1, 1), 9: (0, 0, 1, 1)}),))
    with pytest.raises(DataError, match="1 of 2 boxes of its tracks lie outside its 4 frames"):
        judged(truth=truth)
