"""ShanghaiTech: made-up trees, and the real frame labels where they are at hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from vadkit.api import DataError
from vadkit_datasets.shanghaitech import ShanghaiTech

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
REAL_LABELS = DATA / "labels/shanghaitech/test_frame_mask"


def frames(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for n in range(count):
        (folder / f"{n:03d}.jpg").touch()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "training/videos").mkdir(parents=True)
    for name in ("12_001", "01_010", "01_002"):
        (tmp_path / f"training/videos/{name}.avi").touch()
    frames(tmp_path / "testing/frames/01_0014", 5)
    frames(tmp_path / "testing/frames/12_0149", 4)
    for kind in ("frame", "pixel"):
        (tmp_path / f"testing/test_{kind}_mask").mkdir()
    masks = np.zeros((5, 6, 8), np.uint8)
    masks[1:3, 2, 2] = 1
    np.save(tmp_path / "testing/test_pixel_mask/01_0014.npy", masks)
    np.save(tmp_path / "testing/test_frame_mask/01_0014.npy", np.array([0, 1, 1, 0, 0], np.uint8))
    np.save(tmp_path / "testing/test_frame_mask/12_0149.npy", np.ones(4, np.uint8))
    return tmp_path


def test_videos_scenes_and_labels(root: Path) -> None:
    dataset = ShanghaiTech(root)
    train, test = dataset.videos("train"), dataset.videos("test")
    assert [(video.name, video.scene) for video in train] == [("01_002", "01"), ("01_010", "01"), ("12_001", "12")]
    assert [(video.name, video.scene, video.frames) for video in test] == [("01_0014", "01", 5), ("12_0149", "12", 4)]
    first, second = (dataset.labels(video) for video in test)
    assert first
    assert second
    assert first.frames.tolist() == [False, True, True, False, False]
    assert second.frames.all()
    assert first.masks
    assert first.masks().dtype == bool
    np.testing.assert_array_equal(first.masks().any(axis=(1, 2)), first.frames)
    assert second.masks is None
    assert dataset.labels(train[0]) is None


def test_extracted_training_frames_are_taken_as_well(root: Path) -> None:
    (root / "training/videos").rename(root / "elsewhere")
    frames(root / "training/frames/02_001", 3)
    (video,) = ShanghaiTech(root).videos("train")
    assert (video.name, video.scene, video.frames) == ("02_001", "02", 3)


def test_scenes_are_kept_as_asked(root: Path) -> None:
    dataset = ShanghaiTech(root, scenes=(12,))
    assert [video.name for video in (*dataset.videos("train"), *dataset.videos("test"))] == ["12_001", "12_0149"]
    with pytest.raises(DataError, match="no test videos of scene 3") as caught:
        ShanghaiTech(root, scenes=(3,)).videos("test")
    assert caught.value.fix == "choices: 1, 12"


def test_labels_that_do_not_fit_are_refused(root: Path) -> None:
    np.save(root / "testing/test_frame_mask/01_0014.npy", np.zeros(6))
    dataset = ShanghaiTech(root)
    with pytest.raises(DataError, match=r"01_0014: .*labels 6 frames, the video has 5"):
        dataset.labels(dataset.videos("test")[0])


def test_labels_that_are_missing_or_broken_are_named(root: Path) -> None:
    dataset = ShanghaiTech(root)
    video = dataset.videos("test")[0]
    path = root / "testing/test_frame_mask/01_0014.npy"
    path.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"01_0014.npy: cannot be read"):
        dataset.labels(video)
    path.unlink()
    with pytest.raises(DataError, match=r"no frame labels: looked for testing/test_frame_mask/01_0014.npy"):
        dataset.labels(video)


def test_strange_names_and_holes_are_named(root: Path) -> None:
    (root / "testing/frames/12_0149/001.jpg").unlink()
    with pytest.raises(DataError, match="12_0149: frame 1 is missing"):
        ShanghaiTech(root).videos("test")
    (root / "training/videos/holiday.avi").touch()
    with pytest.raises(DataError, match="holiday"):
        ShanghaiTech(root).videos("train")


def test_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="training/frames") as caught:
        ShanghaiTech(tmp_path).videos("train")
    assert "ShanghaiTech Campus" in caught.value.fix


@pytest.mark.skipif(not REAL_LABELS.is_dir(), reason="needs ShanghaiTech's frame labels (set VADKIT_TEST_DATA)")
def test_real_labels_have_the_published_counts(tmp_path: Path) -> None:
    (tmp_path / "testing/videos").mkdir(parents=True)
    (tmp_path / "testing/test_frame_mask").symlink_to(REAL_LABELS)
    for path in REAL_LABELS.glob("*.npy"):
        (tmp_path / f"testing/videos/{path.stem}.avi").touch()
    dataset = ShanghaiTech(tmp_path)
    labels = [dataset.labels(video) for video in dataset.videos("test")]
    assert (len(labels), len({video.scene for video in dataset.videos("test")})) == (107, 12)
    flat = np.concatenate([found.frames for found in labels if found])
    assert (len(flat), int(flat.sum())) == (40791, 17326)
    assert list(dataset.expected().values()) == [330, 274515, 107, 40791, 17326]
    assert ShanghaiTech(tmp_path, scenes=(1,)).expected() == {}


def test_labels_alone_are_a_ground_truth(root: Path) -> None:
    whole = ShanghaiTech(root).ground_truth()
    assert [(video.name, video.scene, len(labels.frames)) for video, labels in whole] == [
        ("01_0014", "01", 5),
        ("12_0149", "12", 4),
    ]
    shutil.rmtree(root / "testing/frames")
    assert [video.name for video, _ in ShanghaiTech(root).ground_truth()] == ["01_0014", "12_0149"]
    assert [video.name for video, _ in ShanghaiTech(root, scenes=(12,)).ground_truth()] == ["12_0149"]
    with pytest.raises(DataError, match="no frame labels"):
        ShanghaiTech(root, scenes=(3,)).ground_truth()


def test_real_labels_alone_give_the_published_counts() -> None:
    if not REAL_LABELS.is_dir():
        pytest.skip("the real labels are not here; set VADKIT_TEST_DATA")
    truth = [labels.frames for _, labels in ShanghaiTech(REAL_LABELS.parent).ground_truth()]
    assert (len(truth), sum(map(len, truth)), sum(int(one.sum()) for one in truth)) == (107, 40791, 17326)
