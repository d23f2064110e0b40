"""One's own video: what is found, what labels may look like, and every way in which it goes wrong."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

import vadkit
from vadkit.api import DataError, VideoRef
from vadkit.recipe import loads
from vadkit.registry import Registry
from vadkit.sources import open_dataset
from vadkit_datasets.folder.dataset import Folder


def film(path: Path, frames: int = 20, fps: int = 10, *, jump: int = -1) -> Path:
    """A square that drifts over gray; from frame `jump` on it is white and large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for n in range(frames):
            picture = np.full((32, 48, 3), 90, np.uint8)
            size = 14 if 0 <= jump <= n else 6
            picture[8 : 8 + size, n % 40 : n % 40 + size] = 255 if size == 14 else 160
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def images(folder: Path, count: int, *, white: Sequence[int] = (), suffix: str = ".png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        pixels = np.zeros((6, 8), np.uint8)
        pixels[2:4, 3:6] = 255 * (n in white)
        Image.fromarray(pixels).save(folder / f"{n}{suffix}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One training video and two test videos of 8 images each."""
    touch(tmp_path, "train/normal.mp4")
    images(tmp_path / "test/door", 8)
    images(tmp_path / "test/gate", 8)
    return tmp_path


def names(videos: Sequence[VideoRef]) -> list[str]:
    return [video.name for video in videos]


def abnormal(dataset: Folder) -> dict[str, list[int] | None]:
    """Test video -> its abnormal frames, None if it is unlabelled."""
    found = {video.name: dataset.labels(video) for video in dataset.videos("test")}
    return {name: np.flatnonzero(one.frames).tolist() if one else None for name, one in found.items()}


# What is found.


def test_files_and_folders_of_images_are_videos(tmp_path: Path) -> None:
    kinds = ("mp4", "AVI", "mkv", "mov", "m4v", "webm", "mpg", "ts", "wmv")
    touch(tmp_path, *(f"train/day 1/{n}.{kind}" for n, kind in enumerate(kinds)), "train/notes.txt", "train/.a.mp4")
    images(tmp_path / "test/cam.2/ümläut 時間", 3)
    dataset = Folder(tmp_path)
    assert names(dataset.videos("train")) == [f"day 1/{n}" for n in range(len(kinds))]
    (video,) = dataset.videos("test")
    assert (video.name, video.frames, video.scene, video.fps) == ("cam.2/ümläut 時間", 3, "", None)
    assert dataset.labels(video) is None


@pytest.mark.parametrize(
    ("train", "test"), [("training", "testing"), ("training/frames", "testing/frames"), ("training/videos", "test")]
)
def test_other_names_of_the_two_folders_are_recognised(tmp_path: Path, train: str, test: str) -> None:
    touch(tmp_path, f"{train}/01/1.jpg", f"{test}/01/1.jpg", f"{test}/02/1.jpg")
    assert names(Folder(tmp_path).videos("train")) == ["01"]
    assert names(Folder(tmp_path).videos("test")) == ["01", "02"]


def test_images_are_in_natural_order_with_and_without_numbers(tmp_path: Path) -> None:
    touch(tmp_path, *(f"test/counted/f{n}.jpg" for n in (10, 9, 100, 1)), *(f"test/spelt/{n}.jpg" for n in "bca"))
    counted, spelt = Folder(tmp_path).videos("test")
    assert isinstance(counted.source, tuple)
    assert isinstance(spelt.source, tuple)
    assert [path.stem for path in counted.source] == ["f1", "f9", "f10", "f100"]
    assert [path.stem for path in spelt.source] == ["a", "b", "c"]


def test_images_right_in_the_folder_are_one_video(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.jpg", "train/2.jpg")
    assert [(video.name, video.frames) for video in Folder(tmp_path).videos("train")] == [("train", 2)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("normal/*.mp4", ["normal/a", "normal/b"]),
        (("cam1/*.mkv", "cam2/*"), ["cam1/x", "cam2/deep/er", "cam2/y"]),
        ("cam2", ["cam2/deep/er", "cam2/y"]),
        ("**/*.mkv", ["cam1/x", "cam2/deep/er"]),
        ("*/[xy].*", ["cam1/x", "cam2/y"]),
        ("cam2/y.avi", ["cam2/y"]),
        ("odd [name]", ["odd [name]/z"]),
        (("cam1/*", "cam1/x.mkv"), ["cam1/x"]),
        ("stills/*/1*.jpg", ["stills/s"]),
    ],
)
def test_patterns(tmp_path: Path, pattern: str | tuple[str, ...], found: list[str]) -> None:
    root = tmp_path / "all [of it]"
    touch(root, "normal/a.mp4", "normal/b.mp4", "cam1/x.mkv", "cam2/y.avi", "cam2/deep/er.mkv", "odd [name]/z.mp4")
    touch(root, "stills/s/1.jpg", "stills/s/2.jpg", "stills/s/11.jpg", "normal/readme.txt")
    videos = Folder(root, test=pattern).videos("test")
    assert names(videos) == found
    if "stills" in str(pattern):
        assert videos[0].frames == 2


def test_a_pattern_may_lead_out_of_the_folder(tmp_path: Path) -> None:
    touch(tmp_path, "here/test/a.mp4", "there/n.mp4")
    for pattern in ("../there/*.mp4", str(tmp_path / "there/*")):
        (video,) = Folder(tmp_path / "here", train=pattern).videos("train")
        assert video.source == tmp_path / "there/n.mp4"
        assert video.name.endswith("there/n")


def test_scene_and_frame_rate(tmp_path: Path) -> None:
    film(tmp_path / "test/cam1/a.mp4", 3, fps=15)
    touch(tmp_path, "test/cam2/day/b.mp4", "test/c.mp4")
    assert [(video.scene, video.fps) for video in Folder(tmp_path).videos("test")] == [("", None), ("", 15), ("", None)]
    placed = Folder(tmp_path, scene="folder", fps=12.5).videos("test")
    assert [(video.scene, video.fps) for video in placed] == [("", 12.5), ("cam1", 12.5), ("cam2/day", 12.5)]
    with pytest.raises(DataError, match="'fps' must be above 0, not 0"):
        Folder(tmp_path, fps=0)


def test_ten_thousand_files(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    for n in range(10_000):
        (tmp_path / f"test/{n}.mp4").touch()
    rows = "\n".join(f"{n},0,0,1" for n in range(0, 10_000, 2))
    (tmp_path / "labels.csv").write_text(f"video,start_frame,end_frame,frames\n{rows}\n")
    dataset = Folder(tmp_path, fps=25)
    videos = dataset.videos("test")
    assert names(videos) == [str(n) for n in range(10_000)]
    assert sum(dataset.labels(video) is not None for video in videos) == 5_000


# What cannot be read.


def test_nothing_there_is_said(tmp_path: Path) -> None:
    for root in (None, tmp_path / "gone"):
        with pytest.raises(DataError, match="there is no such folder") as caught:
            Folder(root).videos("train")
        assert "--data-root" in caught.value.fix
    with pytest.raises(DataError, match="holds no folder train/ or training/") as caught:
        Folder(tmp_path).videos("train")
    assert "set 'train' under 'data'" in caught.value.fix
    touch(tmp_path, "test/readme.txt")
    with pytest.raises(DataError, match="test: holds no video file and no folder of images"):
        Folder(tmp_path).videos("test")
    for pattern in ("cam/*.mp4", "test/*", "gone.mp4", "test/readme.txt"):
        with pytest.raises(DataError, match="names no video file") as caught:
            Folder(tmp_path, test=pattern).videos("test")
        assert pattern in caught.value.what


def test_two_videos_of_one_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "test/a/b.mp4", "test/a/b.avi")
    with pytest.raises(DataError, match=r"named 'a/b': .*b.avi and .*b.mp4"):
        Folder(tmp_path).videos("test")


def test_videos_and_images_in_one_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/cam/a.mp4", "train/cam/a.jpg")
    with pytest.raises(DataError, match=r"cam: holds both video files \(a.mp4\) and images \(a.jpg\)"):
        Folder(tmp_path).videos("train")
    assert names(Folder(tmp_path, train="train/**/*.mp4").videos("train")) == ["train/cam/a"]


def test_links(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/cam/a.mp4", "train/b.mp4")
    (tmp_path / "train/linked").symlink_to(tmp_path / "elsewhere")
    assert names(Folder(tmp_path).videos("train")) == ["b", "linked/cam/a"]
    loop = tmp_path / "elsewhere/cam/back"
    loop.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"back: the link leads back to a folder that it lies in"):
        Folder(tmp_path).videos("train")
    loop.unlink()
    loop.symlink_to(loop)
    with pytest.raises(DataError, match=r"back: cannot be read: Too many levels"):
        Folder(tmp_path).videos("train")
    loop.unlink()
    (tmp_path / "train/c.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(DataError, match=r"c.mp4: the link leads to no file"):
        Folder(tmp_path).videos("train")


def test_what_may_not_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as a user who may read everything."""
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "door" not in str(path) and may(path, mode))
    with pytest.raises(DataError, match=r"door/0.png: may not be read by you \(and 7 more files\)"):
        Folder(root).videos("test")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="train: cannot be read: Permission denied"):
        Folder(root).videos("train")


def test_undecodable_files_are_named_where_their_length_is_needed(root: Path) -> None:
    touch(root, "test/empty.mp4")
    (root / "test/text.mp4").write_text("no video")
    (root / "labels.csv").write_text("video,start_frame,end_frame\nempty,,\ntext,,\n")
    dataset = Folder(root)
    videos = {video.name: video for video in dataset.videos("test")}
    with pytest.raises(DataError, match=r"empty.mp4: the file is empty"):
        dataset.labels(videos["empty"])
    with pytest.raises(DataError, match=r"text.mp4: holds text"):
        dataset.labels(videos["text"])


# Labels.


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


# From the recipe on.


def recipe(tiny: dict[str, Any], **keys: Any) -> dict[str, Any]:
    tiny["data"] = {"use": "folder", "clip": {"frames": 8, "size": [32, 48], "color": "gray"}, "stride": 4} | keys
    tiny["model"]["fit"]["steps"] = 2
    del tiny["densities"], tiny["fuse"], tiny["scores"]["likelihood"], tiny["scores"]["static"]
    tiny["evaluate"]["metrics"] = ["micro_auc", "alarms"]
    return tiny


def test_a_run_from_files_to_numbers(tiny: dict[str, Any], tmp_path: Path) -> None:
    for name in ("train/a.mp4", "train/b.mp4"):
        film(tmp_path / "my video" / name, 24)
    film(tmp_path / "my video/test/näch/tür 1.mp4", 24, jump=12)
    film(tmp_path / "my video/test/x.mp4", 24)
    (tmp_path / "my video/labels.csv").write_text("video,start_seconds,end_seconds\ntür 1.mp4,1.2,2.4\n")
    run = vadkit.run(recipe(tiny, held_out=0.5), data_root=tmp_path / "my video", out=tmp_path / "run")
    assert {"micro_auc", "events_detected"} <= set(run.metrics["metrics"])
    assert run.metrics["facts"]["labelled_frames"] == 24
    assert run.metrics["facts"]["abnormal_frames"] == 12
    assert run.metrics["facts"]["unlabelled_videos"] == ["x"]
    assert {scores.name: scores.fps for scores in run.scores()} == {"näch/tür 1": 10, "x": 10}


def test_the_data_root_is_the_folder_itself(tiny: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = loads(json.dumps(recipe(tiny)), registry=Registry.discover()).data.dataset
    assert names(open_dataset(chosen, root).videos("test")) == ["door", "gate"]
    with pytest.raises(DataError, match="nobody said where the data lies") as caught:
        open_dataset(chosen, None)
    assert "train/ with normal video" in caught.value.fix
    monkeypatch.setenv("VADKIT_DATA", str(root))
    assert names(open_dataset(chosen, None).videos("train")) == ["normal"]
