"""Fusion and alarms frame by frame against the same on the whole video."""

from __future__ import annotations

import numpy as np
import pytest

from vadkit.core.alarms import Alarm, AlarmDetector, intervals_of, max_hold
from vadkit.core.errors import DataError
from vadkit.evaluation.coverage import impute
from vadkit.evaluation.fusion import ComponentFusion, Fusion
from vadkit.live.fusion import OnlineFusion
from vadkit.store.scores import VideoScores
from vadkit_standard.smoothing import Exponential
from vadkit_standard.transforms import ZScore


def _video(seed: int, frames: int = 60) -> VideoScores:
    random = np.random.default_rng(seed)
    components = {name: random.normal(size=frames) for name in ("r", "l")}
    components["r"][:3] = components["l"][-2:] = np.nan
    return VideoScores(f"video {seed}", "", components, np.ones(frames, np.int64), 25.0)


def test_blocks_of_any_size_fuse_as_the_whole_video_does() -> None:
    normal = impute([_video(1), _video(2)], "drop")
    parts = {
        "r": ComponentFusion(1.0, (ZScore(over="training"), Exponential(half_life=5))),
        "l": ComponentFusion(0.3, (ZScore(),)),
    }
    fusion = Fusion(parts, (Exponential(half_life=3),), normal)
    video = _video(3)
    [covered] = impute([video], "drop")
    wanted = np.full(60, np.nan)
    wanted[covered.kept] = fusion([covered])[0].total
    online = OnlineFusion(fusion)
    found = [online({k: v[a:b] for k, v in video.components.items()}) for a, b in ((0, 2), (2, 3), (3, 30), (30, 60))]
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=1e-12)


def test_a_frame_that_lacks_a_score_that_is_not_fused_is_dropped_as_in_a_whole_video() -> None:
    fusion = Fusion({"r": ComponentFusion()})
    found = OnlineFusion(fusion)({"r": np.array([1.0, 2.0]), "beside": np.array([np.nan, 0.0])})
    np.testing.assert_array_equal(found, [np.nan, 2.0])
    whole = VideoScores("v", "", {"r": np.array([1.0, 2.0]), "beside": np.array([np.nan, 0.0])}, np.ones(2, np.int64))
    assert impute([whole], "drop")[0].kept.tolist() == [False, True]


def test_an_infinite_score_is_refused() -> None:
    with pytest.raises(DataError, match="'r' became infinite"):
        OnlineFusion(Fusion({"r": ComponentFusion()}))({"r": np.array([1.0, np.inf])})


@pytest.mark.parametrize("fps", [None, 0.7, 12.5, 13.5, 25.0])
def test_alarms_are_the_runs_that_the_metric_counts(fps: float | None) -> None:
    scores = np.random.default_rng(0).normal(size=2000)
    watch, found = AlarmDetector(1.8, fps), []
    for frame, score in enumerate(scores):
        alarm = watch.update(frame, frame / (fps or 1.0), score)
        if alarm is not None and alarm.until is not None:
            found.append(alarm)
    if (last := watch.close()) is not None:
        found.append(last)
    wanted = intervals_of(max_hold(scores, fps) >= 1.8)
    assert len(wanted) > 20
    assert [alarm.frame for alarm in found] == [start for start, _ in wanted]
    for alarm, (start, stop) in zip(found, wanted, strict=True):
        assert alarm.peak == scores[start:stop].max()
        assert alarm.peak_frame == start + scores[start:stop].argmax()
        assert alarm.until_frame == start + np.flatnonzero(scores[start:stop] >= 1.8)[-1]


def test_an_alarm_is_told_when_it_begins_and_when_it_ends() -> None:
    watch = AlarmDetector(1.0, 2.0)
    told = [watch.update(frame, frame / 2, score) for frame, score in enumerate([0, 1, 3, 0, 2, 0, 0, 0])]
    assert told[1] == Alarm(1, 0.5, 1.0, 1, 0.5)
    assert told[6] == Alarm(1, 0.5, 3.0, 2, 1.0, until_frame=4, until=2.0)
    assert [index for index, alarm in enumerate(told) if alarm] == [1, 6]
    assert watch.close() is None
