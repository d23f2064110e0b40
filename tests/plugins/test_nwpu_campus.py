"""NWPU Campus: a made-up tree in the authors' form, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from filmed import noise, write

from vadkit.api import DataError
from vadkit.data.tools import check_dataset
from vadkit_datasets.nwpu_campus import NWPUCampus


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """As the archives unpack, in part; a training and a test video bear one name."""
    base = tmp_path / "NWPUCampusDataset"
    for name in ("videos/Train/D001_01.avi", "videos/Test/D001_01.avi", "videos/Test/D012_03.avi"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        write(base / name, noise(8)[:: 1 if "D001" in name else -1], "mpeg4")
    (base / "groundtruth").mkdir()
    labels = {"D001_01": np.arange(8) > 5, "D012_03": np.zeros(8, np.int64), "D002_01": np.arange(30) < 3}
    np.savez(base / "groundtruth/NWPU_Campus_gt.npz", **labels)
    return tmp_path


def test_own_layout(root: Path) -> None:
    dataset = NWPUCampus(root)
    (train,), (first, second) = dataset.videos("train"), dataset.videos("test")
    assert [(video.name, video.scene, video.fps) for video in (train, first, second)] == [
        ("D001_01", "D001", 25.0),
        ("D001_01", "D001", 25.0),
        ("D012_03", "D012", 25.0),
    ]
    assert dataset.labels(train) is None
    found = [dataset.labels(video) for video in (first, second)]
    assert [np.flatnonzero(labels.frames).tolist() for labels in found if labels] == [[6, 7], []]


def test_all_labelled_videos_count_whether_or_not_they_are_there(root: Path) -> None:
    found = {video.name: (video.source, labels.frames.sum()) for video, labels in NWPUCampus(root).ground_truth()}
    assert list(found) == ["D001_01", "D002_01", "D012_03"]
    assert found["D002_01"] == ((), 3)
    assert found["D001_01"][0] == root / "NWPUCampusDataset/videos/Test/D001_01.avi"


def test_extracted_frames_and_labels_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "testing/frames/D001_01").mkdir(parents=True)
    for n in range(8):
        (tmp_path / f"testing/frames/D001_01/{n:04}.jpg").touch()
    dataset = NWPUCampus(tmp_path)
    (video,) = dataset.videos("test")
    with pytest.raises(DataError, match=r"no labels: looked for groundtruth/NWPU_Campus_gt.npz") as caught:
        dataset.labels(video)
    assert "campusvad" in caught.value.fix
    file = tmp_path / "NWPU_Campus_gt.npz"
    for values, what in [
        ({"D001_01": np.zeros(9)}, "labels 9 frames, the video has 8"),
        ({"D001_01": np.full(8, 2)}, "frame 0 is 2, not 0 or 1"),
        ({"D001_02": np.zeros(8)}, "the file has labels of 1 videos, not of this one"),
    ]:
        np.savez(file, **values)
        with pytest.raises(DataError, match=what) as caught:
            NWPUCampus(tmp_path).labels(video)
        assert "NWPU_Campus_gt.npz" in str(caught.value)
    file.write_bytes(b"PKbroken")
    with pytest.raises(DataError, match=r"NWPU_Campus_gt.npz: is not a NumPy file"):
        NWPUCampus(tmp_path).labels(video)
    (tmp_path / "testing/frames/D001_01").rename(tmp_path / "testing/frames/holiday")
    with pytest.raises(DataError, match="'holiday': the name has no scene"):
        NWPUCampus(tmp_path).videos("test")


def test_the_check_knows_the_published_totals_and_compares_lengths(root: Path) -> None:
    base = root / "NWPUCampusDataset"
    np.savez(base / "groundtruth/NWPU_Campus_gt.npz", D001_01=np.zeros(9), D012_03=np.zeros(8))
    report = check_dataset(NWPUCampus(root))
    assert [(row.videos, row.expected_videos, row.expected_frames) for row in report.rows] == [
        (1, 305, 1_082_014),
        (2, 242, 384_059),
    ]
    assert "9 labels for 8 frames" in " ".join(finding.what for finding in report.errors)
