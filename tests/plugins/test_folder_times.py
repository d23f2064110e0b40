"""Videos of one's own with a frame rate that varies: labels in seconds, scores, events and checks."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import filmed
import numpy as np
import pytest
from owned import film

import vadkit
from vadkit.data.tools import check_dataset, open_target
from vadkit_datasets.folder.dataset import Folder

KINDS = [".mkv", ".mp4"]


def varying(root: Path, suffix: str) -> Path:
    """300 frames at 30 frames per second, then 100 at 10, labelled from 10 to 12 s. Frame 350 brings a white square."""
    (root / "test").mkdir(parents=True)
    frames = np.full((400, 48, 64, 3), 90, np.uint8)
    frames[350:, 12:36, 8:40] = 255
    filmed.write(root / f"test/v{suffix}", frames, "libx264", times=filmed.VARYING)
    (root / "labels.csv").write_text("video,start_seconds,end_seconds\nv,10,12\n")
    return root


@pytest.mark.parametrize("suffix", KINDS)
def test_labels_in_seconds_follow_the_time_stamps(tmp_path: Path, suffix: str) -> None:
    dataset = Folder(varying(tmp_path, suffix))
    labels = dataset.labels(dataset.videos("test")[0])
    assert labels is not None
    assert np.flatnonzero(labels.frames).tolist() == list(range(300, 320))
    stated = Folder(tmp_path, source_fps=20)  # the rate of the recipe replaces the times of the file
    labels = stated.labels(stated.videos("test")[0])
    assert labels is not None
    assert np.flatnonzero(labels.frames).tolist() == list(range(200, 240))


def test_a_frame_that_began_before_the_interval_is_still_on_screen(tmp_path: Path) -> None:
    varying(tmp_path, ".mkv")
    (tmp_path / "labels.csv").write_text("video,start_seconds,end_seconds\nv,10.05,10.15\nv,19.95,20.05\n")
    dataset = Folder(tmp_path)
    labels = dataset.labels(dataset.videos("test")[0])
    assert labels is not None
    assert np.flatnonzero(labels.frames).tolist() == [300, 301, 399]


@pytest.mark.parametrize("suffix", KINDS)
def test_the_check_says_that_the_frame_rate_varies(tmp_path: Path, suffix: str) -> None:
    varying(tmp_path, suffix)
    for place in ("train/a.mp4", "test/w.mp4"):
        film(tmp_path / place, 40, fps=20)
    found = check_dataset(open_target({"use": "folder"}, tmp_path)).findings
    [finding] = [finding for finding in found if finding.topic == "rates"]  # the mean rate is that of the others
    assert (finding.severity, finding.where) == ("note", str(tmp_path / f"test/v{suffix}"))
    assert "from about 10 to 3" in finding.what


def test_events_of_a_run_have_the_times_of_the_file(tiny: dict[str, Any], tmp_path: Path) -> None:
    root = varying(tmp_path / "own", ".mkv")
    for name in ("a", "b"):
        film(root / f"train/{name}.mp4", 40, fps=20)
    clip = {"frames": 8, "size": [32, 48], "color": "gray"}
    tiny["data"] = {"use": "folder", "clip": clip, "stride": 4, "held_out": 0.5}
    tiny["model"]["fit"]["steps"] = 2
    del tiny["densities"], tiny["fuse"], tiny["scores"]["likelihood"], tiny["scores"]["static"]
    tiny["evaluate"] = {"protocol": "deployable", "metrics": ["alarms"]}
    run = vadkit.run(tiny, data_root=root, out=tmp_path / "run")
    [scores] = run.scores()
    assert scores.times is not None
    np.testing.assert_allclose(scores.times[[0, 299, 300, 399]], [0, 9.967, 10, 19.9], atol=2e-3)
    assert scores.fps == pytest.approx(399 / 19.9)  # 400 frames in 20 s, for rates per hour
    with (run.path / "events.csv").open(newline="") as file:
        events = list(csv.DictReader(file))
    assert 345 <= int(events[-1]["peak_frame"]) <= 399
    for event in events:
        assert float(event["peak_seconds"]) == pytest.approx(filmed.VARYING[int(event["peak_frame"])] / 1000, abs=2e-3)
