from __future__ import annotations

import numpy as np
import pytest

from vadkit.core.alarms import alarm_threshold, intervals_of, max_hold


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
