"""Labels of one's own video: every form, and every way in which it goes wrong."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from owned import abnormal, film, images, touch, two_videos
from PIL import Image

from vadkit.api import DataError
from vadkit_datasets.folder.dataset import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_videos(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        "video,start_frame,end_frame\ndoor,2,4\ndoor,6,6\n",
        "\ufeffVideo; Start_Frame ;end_frame;note\r\n\r\ndoor;6;6;bicycle\r\ndoor;2;4;van\r\n",
        "frames\tvideo\tfirst\tlast\n8\ttest/door.mp4\t2\t4\n\ttest/door.mp4\t6\t6\n",
        "video,start_seconds,end_seconds\ndoor,0.5,1.25\ndoor,0:01.5,00:00:01.75\n",
    ],
)
def test_tables_of_intervals(root: Path, table: str) -> None:
    (root / "labels.csv").write_bytes(table.encode())
    dataset = Folder(root, fps=4)
    assert abnormal(dataset) == {"door": [2, 3, 4, 6], "gate": None}
    assert abnormal(Folder(root, fps=4, unlabelled="normal")) == {"door": [2, 3, 4, 6], "gate": []}
    labels = dataset.labels(dataset.videos("test")[0])
    assert labels
    assert (labels.source, labels.masks) == ("folder labels.csv", None)
    assert dataset.labels(dataset.videos("train")[0]) is None


def test_a_normal_video_is_a_row_without_an_interval(root: Path) -> None:
    (root / "labels.csv").write_text("video,start_frame,end_frame\ngate,,\ndoor,0,7\n")
    assert abnormal(Folder(root)) == {"door": list(range(8)), "gate": []}


def test_json_intervals(root: Path) -> None:
    said = {"door": [[2, 4], [6, 6]], "gate": {"frames": 8, "abnormal": [], "abnormal_seconds": [[0.3, 0.5]]}}
    (root / "mine.json").write_text(json.dumps(said))
    assert abnormal(Folder(root, labels=Path("mine.json"), fps=10)) == {"door": [2, 3, 4, 6], "gate": [3, 4]}


def test_any_moment_of_a_frame_within_an_interval_of_seconds_counts(root: Path) -> None:
    """At 10 fps frame n is shown from n/10 to (n+1)/10 s; players round a length up to whole seconds."""
    for start, end, found in [("0.28", "0.32", [2, 3]), ("0.3", "0.4", [3]), ("0.5", "1", [5, 6, 7])]:
        (root / "labels.csv").write_text(f"video,start_seconds,end_seconds\ndoor,{start},{end}\n")
        assert abnormal(Folder(root, fps=10))["door"] == found


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
        ("", "the table is empty", "start_frame"),
        ("door,2,4\n", "header: has no column 'video', but door, 2, 4", "start_frame"),
        ("video,start,end\ndoor,2,4\n", "whether start and end are frames or seconds", "start_seconds"),
        ("video,start_frame,end_frmae\n", "has no column 'end_frame', but", "nearest is 'end_frmae'"),
        ("video,first,last,start_frame,end_frame\n", "several kinds of intervals", "leave one"),
        ("video,start_frame,end_frame\ndoor,2,x\n", "line 2: end_frame is 'x', not a number", ""),
        ("video,start_frame,end_frame\ndoor,2\n", "line 2: end_frame is empty", ""),
        ("video,start_frame,end_frame\ndoor,2,0:04\n", "line 2: end_frame is '0:04', not a number", ""),
        ("video,start_frame,end_frame\ndoor,-1,4\n", "line 2: start_frame is '-1', not a number", ""),
        ("video,start_frame,end_frame\ndoor,2,4.5\n", "line 2: 4.5 is no number of a frame", ""),
        ("video,start_frame,end_frame\n\ndoor,4,2\n", "line 3: 4 to 2 is no interval", "the start comes first"),
        ("video,start_seconds,end_seconds\ndoor,4,4\n", "line 2: 4 to 4 is no interval", "the start comes first"),
        ("video,start_frame,end_frame\n,4,2\n", "line 2: the row names no video", ""),
        ("video,start_frame,end_frame\ndoor,2,8\n", "'door': frames 2 to 8 are called abnormal, .* 0 to 7", "version"),
        ("video,start_seconds,end_seconds\ndoor,1,4\n", r"'door': seconds 1 to 4 .* 2.00 s long \(8 frames at 4", ""),
        ("video,start_seconds,end_seconds\ndoor,2,2.5\n", "'door': seconds 2 to 2.5 are called abnormal", ""),
        ("video,start_frame,end_frame\ndoro,2,4\nx,,\n", r"labels 'doro', .*no such test video \(and 1", "mean 'door'"),
        (
            "video,start_frame,end_frame\ndoor,2,4\ndoor.mp4,,\n",
            "labels 'door' twice, as 'door' and as 'door.mp4'",
            "alike",
        ),
        ("video,first,last,frames\ndoor,2,4,9\n", "video door: .* labels 9 frames, the video has 8", "missing"),
        ("video,first,last,frames\ndoor,2,4,8\ndoor,2,4,9\n", "line 3: other rows of 'door' state other", "same"),
    ],
)
def test_tables_that_are_wrong(root: Path, table: str, what: str, fix: str) -> None:
    (root / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=what) as caught:
        abnormal(Folder(root, fps=4))
    assert "labels.csv" in str(caught.value)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "line 1: is no JSON"),
        ("[]", "does not map videos"),
        ('{"door": 3}', "video 'door': says 3"),
        ('{"door": {"abnormal": 3}}', "'abnormal' is no list"),
        ('{"door": {"frames": 8}}', "video 'door': says"),
        ('{"door": {"frames": "8", "abnormal": []}}', "'frames' is '8', not a number"),
        ('{"door": [[1, 2, 3]]}', r"\[1, 2, 3\] is not \[start, end\]"),
        ('{"door": [[1, 9]]}', "frames 1 to 9 are called abnormal"),
        ('{"door": [[3, 1]]}', "3 to 1 is no interval"),
        ('{"door": {"frames": 7, "abnormal": []}}', "labels 7 frames, the video has 8"),
    ],
)
def test_json_that_is_wrong(root: Path, content: str, what: str) -> None:
    (root / "labels.json").write_text(content)
    with pytest.raises(DataError, match=what) as caught:
        abnormal(Folder(root))
    assert "labels.json" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.zeros(9), "labels 9 frames, the video has 8"),
        (np.array([0, 1, 2, 0, 0, 0, 0, 0]), r"frame 2 is 2, not 0 or 1 \(1 of 8 frames\)"),
        (np.zeros((8, 2)), r"one 0 or 1 a frame, not an array of shape \(8, 2\)"),
        (np.array(list("00000000")), "not an array of shape"),
        (np.zeros(0), "not an array of shape"),
    ],
)
def test_arrays_that_are_wrong(root: Path, values: Any, what: str) -> None:
    (root / "labels").mkdir()
    np.save(root / "labels/door.npy", values)
    with pytest.raises(DataError, match=what) as caught:
        abnormal(Folder(root))
    assert "door.npy" in str(caught.value)


def test_label_files_that_are_wrong(root: Path) -> None:
    (root / "labels").mkdir()
    with pytest.raises(DataError, match="labels: holds no labels"):
        abnormal(Folder(root))
    (root / "labels/door.txt").write_text("video,start\n")
    with pytest.raises(DataError, match=r"door.txt: does not hold numbers alone"):
        abnormal(Folder(root))
    np.savez(root / "labels/door.npz", a=np.zeros(8), b=np.zeros(8))
    with pytest.raises(DataError, match="labels 'door' twice"):
        abnormal(Folder(root))
    (root / "labels/door.txt").unlink()
    with pytest.raises(DataError, match=r"door.npz: holds 2 arrays, not one: a, b"):
        abnormal(Folder(root))
    (root / "labels/door.npz").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"door.npz: cannot be read as an .npz file"):
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
    with pytest.raises(DataError, match="masks: labels 'dor', and there is no such test video") as caught:
        abnormal(Folder(root))
    assert "did you mean 'door'" in caught.value.fix


def test_labels_in_doubtful_places(root: Path) -> None:
    with pytest.raises(DataError, match=r"labls.csv: there are no such labels"):
        abnormal(Folder(root, labels=Path("labls.csv")))
    (root / "labels.csv").write_text("video,start_frame,end_frame\n")
    (root / "labels").mkdir()
    with pytest.raises(DataError, match=r"in several places: labels.csv and labels") as caught:
        abnormal(Folder(root))
    assert caught.value.fix == "say which to read: labels: labels.csv"
    touch(root, "labels.xls")
    with pytest.raises(DataError, match=r"labels.xls: labels are of no known form"):
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
    ((video, labels),) = Folder(root, fps=5).ground_truth()
    assert (video.name, video.frames, video.source, video.fps) == ("door", 8, (), 5)
    assert np.flatnonzero(labels.frames).tolist() == [2, 3, 4]
