"""Avenue: part of it will do, and its two label sets stay apart."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from vadkit.api import DataError, VideoRef
from vadkit.data.tools import check_dataset
from vadkit_datasets import avenue
from vadkit_datasets.avenue import Avenue

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
PART = DATA / "avenue_part"
needs_part = pytest.mark.skipif(not PART.is_dir(), reason="needs part of Avenue (set VADKIT_TEST_DATA)")


def cells(arrays: list[np.ndarray]) -> np.ndarray:
    row = np.empty((1, len(arrays)), object)
    for index, array in enumerate(arrays):
        row[0, index] = array
    return row


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """Test video 8 alone, the shortest, as 36 frames; intervals of all 21."""
    for name, frames in [("testing/frames/08", 36), ("training/frames/01", 3)]:
        (tmp_path / name).mkdir(parents=True)
        for n in range(frames):
            (tmp_path / name / f"{n:04d}.jpg").touch()
    spans = [np.array([[1], [1]], np.uint16) for _ in range(21)]
    spans[7] = np.array([[3, 36], [5, 36]], np.uint16)
    savemat(tmp_path / "avenue.mat", {"gt": cells(spans)})
    return tmp_path


def write_masks(root: Path, abnormal: list[int], frames: int = 36) -> None:
    (root / "testing_label_mask").mkdir()
    masks = [np.zeros((4, 5), np.uint8) for _ in range(frames)]
    for n in abnormal:
        masks[n][1, 2] = 1
    savemat(root / "testing_label_mask/8_label.mat", {"volLabel": cells(masks)})


def test_label_is_found_by_the_number_of_the_video(made_up: Path) -> None:
    dataset = Avenue(made_up)
    (video,) = dataset.videos("test")
    labels = dataset.labels(video)
    assert labels
    assert np.flatnonzero(labels.frames).tolist() == [2, 3, 4, 35]
    assert labels.masks is None
    assert dataset.labels(dataset.videos("train")[0]) is None


def test_label_sets_are_told_apart(made_up: Path) -> None:
    write_masks(made_up, [7, 8])
    intervals, masks = Avenue(made_up), Avenue(made_up, labels="masks")
    listed, masked = (dataset.labels(dataset.videos("test")[0]) for dataset in (intervals, masks))
    assert listed
    assert masked
    assert listed.source != masked.source
    assert np.flatnonzero(masked.frames).tolist() == [7, 8]
    assert listed.masks
    assert listed.masks().shape == (36, 4, 5)
    assert listed.masks().sum() == 2


def test_masks_that_do_not_fit_are_refused(made_up: Path) -> None:
    write_masks(made_up, [7], frames=35)
    dataset = Avenue(made_up, labels="masks")
    with pytest.raises(DataError, match="labels 35 frames, the video has 36"):
        dataset.labels(dataset.videos("test")[0])


def test_frames_that_are_missing_at_the_end_are_noticed(made_up: Path) -> None:
    (made_up / "testing/frames/08/0035.jpg").unlink()
    dataset = Avenue(made_up)
    with pytest.raises(DataError, match=r"08: .*labels 36 frames, the video has 35"):
        dataset.labels(dataset.videos("test")[0])


def test_a_second_folder_of_training_videos_is_named(made_up: Path) -> None:
    assert not Avenue(made_up).ignored("train")
    (made_up / "training_videos").mkdir()
    assert not Avenue(made_up).ignored("train")  # it is empty
    (made_up / "training_videos/02.avi").touch()
    dataset = Avenue(made_up)
    assert [video.name for video in dataset.videos("train")] == ["02"]
    assert dataset.ignored("train") == [made_up / "training/frames"]
    assert not dataset.ignored("test")
    found = [one for one in check_dataset(dataset, decode=False).findings if "1 folder ignored" in one.what]
    assert [(one.severity, one.where) for one in found] == [("warning", "train")]


def test_missing_labels_are_named(made_up: Path) -> None:
    (made_up / "avenue.mat").unlink()
    for dataset, name in [(Avenue(made_up), "avenue.mat"), (Avenue(made_up, labels="masks"), "8_label.mat")]:
        with pytest.raises(DataError, match=name) as caught:
            dataset.labels(dataset.videos("test")[0])
        assert "CUHK" in caught.value.fix


def test_intervals_of_another_data_set_are_refused(made_up: Path) -> None:
    savemat(made_up / "avenue.mat", {"gt": cells([np.array([[1], [2]])] * 12)})
    dataset = Avenue(made_up)
    with pytest.raises(DataError, match="12 videos, but Avenue has 21"):
        dataset.labels(dataset.videos("test")[0])


@pytest.mark.parametrize("name", ["22.avi", "readme.avi"])
def test_strange_video_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "testing_videos").mkdir()
    (tmp_path / "testing_videos" / name).touch()
    with pytest.raises(DataError, match=name.split(".")[0]):
        Avenue(tmp_path).videos("test")


def test_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="testing_videos") as caught:
        Avenue(tmp_path).videos("train")
    assert "CUHK" in caught.value.fix
    (tmp_path / "testing_videos").mkdir()
    with pytest.raises(DataError, match="no videos: looked for training_videos"):
        Avenue(tmp_path).videos("train")


@needs_part
def test_real_part_has_the_published_lengths() -> None:
    dataset = Avenue(PART)
    found = {video.name: video.frames for video in dataset.videos("test")}
    assert found == {"08": 36, "17": 426, "18": 294, "19": 248, "20": 273, "21": 76}
    assert [video.name for video in dataset.videos("train")] == ["12", "16"]


@needs_part
def test_real_labels_of_the_part_match_the_files_of_others() -> None:
    """Against the flat file of FFP's intervals, and a per-video file made from the masks by others."""
    flat = np.load(PART / "labels/frame_labels_avenue.npy").ravel() != 0
    from_masks = loadmat(PART / "labels/avenue_framelevel_from_masks_talreiss.mat")
    lengths = [from_masks[f"{n:02d}"].size for n in range(1, 22)]
    starts = np.cumsum([0, *lengths])
    intervals, masks = Avenue(PART), Avenue(PART, labels="masks")
    for video in intervals.videos("test"):
        listed, masked, n = intervals.labels(video), masks.labels(video), int(video.name)
        assert listed
        assert masked
        np.testing.assert_array_equal(listed.frames, flat[starts[n - 1] : starts[n]], err_msg=video.name)
        np.testing.assert_array_equal(masked.frames, from_masks[video.name].ravel() != 0, err_msg=video.name)


