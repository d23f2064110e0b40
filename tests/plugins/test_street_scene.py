"""Street Scene: a made-up tree in the authors' form, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vadkit.api import DataError
from vadkit_datasets.street_scene import StreetScene

ROWS = "00002.jpg 0 640 360 20 11\n00003.jpg 0 642.5 360 20 11\n\n/from/elsewhere/Test001/00003.jpg 1 3 700 10 60\n"


def frames(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for n in range(1, count + 1):
        (folder / f"{n:05}.jpg").touch()


@pytest.fixture(params=["Train,Test", "training/frames,testing/frames"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    train, test = request.param.split(",")
    frames(tmp_path / "StreetScene" / train / "Train001", 3)
    frames(tmp_path / "StreetScene" / test / "Test001", 5)
    frames(tmp_path / "StreetScene" / test / "Test002", 4)
    (tmp_path / "StreetScene" / test / "Test001/Test001_gt.txt").write_text(ROWS)
    (tmp_path / "StreetScene" / test / "Test002/Test002_gt.txt").touch()
    return tmp_path


def test_boxes_are_tracks_and_their_frames_are_abnormal(root: Path) -> None:
    dataset = StreetScene(root)
    (train,), (first, normal) = dataset.videos("train"), dataset.videos("test")
    assert [(video.name, video.frames, video.fps) for video in (train, first)] == [
        ("Train001", 3, 15.0),
        ("Test001", 5, 15.0),
    ]
    labels, none = dataset.labels(first), dataset.labels(normal)
    assert labels
    assert none
    assert np.flatnonzero(labels.frames).tolist() == [1, 2]
    assert labels.tracks
    # The middle of the box is given; a box that reaches over the edge ends there.
    assert {track.identity: dict(track.boxes) for track in labels.tracks} == {
        "0": {1: (630, 354, 650, 366), 2: (632, 354, 653, 366)},
        "1": {2: (0, 670, 8, 720)},
    }
    assert labels.size == (720, 1280)
    assert (none.frames.tolist(), none.tracks) == ([False] * 4, ())
    assert dataset.labels(train) is None


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("00006.jpg 0 9 9 4 4", "frame 6 is labelled, but the video has 5 frames"),
        ("00000.jpg 0 9 9 4 4", "frame 0 is labelled"),
        ("00002.jpg 0 9 9 4", "not a row of a track: '00002.jpg 0 9 9 4'"),
        ("00002.jpg a 9 9 4 4", "not a row of a track"),
        ("00002.jpg 0.5 9 9 4 4", "not a row of a track"),
        ("00002.jpg 0 nan 9 4 4", "not a row of a track"),
        ("name.jpg 0 9 9 4 4", "the name has no number"),
        ("00002.jpg 0 9 9 0 4", "not a box in a frame of 1280x720"),
        ("00002.jpg 0 2000 9 4 4", "not a box in a frame of 1280x720"),
    ],
)
def test_rows_that_do_not_fit_are_named(root: Path, row: str, what: str) -> None:
    dataset = StreetScene(root)
    video = dataset.videos("test")[0]
    assert isinstance(video.source, tuple)
    file = video.source[0].parent / "Test001_gt.txt"
    file.write_text(f"00001.jpg 0 9 9 4 4\n{row}\n")
    with pytest.raises(DataError, match=what) as caught:
        dataset.labels(video)
    assert caught.value.where.startswith(str(file)) or "name.jpg" in caught.value.where


def test_what_is_missing_is_said(root: Path) -> None:
    dataset = StreetScene(root)
    video = dataset.videos("test")[0]
    assert isinstance(video.source, tuple)
    (video.source[0].parent / "Test001_gt.txt").unlink()
    with pytest.raises(DataError, match=r"no tracks: looked for .*Test001/Test001_gt.txt") as caught:
        dataset.labels(video)
    assert "merl.com" in caught.value.fix
    for inner in (root / "StreetScene").rglob("T*001"):
        with pytest.raises(DataError, match="the folder contains none of Train"):
            StreetScene(inner).videos("train")
