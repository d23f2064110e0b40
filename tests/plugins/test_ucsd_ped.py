"""UCSD Ped: both layouts, every form of its labels, and what is wrong with some of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vadkit.api import DataError
from vadkit_datasets.ucsd_ped import UCSDPed

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
FRAMES = [180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180]
ABNORMAL = [120, 86, 146, 150, 129, 159, 135, 180, 120, 150, 180, 93]
needs_ped2 = pytest.mark.skipif(not (DATA / "ucsd_ped2").is_dir(), reason="needs UCSD Ped2 (set VADKIT_TEST_DATA)")
needs_labels = pytest.mark.skipif(not (DATA / "labels").is_dir(), reason="needs label files (set VADKIT_TEST_DATA)")


def draw(folder: Path, frames: int, suffix: str = ".tif") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(frames):
        Image.fromarray(np.full((6, 9), n, np.uint8)).save(folder / f"{n + 1:03d}{suffix}")


def touch(folder: Path, frames: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(frames):
        (folder / f"{n + 1:03d}.jpg").touch()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """UCSD's own layout: two training and two test clips, with their litter."""
    root = tmp_path / "UCSDped2"
    for name, frames in [("Train/Train001", 4), ("Train/Train002", 3), ("Test/Test001", 6), ("Test/Test002", 5)]:
        draw(root / name, frames)
        (root / name / ".DS_Store").touch()
        (root / name / "._001.tif").touch()
    (root / "Test/UCSDped2.m").write_text(
        "TestVideoFile = {};\n"
        "% TestVideoFile{end+1}.gt_frame = [1:2];\n"
        "TestVideoFile{end+1}.gt_frame = [1:2, 5:6];\n"
        "TestVideoFile{end+1}.gt_frame = [3];\n"
    )
    masks = root / "Test/Test001_gt"
    draw(masks, 6, ".bmp")
    for n in range(6):
        mask = np.zeros((6, 9), np.uint8)
        mask[2:4, 3:5] = 255 * (n >= 4)
        Image.fromarray(mask).save(masks / f"{n + 1:03d}.bmp")
    return root


@pytest.mark.parametrize("above", [False, True])
def test_own_layout_is_recognised(own: Path, above: bool) -> None:
    dataset = UCSDPed(own.parent if above else own)
    assert [(video.name, video.frames) for video in dataset.videos("train")] == [("Train001", 4), ("Train002", 3)]
    test = dataset.videos("test")
    assert [(video.name, video.frames) for video in test] == [("Test001", 6), ("Test002", 5)]
    first, second = (dataset.labels(video) for video in test)
    assert first
    assert second
    assert first.frames.tolist() == [True, True, False, False, True, True]
    assert second.frames.tolist() == [False, False, True, False, False]
    assert "UCSDped2.m" in first.source
    assert first.masks
    assert first.masks().sum(axis=(1, 2)).tolist() == [0, 0, 0, 0, 4, 4]
    assert second.masks is None
    assert dataset.labels(dataset.videos("train")[0]) is None


def test_masks_as_labels(own: Path) -> None:
    dataset = UCSDPed(own, labels="masks")
    first, second = dataset.videos("test")
    labels = dataset.labels(first)
    assert labels
    assert labels.frames.tolist() == [False] * 4 + [True] * 2
    assert "masks" in labels.source
    with pytest.raises(DataError, match="Test002: the clip has no pixel masks"):
        dataset.labels(second)


@pytest.mark.parametrize("relative", [False, True])
def test_label_file_of_ones_own(own: Path, relative: bool) -> None:
    path = own / "mine.npy"
    np.save(path, np.array([0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0]))
    dataset = UCSDPed(own, label_file=Path("mine.npy") if relative else path)
    first, second = (dataset.labels(video) for video in dataset.videos("test"))
    assert first
    assert second
    assert (first.frames.sum(), second.frames.sum()) == (1, 2)
    assert "mine.npy" in first.source


def test_frame_labels_of_another_length_are_refused(own: Path) -> None:
    path = own / "mine.npy"
    np.save(path, np.zeros(12))
    dataset = UCSDPed(own, label_file=path)
    with pytest.raises(DataError, match="12 frames, the video has 11"):
        dataset.labels(dataset.videos("test")[0])


def test_intervals_beyond_the_clip_are_refused(own: Path) -> None:
    for path in sorted((own / "Test/Test001").glob("00[56].tif")):
        path.unlink()
    dataset = UCSDPed(own)
    with pytest.raises(
        DataError, match=r"UCSDped2.m, gt_frame 1: frames 5 to 6 .* abnormal, but the video has the frames 1 to 4"
    ):
        dataset.labels(dataset.videos("test")[0])


