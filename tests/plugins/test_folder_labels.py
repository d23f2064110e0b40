"""Labels of one's own video: every form, and every way in which it goes wrong."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from owned import abnormal, film, images, touch, two_videos
from PIL import Image

from vadkit.api import DataError
from vadkit_datasets.folder.dataset import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_videos(tmp_path)


def test_labels_that_a_video_lacks(root: Path) -> None:
    (root / "labels.csv").write_text("video,start_frame,end_frame\ndoor,2,4\ndoor,6,6\n")
    dataset = Folder(root)
    assert abnormal(dataset) == {"door": [2, 3, 4, 6], "gate": None}
    assert abnormal(Folder(root, unlabelled="normal")) == {"door": [2, 3, 4, 6], "gate": []}
    labels = dataset.labels(dataset.videos("test")[0])
    assert labels
    assert (labels.source, labels.masks) == ("folder labels.csv", None)
    assert dataset.labels(dataset.videos("train")[0]) is None


def test_a_normal_video_is_a_row_without_an_interval(root: Path) -> None:
    (root / "labels.csv").write_text("video,start_frame,end_frame\ngate,,\ndoor,0,7\n")
    assert abnormal(Folder(root)) == {"door": list(range(8)), "gate": []}


def test_any_moment_of_a_frame_within_an_interval_of_seconds_counts(root: Path) -> None:
    """At 10 fps frame n is shown from n/10 to (n+1)/10 s; players round a length up to whole seconds."""
    for start, end, found in [("0.28", "0.32", [2, 3]), ("0.3", "0.4", [3]), ("0.5", "1", [5, 6, 7])]:
        (root / "labels.csv").write_text(f"video,start_seconds,end_seconds\ndoor,{start},{end}\n")
        assert abnormal(Folder(root, source_fps=10))["door"] == found


def test_arrays_a_file_each(root: Path) -> None:
    (root / "labels").mkdir()
    np.save(root / "labels/door.npy", np.array([[0, 0, 1, 1, 0, 0, 0, 0]], np.uint8))
    for write in (
        lambda: (root / "labels/gate.txt").write_text("0\n1\n0 0,0,0\n0;1\n"),
        lambda: (root / "labels/gate.csv").write_text("0\n1\n0\n0\n0\n0\n0\n1.0\n"),
        lambda: np.savez(root / "labels/gate.npz", np.array([False, True, *[False] * 5, True])),
    ):
        write()
        assert abnormal(Folder(root)) == {"door": [2, 3], "gate": [1, 7]}
        next((root / "labels").glob("gate.*")).unlink()


def test_one_archive_of_arrays(root: Path) -> None:
    np.savez(root / "gt.npz", **{"door": np.arange(8) > 5, "gate.mp4": np.zeros(8)})
    assert abnormal(Folder(root, labels=Path("gt.npz"))) == {"door": [6, 7], "gate": []}


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg"])
def test_mask_images(root: Path, suffix: str) -> None:
    images(root / "masks/door", 8, white=[1, 5], suffix=suffix)
    dataset = Folder(root)
    assert abnormal(dataset) == {"door": [1, 5], "gate": None}
    labels = dataset.labels(dataset.videos("test")[0])
    assert labels
    assert labels.masks
    assert labels.source == "folder masks"
    np.testing.assert_array_equal(labels.masks().any(axis=(1, 2)), labels.frames)
    assert labels.masks()[1].sum() == 6


def test_masks_beside_intervals_say_where_and_not_when(root: Path) -> None:
    images(root / "masks/door", 8, white=[1])
    (root / "labels.csv").write_text("video,start_frame,end_frame\ndoor,1,2\ngate,,\n")
    dataset = Folder(root)
    assert abnormal(dataset) == {"door": [1, 2], "gate": []}
    door, gate = (dataset.labels(video) for video in dataset.videos("test"))
    assert door
    assert gate
    assert door.masks
    assert door.masks().sum() == 6
    assert gate.masks is None


def test_the_frames_of_a_file_are_counted(root: Path) -> None:
    film(root / "test/film.mp4", 12, fps=10)
    (root / "labels.csv").write_text("video,start_seconds,end_seconds\nfilm,1,2\n")
    dataset = Folder(root)
    video = dataset.videos("test")[1]
    labels = dataset.labels(video)
    assert labels
    assert np.flatnonzero(labels.frames).tolist() == [10, 11]
    assert len(labels.frames) == 12


def test_names_fit_with_suffix_without_folder_and_in_decomposed_letters(tmp_path: Path) -> None:
    images(tmp_path / "test/cam1/café", 4)
    images(tmp_path / "test/cam2/gate", 4)
    images(tmp_path / "train/park", 4)
    name = unicodedata.normalize("NFD", "café.mp4")
    (tmp_path / "labels.csv").write_text(f"video,start_frame,end_frame\n{name},1,1\ncam2\\gate,2,2\npark,,\n")
    assert abnormal(Folder(tmp_path)) == {"cam1/café": [1], "cam2/gate": [2]}


@pytest.mark.parametrize(
    ("table", "what", "fix"),
    [
        ("start_frame,end_frame\ndoor,2,8\n", "'door': frames 2 to 8 are labelled abnormal, .* 0 to 7", "version"),
        ("start_seconds,end_seconds\ndoor,1,4\n", r"'door': seconds 1 to 4 .* 2.00 s long \(8 frames at 4", ""),
        ("start_seconds,end_seconds\ndoor,2,2.5\n", "'door': seconds 2 to 2.5 are labelled abnormal", ""),
        ("first,last\ndoro,2,4\nx,,\n", r"labels 'doro', but no test video .* \(and 1", "mean 'door'"),
        ("first,last\ndoor,2,4\ndoor.mp4,,\n", "'door' twice, as 'door' and as 'door.mp4'", "in one way"),
        ("first,last,frames\ndoor,2,4,9\n", "video door: .* labels 9 frames, the video has 8", "missing"),
        ("frame,label\ndoor,0,1\n", "video door: .* labels 1 frames, the video has 8", "missing"),
        ("first,last\ndoor,2,x\n", "line 2: last is 'x', not a number", "start_frame"),
    ],
)
def test_labels_that_do_not_fit(root: Path, table: str, what: str, fix: str) -> None:
    (root / "labels.csv").write_text(f"video,{table}")
    with pytest.raises(DataError, match=what) as caught:
        abnormal(Folder(root, source_fps=4))
    assert "labels.csv" in str(caught.value)
    assert fix in caught.value.fix


def test_label_files_that_are_wrong(root: Path) -> None:
    (root / "labels").mkdir()
    with pytest.raises(DataError, match="labels: holds no label files"):
        abnormal(Folder(root))
    (root / "labels/door.txt").write_text("video,start\n")
    with pytest.raises(DataError, match=r"door.txt: holds a header and no rows"):
        abnormal(Folder(root))
    (root / "labels/door.txt").write_text("0\n1\n")
    np.savez(root / "labels/door.npz", a=np.zeros(8), b=np.zeros(8))
    with pytest.raises(DataError, match="labels 'door' twice"):
        abnormal(Folder(root))
    (root / "labels/door.txt").unlink()
    with pytest.raises(DataError, match=r"door.npz: holds 2 arrays, not one: a, b"):
        abnormal(Folder(root))
    (root / "labels/door.npz").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"door.npz: is not a NumPy file"):
        abnormal(Folder(root))


def test_masks_that_are_wrong(root: Path) -> None:
    images(root / "masks/door", 7)
    with pytest.raises(DataError, match=r"video door: .*masks/door labels 7 frames, the video has 8"):
        abnormal(Folder(root))
    images(root / "masks/door", 8)
    Image.new("L", (3, 3)).save(root / "masks/door/5.png")
    with pytest.raises(DataError, match=r"5.png: differs in size"):
        abnormal(Folder(root))
    (root / "masks/door").rename(root / "masks/dor")
    with pytest.raises(DataError, match="masks: labels 'dor', but no test video") as caught:
        abnormal(Folder(root))
    assert "did you mean 'door'" in caught.value.fix


def test_labels_in_doubtful_places(root: Path) -> None:
    with pytest.raises(DataError, match=r"labls.csv: the labels do not exist"):
        abnormal(Folder(root, labels=Path("labls.csv")))
    (root / "labels.csv").write_text("video,start_frame,end_frame\n")
    (root / "labels").mkdir()
    with pytest.raises(DataError, match=r"in several places: labels.csv and labels") as caught:
        abnormal(Folder(root))
    assert caught.value.fix == "choose one in the recipe: labels: labels.csv"
    touch(root, "labels.xls")
    with pytest.raises(DataError, match=r"labels.xls: is not a label file of a known form"):
        abnormal(Folder(root, labels=Path("labels.xls")))
    images(root / "test/other/door", 8)
    (root / "test/door").rename(root / "test/more")
    images(root / "test/more/door", 8)
    (root / "labels.csv").write_text("video,start_frame,end_frame\ndoor,2,3\n")
    with pytest.raises(DataError, match="'door' may mean more/door or other/door"):
        abnormal(Folder(root, labels=Path("labels.csv")))


def test_ground_truth(root: Path) -> None:
    (root / "labels.csv").write_text("video,first,last,frames\ndoor,2,4,8\n")
    ((video, labels),) = Folder(root).ground_truth()
    assert (video.name, labels.frames.sum(), len(video.source) if isinstance(video.source, tuple) else 0) == (
        "door",
        3,
        8,
    )
    (root / "test").rename(root / "moved")
    ((video, labels),) = Folder(root, source_fps=5).ground_truth()
    assert (video.name, video.frames, video.source, video.fps) == ("door", 8, (), 5)
    assert np.flatnonzero(labels.frames).tolist() == [2, 3, 4]