@needs_part
def test_the_two_real_label_sets_differ_as_counted() -> None:
    flat = np.load(PART / "labels/frame_labels_avenue.npy").ravel() != 0
    read = loadmat(PART / "labels/avenue_framelevel_from_masks_talreiss.mat")
    masks = np.concatenate([read[f"{n:02d}"].ravel() != 0 for n in range(1, 22)])
    assert (len(flat), flat.sum(), masks.sum(), (flat != masks).sum()) == (15324, 3867, 3712, 441)


@needs_part
def test_real_files_state_the_published_size_and_rate() -> None:
    dataset = Avenue(PART)
    for video in (*dataset.videos("train"), *dataset.videos("test")):
        assert isinstance(video.source, Path)
        with av.open(str(video.source)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.average_rate) == (640, 360, 25)
        assert video.fps == 25


def all_videos(root: Path) -> list[VideoRef]:
    (root / "testing_videos").mkdir()
    for n in range(1, 22):
        (root / f"testing_videos/{n:02d}.avi").touch()
    (root / "labels").symlink_to(PART / "labels")
    (root / "testing_label_mask").symlink_to(PART / "testing_label_mask")
    return list(Avenue(root).videos("test"))


@needs_part
def test_real_intervals_of_all_videos_sum_to_the_published_count(tmp_path: Path) -> None:
    videos = all_videos(tmp_path)
    labels = [Avenue(tmp_path).labels(video) for video in videos]
    assert sum(len(found.frames) for found in labels if found) == 15324
    assert sum(int(found.frames.sum()) for found in labels if found) == 3867


@needs_part
@pytest.mark.skipif("VADKIT_SLOW" not in os.environ, reason="unpacks 3.5 GB of masks (set VADKIT_SLOW)")
def test_real_masks_of_all_videos_sum_to_the_published_count(tmp_path: Path) -> None:
    dataset = Avenue(tmp_path, labels="masks")
    labels = (dataset.labels(video) for video in all_videos(tmp_path))
    assert sum(int(found.frames.sum()) for found in labels if found) == 3712


@needs_part
def test_real_masks_have_the_size_of_the_video() -> None:
    assert avenue.read_masks(PART / "testing_label_mask/8_label.mat", 36).shape == (36, 360, 640)


@needs_part
def test_labels_alone_are_a_ground_truth_of_all_videos() -> None:
    dataset = Avenue(PART, labels="intervals")
    truth = dataset.ground_truth()
    assert list(dataset.expected().values()) == [16, 15328, 21, 15324, 3867]
    assert [video.name for video, _ in truth] == [f"{number:02}" for number in range(1, 22)]
    assert sum(len(one.frames) for _, one in truth) == 15324
    assert sum(int(one.frames.sum()) for _, one in truth) == 3867
