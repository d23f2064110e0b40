"""Events of a video: the alarms of the metric, with times, frames and a box."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from vadkit.core.alarms import intervals_of, max_hold
from vadkit.core.values import ClipSpec, Event
from vadkit.evaluation.events import COLUMNS, find_events, locate, map_of_picture, write_events
from vadkit.video.clock import clock


@pytest.mark.parametrize("fps", [None, 3.0, 25.0])
def test_events_are_the_alarms_that_the_metric_counts(fps: float | None) -> None:
    scores = np.random.default_rng(0).normal(size=2000)
    found = find_events("v", scores, 1.8, fps)
    wanted = intervals_of(max_hold(scores, fps) >= 1.8)
    assert [event.start_frame for event in found] == [start for start, _ in wanted]
    for event, (start, stop) in zip(found, wanted, strict=True):
        assert event.peak_score == scores[start:stop].max() == scores[event.peak_frame]
        assert event.end_frame == start + np.flatnonzero(scores[start:stop] >= 1.8)[-1]
        times = (event.start_seconds, event.peak_seconds, event.end_seconds)
        if fps is None:
            assert times == (None, None, None)
        else:
            assert times == (event.start_frame / fps, event.peak_frame / fps, event.end_frame / fps)


def test_numbers_and_boxes_are_those_of_the_video() -> None:
    scores, asked = np.array([0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 5.0]), []

    def box(frame: int) -> tuple[int, int, int, int]:
        asked.append(frame)
        return 0, 0, frame, 1

    found = find_events("v", scores, 1.0, 2.0, numbers=np.arange(4, 11), locate=box)
    assert [(event.start_frame, event.peak_frame, event.end_frame) for event in found] == [(5, 6, 6), (10, 10, 10)]
    assert asked == [6, 10]
    assert found[0].box == (0, 0, 6, 1)
    assert found[0].over_threshold == 2.0


def test_times_of_the_frames_replace_the_frame_rate() -> None:
    scores, times = np.array([0.0, 2.0, 3.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.1, 0.2, 5.0, 6.0, 7.0])
    [event] = find_events("v", scores, 1.0, 2.0, numbers=np.arange(1, 7) - 1, times=times)
    assert (event.start_seconds, event.peak_seconds, event.end_seconds) == (0.1, 0.2, 0.2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00.000"), (59.9996, "0:01:00.000"), (83.25, "0:01:23.250"), (36_000.5, "10:00:00.500"), (None, "")],
)
def test_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


def test_a_box_is_the_region_of_the_peak_in_pixels_of_the_video() -> None:
    cells = np.full((8, 12), 100.0)
    cells[2:4, 3:6], cells[3, 4], cells[7, 11] = 107, 110, 108  # a second region, not connected
    assert locate(cells, ClipSpec(8, 32, 48), (64, 96)) == (24, 16, 48, 32)
    assert locate(cells, ClipSpec(8, 30, 46), (30, 46)) == (12, 8, 24, 16)
    cells[7, 11] = 111
    assert locate(cells, ClipSpec(8, 30, 46), (30, 46)) == (44, 28, 46, 30)  # the last cells are smaller
    assert locate(np.ones((8, 12)), ClipSpec(8, 32, 48), (64, 96)) is None
    assert locate(np.full((8, 12), np.nan), ClipSpec(8, 32, 48), (64, 96)) is None


def test_a_box_in_letterboxed_frames_is_without_the_bars() -> None:
    cells = np.zeros((8, 8))
    cells[2:4, 0:2] = 1.0
    clip = ClipSpec(8, 32, 32, resize="letterbox")
    assert locate(cells, clip, (40, 80)) == (0, 0, 20, 20)  # the picture is 16 x 32, below a bar of 8 pixels
    cells[:] = 0
    cells[0, 0] = 1.0  # in the bar
    assert locate(cells, clip, (40, 80)) == (0, 0, 10, 1)


def test_a_map_becomes_one_of_the_picture() -> None:
    cells = np.arange(12.0).reshape(3, 4)
    whole = map_of_picture(cells, ClipSpec(8, 8, 15), (16, 30))  # cells of 3x4 pixels, the last ones are cut off
    assert whole.shape == (8, 15)
    assert (np.diff(whole, axis=0)[1:-1] > 0).all()
    bars = map_of_picture(cells, ClipSpec(8, 12, 16, resize="letterbox"), (16, 32))  # bars of two rows
    assert bars.shape == (8, 16)
    assert np.array_equal(bars, map_of_picture(cells, ClipSpec(8, 12, 16), (12, 16))[2:10])


def test_both_files_have_the_same_content(tmp_path: Path) -> None:
    events = [
        Event('tür "1", x', 50, 74, 60, 2.0, 2.96, 2.4, 3.5, 2.5, (1, 2, 3, 4)),
        Event("b", 1, 2, 2, None, None, None, 3.5, 2.5),
    ]
    write_events(tmp_path, events)
    with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert tuple(rows[0]) == tuple(lines[0]) == COLUMNS
    assert rows[0]["video"] == lines[0]["video"] == events[0].video
    assert (rows[0]["start"], lines[0]["end"], lines[1]["end"], rows[1]["end"]) == (
        "0:00:02.000",
        "0:00:02.960",
        None,
        "",
    )
    assert (rows[0]["x0"], lines[0]["y1"], rows[1]["x0"], lines[1]["x0"]) == ("1", 4, "", None)
    assert float(rows[0]["over_threshold"]) == lines[0]["over_threshold"] == 1.0