def test_masks_that_do_not_fit_are_refused(own: Path) -> None:
    (own / "Test/Test001_gt/006.bmp").unlink()
    dataset = UCSDPed(own, labels="masks")
    with pytest.raises(DataError, match="labels 5 frames, the video has 6"):
        dataset.labels(dataset.videos("test")[0])


def test_mat_with_several_none_and_wide_intervals(own: Path) -> None:
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.array([[1, 4], [2, 4]], np.uint8), np.zeros((0, 0))
    savemat(own / "ped2.mat", {"gt": cells})
    dataset = UCSDPed(own)
    first, second = (dataset.labels(video) for video in dataset.videos("test"))
    assert first
    assert second
    assert first.frames.tolist() == [True, True, False, True, False, False]
    assert not second.frames.any()
    assert "ped2.mat" in first.source


@pytest.mark.parametrize("missing", ["002.tif", "003.tif"])
def test_hole_in_the_frames_is_named(own: Path, missing: str) -> None:
    (own / "Train/Train001" / missing).unlink()
    with pytest.raises(DataError, match=f"Train001: frame {int(missing[:3])} is missing"):
        UCSDPed(own).videos("train")


def test_a_lost_first_frame_is_named(own: Path, tmp_path: Path) -> None:
    (own / "Train/Train001/001.tif").unlink()
    with pytest.raises(DataError, match="Train001: frame 1 is missing"):
        UCSDPed(own).videos("train")
    for folder, first in (("01", 0), ("02", 1)):
        place = tmp_path / "from_zero/training/frames" / folder
        place.mkdir(parents=True)
        for n in range(first, 4):
            (place / f"{n:03}.jpg").touch()
    with pytest.raises(DataError, match="02: frame 0 is missing: the other folders start with it"):
        UCSDPed(tmp_path / "from_zero").videos("train")


def test_double_frame_is_named(own: Path) -> None:
    (own / "Train/Train001/002.jpg").touch()
    with pytest.raises(DataError, match="Train001: frame 2 occurs twice"):
        UCSDPed(own).videos("train")


def test_frames_are_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "training/frames/01"
    folder.mkdir(parents=True)
    for n in range(1, 13):
        (folder / f"{n}.jpg").touch()
    (video,) = UCSDPed(tmp_path).videos("train")
    assert isinstance(video.source, tuple)
    assert [path.stem for path in video.source] == [str(n) for n in range(1, 13)]


