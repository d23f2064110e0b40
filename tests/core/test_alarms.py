from __future__ import annotations

import numpy as np
import pytest

from vadkit.core.alarms import Alarm, AlarmDetector, AlarmRules, alarm_threshold, intervals_of, max_hold
from vadkit.core.errors import VadkitError


def test_runs_are_half_open() -> None:
    marked = np.array([1, 0, 1, 1, 0, 0, 1], bool)
    assert intervals_of(marked) == [(0, 1), (2, 4), (6, 7)]
    assert intervals_of(np.zeros(3, bool)) == []


def test_a_score_is_held_for_a_second() -> None:
    assert max_hold(np.array([0.0, 5, 0, 0, 1]), 2.0).tolist() == [0, 5, 5, 0, 1]
    assert max_hold(np.array([0.0, 5, 0]), None).tolist() == [0, 5, 0]


@pytest.mark.parametrize("allowed", [0, 1, 3, 7, 40])
def test_the_threshold_is_the_lowest_from_which_on_alarms_are_rare_enough(allowed: int) -> None:
    random = np.random.default_rng(allowed)
    videos, fps = [random.normal(size=200).round(1) for _ in range(3)], 5.0
    hours = 600 / fps / 3600
    threshold, found = alarm_threshold(videos, [fps] * 3, (allowed + 0.5) / hours)
    levels = np.unique(np.concatenate([max_hold(one, fps) for one in videos]))

    def alarms(at: float) -> int:
        return sum(len(intervals_of(max_hold(one, fps) >= at)) for one in videos)

    assert found == pytest.approx(hours)
    assert alarms(threshold) <= allowed
    assert all(alarms(level) <= allowed for level in levels if level >= threshold)
    below = [level for level in levels if level < threshold]
    peak = max(levels, key=lambda level: (alarms(level), level))
    assert threshold == peak or alarms(below[-1]) > allowed


def test_an_alarm_that_never_ends_is_not_one_alarm() -> None:
    scores = np.sin(np.arange(4000) / 50)
    threshold, hours = alarm_threshold([scores], [10.0], 1000.0)
    assert hours * 1000 > 100
    assert (scores >= threshold).mean() < 0.05


def test_too_little_video_allows_no_alarm() -> None:
    threshold, hours = alarm_threshold([np.array([1.0, 7.0, 3.0])], [25.0], 1.0)
    assert threshold == np.nextafter(7.0, 8.0)
    assert hours == pytest.approx(3 / 25 / 3600)


def test_an_unknown_frame_rate_allows_none_either() -> None:
    assert alarm_threshold([np.array([1.0, 2.0])], [None], 1e9) == (np.nextafter(2.0, 3.0), 0.0)


def detected(scores: list[float], rules: AlarmRules, fps: float = 2.0) -> list[tuple[int, Alarm]]:
    """Number of the frame at which each alarm is reported, and the alarm; threshold 5."""
    detector = AlarmDetector(5.0, fps, rules)
    found = [(frame, detector.update(frame, frame / fps, score)) for frame, score in enumerate(scores)]
    found.append((len(scores), detector.close()))
    return [(frame, alarm) for frame, alarm in found if alarm is not None]


def test_with_hysteresis_an_alarm_ends_below_the_lower_threshold() -> None:
    scores = [0.0, 6, 4, 4, 4, 2, 2, 4, 4, 0]
    without, having = detected(scores, AlarmRules()), detected(scores, AlarmRules(end_threshold=3))
    assert [(frame, alarm.until_frame) for frame, alarm in without] == [(1, None), (3, 1)]
    assert [(frame, alarm.until_frame) for frame, alarm in having] == [(1, None), (6, 4)]  # 4 alone begins none
    with pytest.raises(VadkitError, match=r"--end-threshold: is 6, which is above the alarm threshold 5"):
        AlarmDetector(5.0, 2.0, AlarmRules(end_threshold=6.0))


def test_an_alarm_is_raised_when_it_has_lasted_long_enough() -> None:
    rules = AlarmRules(min_duration=1.5)
    assert detected([0.0, 6, 7, 0, 0, 0], rules) == []
    assert detected([0.0, 6, 7], rules) == []
    raised, ended = detected([0.0, 6, 7, 0, 6, 6, 0, 0], rules)
    assert raised == (4, Alarm(1, 0.5, 7.0, 2, 1.0))
    assert ended == (7, Alarm(1, 0.5, 7.0, 2, 1.0, until_frame=5, until=2.5))


def test_no_alarm_begins_in_the_cool_down() -> None:
    scores = [6.0, 0, 0, 6, 6, 6, 6, 6, 0, 0]
    found = detected(scores, AlarmRules(cool_down=3.0))
    assert [(alarm.frame, alarm.until_frame) for _, alarm in found] == [(0, None), (0, 0), (6, None), (6, 7)]
    short = AlarmRules(min_duration=1.0, cool_down=60.0)
    assert len(detected([6.0, 0, 0, 6, 6, 6, 0, 0], short)) == 2  # an alarm that is not raised starts no cool-down


@pytest.mark.parametrize(
    "rules", [{"min_duration": -1.0}, {"cool_down": float("inf")}, {"end_threshold": float("nan")}]
)
def test_impossible_rules_are_refused(rules: dict[str, float]) -> None:
    with pytest.raises(VadkitError, match=f"--{next(iter(rules)).replace('_', '-')}: is"):
        AlarmRules(**rules)


def test_an_alarm_ends_after_a_second_of_video_without_a_high_score() -> None:
    detector = AlarmDetector(5.0, 10.0)
    times = [0.0, 0.1, 0.5, 0.9, 1.0]  # the frame rate varies: three frames are 0.8 s
    found = [
        detector.update(number, at, score)
        for number, (at, score) in enumerate(zip(times, [6.0, 0, 0, 0, 6], strict=True))
    ]
    assert [alarm is not None for alarm in found] == [True, False, False, False, False]
    assert detector.skip(8.0) is None  # seven seconds are missing
    assert detector.update(5, 8.0, 0.0) is None
    ended = detector.update(6, 9.0, 0.0)
    assert ended is not None
    assert (ended.until, detector.active) == (1.0, False)
    assert detector.update(7, 9.1, 6.0)
    assert detector.skip(18.0) is None
    ended = detector.skip(19.2)
    assert ended is not None
    assert ended.until == 9.1
