"""UBI-Fights, in a made-up tree: no part of it is at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from vadkit.api import DataError
from vadkit_datasets.ubi_fights import UBIFights


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "UBI_FIGHTS"
    for name in ("normal/N_0_0_0_1_0", "normal/N_0_0_0_2_0", "fight/F_0_1_0_0_0", "fight/F_10_1_2_0_0"):
        (base / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (base / f"videos/{name}.mp4").touch()
    (base / "annotation").mkdir()
    (base / "annotation/F_10_1_2_0_0.csv").write_text("0\n0\n1\n1\n0\n")
    (base / "annotation/N_0_0_0_2_0.csv").write_text("0\n0\n0\n")
    (base / "test_videos.csv").write_text("F_10_1_2_0_0\nN_0_0_0_2_0.mp4\n")
    return base


@pytest.mark.parametrize("above", [True, False])
def test_training_is_normal_and_test_is_listed(root: Path, above: bool) -> None:
    dataset = UBIFights(root.parent if above else root)
    assert [video.name for video in dataset.videos("train")] == ["N_0_0_0_1_0"]
    fight, normal = dataset.videos("test")
    assert (fight.name, normal.name) == ("F_10_1_2_0_0", "N_0_0_0_2_0")
    labels = dataset.labels(fight)
    assert labels
    assert np.flatnonzero(labels.frames).tolist() == [2, 3]
    assert len(labels.frames) == 5
    assert dataset.labels(dataset.videos("train")[0]) is None


def test_labels_alone_are_a_ground_truth(root: Path) -> None:
    shutil.rmtree(root / "videos")
    truth = UBIFights(root).ground_truth()
    assert [(video.name, len(labels.frames), labels.frames.sum()) for video, labels in truth] == [
        ("F_10_1_2_0_0", 5, 2),
        ("N_0_0_0_2_0", 3, 0),
    ]


def test_extracted_frames_must_fit_their_labels(root: Path) -> None:
    for name, count in [("training/frames/N_1", 2), ("testing/frames/F_10_1_2_0_0", 4)]:
        (root / name).mkdir(parents=True)
        for n in range(count):
            (root / name / f"{n}.jpg").touch()
    dataset = UBIFights(root)
    assert [video.name for video in dataset.videos("train")] == ["N_1"]
    with pytest.raises(DataError, match=r"F_10_1_2_0_0: .*labels 5 frames, the video has 4"):
        dataset.labels(dataset.videos("test")[0])


def test_what_is_missing_or_broken_is_said(root: Path, tmp_path: Path) -> None:
    (root / "annotation/F_10_1_2_0_0.csv").write_text("0\n2\n")
    dataset = UBIFights(root)
    fight = dataset.videos("test")[0]
    with pytest.raises(DataError, match=r"F_10_1_2_0_0.csv: frame 1 is 2, not 0 or 1"):
        dataset.labels(fight)
    (root / "annotation/F_10_1_2_0_0.csv").unlink()
    with pytest.raises(DataError, match=r"no annotation of this video: looked for annotation/F_10_1_2_0_0.csv"):
        dataset.labels(fight)
    (root / "test_videos.csv").write_text("F_1_1_1_1_1\n")
    with pytest.raises(DataError, match=r"none of the videos in test_videos.csv"):
        UBIFights(root).videos("test")
    (root / "test_videos.csv").write_text("\n")
    with pytest.raises(DataError, match=r"test_videos.csv: the list is empty"):
        UBIFights(root).videos("test")
    (root / "test_videos.csv").unlink()
    with pytest.raises(DataError, match=r"no list of test videos: looked for test_videos.csv") as caught:
        UBIFights(root).videos("train")
    assert "socia-lab" in caught.value.fix
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="contains none of"):
        UBIFights(tmp_path / "empty").videos("test")