def test_what_is_missing_is_said(own: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for root, what in [
        (None, "needs a folder"),
        (tmp_path / "gone", "does not exist"),
        (empty, "contains none of Train"),
    ]:
        with pytest.raises(DataError, match=what) as caught:
            UCSDPed(root).videos("test")
        assert "svcl.ucsd.edu" in caught.value.fix
        assert "Train001" in caught.value.fix
    (own / "Train").rename(own / "Elsewhere")
    with pytest.raises(DataError, match="looked for Train, training/frames"):
        UCSDPed(own).videos("train")
    (own / "Test/UCSDped2.m").unlink()
    with pytest.raises(DataError, match=r"no label file: looked for ped2.mat"):
        UCSDPed(own).labels(UCSDPed(own).videos("test")[0])
    draw(own / "Test/Test003", 0)
    with pytest.raises(DataError, match="Test003: no images"):
        UCSDPed(own).videos("test")


def test_ped1_is_found_beside_ped2_and_never_mistaken(own: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="contains none of"):
        UCSDPed(own, subset="ped1").videos("test")
    touch(tmp_path / "UCSDped1/Test/Test001", 7)
    assert [video.frames for video in UCSDPed(own, subset="ped1").videos("test")] == [7]
    assert [video.frames for video in UCSDPed(own, subset="ped2").videos("test")] == [6, 5]


@pytest.mark.parametrize("content", [b"", b"not a matlab file" * 20])
def test_broken_mat_is_named(own: Path, content: bytes) -> None:
    (own / "ped2.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"ped2.mat: cannot be read as a .mat file"):
        UCSDPed(own).labels(UCSDPed(own).videos("test")[0])


def test_mat_without_intervals_says_what_it_holds(own: Path) -> None:
    savemat(own / "ped2.mat", {"truth": np.zeros(3)})
    with pytest.raises(DataError, match="no clip 1, but truth"):
        UCSDPed(own).labels(UCSDPed(own).videos("test")[0])


@needs_ped2
@pytest.mark.parametrize("where", ["", "ucsd_ped2"])
def test_real_ped2_has_the_published_counts(where: str) -> None:
    dataset = UCSDPed(DATA / where)
    train, test = dataset.videos("train"), dataset.videos("test")
    assert (len(train), sum(video.frames or 0 for video in train)) == (16, 2550)
    assert [video.frames for video in test] == FRAMES
    labels = [dataset.labels(video) for video in test]
    assert [int(found.frames.sum()) for found in labels if found] == ABNORMAL
    assert list(dataset.expected().values()) == [16, 2550, 12, sum(FRAMES), sum(ABNORMAL)]
    flat = np.concatenate([found.frames for found in labels if found])
    np.testing.assert_array_equal(flat, np.load(DATA / "ucsd_ped2/labels/frame_labels_ped2.npy").ravel() != 0)


@needs_ped2
def test_real_masks_agree_with_the_intervals_in_every_frame() -> None:
    by_masks, by_intervals = UCSDPed(DATA, labels="masks"), UCSDPed(DATA)
    for video in by_masks.videos("test"):
        masked, listed = by_masks.labels(video), by_intervals.labels(video)
        assert masked
        assert listed
        assert masked.source != listed.source
        np.testing.assert_array_equal(masked.frames, listed.frames, err_msg=video.name)


@needs_ped2
def test_real_masks_have_the_size_of_the_video() -> None:
    dataset = UCSDPed(DATA)
    labels = dataset.labels(dataset.videos("test")[8])
    assert labels
    assert labels.masks
    assert labels.masks().shape == (120, 240, 360)


@needs_ped2
def test_real_frame_labels_give_the_same_as_the_intervals() -> None:
    dataset = UCSDPed(DATA, label_file=Path("labels/frame_labels_ped2.npy"))
    labels = [dataset.labels(video) for video in dataset.videos("test")]
    assert [int(found.frames.sum()) for found in labels if found] == ABNORMAL


@needs_ped2
@needs_labels
def test_the_altered_label_file_is_noticed() -> None:
    altered = DATA / "labels/variants/ped2_altered.mat"
    dataset = UCSDPed(DATA, label_file=altered)
    third = dataset.videos("test")[2]
    with pytest.raises(DataError, match=r"03: 142 of 150 .* publishes 146"):
        dataset.labels(third)
    meant = UCSDPed(DATA, label_file=altered, published=False)
    labels = [meant.labels(video) for video in meant.videos("test")]
    assert sum(int(found.frames.sum()) for found in labels if found) == 1624


@needs_labels
@pytest.mark.parametrize("form", ["ped1.mat", "frame_labels_ped1.npy"])
def test_real_ped1_labels(tmp_path: Path, form: str) -> None:
    for clip in range(1, 37):
        touch(tmp_path / f"testing/frames/{clip:02d}", 200)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / form).symlink_to(DATA / "labels/ucsd_ped1" / form)
    dataset = UCSDPed(tmp_path, subset="ped1")
    labels = [found for video in dataset.videos("test") if (found := dataset.labels(video))]
    flat = np.concatenate([found.frames for found in labels])
    np.testing.assert_array_equal(flat, np.load(DATA / "labels/ucsd_ped1/frame_labels_ped1.npy") != 0)
    assert (len(labels), len(flat), flat.sum()) == (36, 7200, 4045)
    assert list(dataset.expected().values())[2:] == [36, 7200, 4045]


@needs_labels
@pytest.mark.parametrize("form", ["ped1.mat", "frame_labels_ped1.npy", "ped2.mat", "frame_labels_ped2.npy"])
def test_label_files_alone_are_the_ground_truth(tmp_path: Path, form: str) -> None:
    subset = "ped1" if "ped1" in form else "ped2"
    source = DATA / ("labels/ucsd_ped1" if subset == "ped1" else "ucsd_ped2/labels") / form
    (tmp_path / form).symlink_to(source)
    pairs = UCSDPed(tmp_path, subset=subset).ground_truth()
    expected = UCSDPed(None, subset=subset).expected()
    assert [video.name for video, _ in pairs] == [f"{n:02}" for n in range(1, len(pairs) + 1)]
    assert len(pairs) == expected["test videos"]
    assert sum(labels.frames.size for _, labels in pairs) == expected["test frames"]
    assert sum(int(labels.frames.sum()) for _, labels in pairs) == expected["abnormal frames"]


def test_the_folder_tells_the_subset(own: Path, tmp_path: Path) -> None:
    assert UCSDPed(own).expected()["test videos"] == 12
    own.rename(tmp_path / "UCSDped1")
    for root in (tmp_path / "UCSDped1", tmp_path):
        dataset = UCSDPed(root)
        assert dataset.expected()["test videos"] == 36
        assert len(dataset.videos("test")) == 2


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder UCSDped2/, ucsd_ped2/") as caught:
        UCSDPed(tmp_path).videos("train")
    assert caught.value.where == str(tmp_path)
