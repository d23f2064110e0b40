"""One's own video: what is found, and what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from owned import film, images, names, touch, two_videos

from vadkit.api import DataError
from vadkit_datasets.folder.dataset import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_videos(tmp_path)


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
    placed = Folder(tmp_path, scene="folder", source_fps=12.5).videos("test")
    assert [(video.scene, video.fps) for video in placed] == [("", 12.5), ("cam1", 12.5), ("cam2/day", 12.5)]
    with pytest.raises(DataError, match="'source_fps' must be above 0, but it is 0"):
        Folder(tmp_path, source_fps=0)


def test_ten_thousand_files(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    for n in range(10_000):
        (tmp_path / f"test/{n}.mp4").touch()
    rows = "\n".join(f"{n},0,0,1" for n in range(0, 10_000, 2))
    (tmp_path / "labels.csv").write_text(f"video,start_frame,end_frame,frames\n{rows}\n")
    dataset = Folder(tmp_path, source_fps=25)
    videos = dataset.videos("test")
    assert names(videos) == [str(n) for n in range(10_000)]
    assert sum(dataset.labels(video) is not None for video in videos) == 5_000


def test_nothing_there_is_said(tmp_path: Path) -> None:
    for root in (None, tmp_path / "gone"):
        with pytest.raises(DataError, match="the folder does not exist") as caught:
            Folder(root).videos("train")
        assert "--data-root" in caught.value.fix
    with pytest.raises(DataError, match="no folder train/ or training/") as caught:
        Folder(tmp_path).videos("train")
    assert "set 'train' under 'data'" in caught.value.fix
    touch(tmp_path, "test/readme.txt")
    with pytest.raises(DataError, match="test: no video file and no folder of images"):
        Folder(tmp_path).videos("test")
    for pattern in ("cam/*.mp4", "test/*", "gone.mp4"):
        with pytest.raises(DataError, match="matches no video file") as caught:
            Folder(tmp_path, test=pattern).videos("test")
        assert pattern in caught.value.what


SUFFIXES = ("flv", "f4v", "3gp", "mts", "m2ts", "asf", "dav", "h264", "264", "hevc", "vob", "ogv", "mxf", "mjpg", "y4m")


def test_all_kinds_of_videos_are_read_and_other_files_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, *(f"train/{n}.{suffix}" for n, suffix in enumerate(SUFFIXES)), "train/notes.txt", "train/in/x.cam1")
    dataset = Folder(tmp_path)
    assert len(dataset.videos("train")) == len(SUFFIXES)
    assert [path.name for path in dataset.ignored("train")] == ["notes.txt", "x.cam1"]
    touch(tmp_path, "test/readme.txt", "test/b.mp4")
    assert names(Folder(tmp_path, train="train/*.flv").videos("train")) == ["train/0"]
    named = Folder(tmp_path, train=("train/**/*.cam1", "train/*"), test="test/b.mp4")
    assert names(named.videos("train"))[-1] == "train/in/x"
    assert [path.name for path in named.ignored("train")] == ["notes.txt"]
    assert not named.ignored("test")
    with pytest.raises(DataError, match=r"'train/n\*' matches no video file .*; it matches notes.txt"):
        Folder(tmp_path, train="train/n*").videos("train")


def test_two_videos_of_one_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "test/a/b.mp4", "test/a/b.avi")
    with pytest.raises(DataError, match=r"have the name 'a/b': .*b.avi and .*b.mp4"):
        Folder(tmp_path).videos("test")


def test_videos_and_images_in_one_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/cam/a.mp4", "train/cam/a.jpg")
    with pytest.raises(DataError, match=r"cam: the folder contains both video files \(a.mp4\) and images \(a.jpg\)"):
        Folder(tmp_path).videos("train")
    assert names(Folder(tmp_path, train="train/**/*.mp4").videos("train")) == ["train/cam/a"]


def test_links(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/cam/a.mp4", "train/b.mp4")
    (tmp_path / "train/linked").symlink_to(tmp_path / "elsewhere")
    assert names(Folder(tmp_path).videos("train")) == ["b", "linked/cam/a"]
    loop = tmp_path / "elsewhere/cam/back"
    loop.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"back: the link points to a folder that contains it"):
        Folder(tmp_path).videos("train")
    loop.unlink()
    loop.symlink_to(loop)
    with pytest.raises(DataError, match=r"back: cannot be read: Too many levels"):
        Folder(tmp_path).videos("train")
    loop.unlink()
    (tmp_path / "train/c.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(DataError, match=r"c.mp4: the link is broken"):
        Folder(tmp_path).videos("train")


def test_what_may_not_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as a user who may read everything."""
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "door" not in str(path) and may(path, mode))
    with pytest.raises(DataError, match=r"door/0.png: no permission to read the file \(and 7 more files\)"):
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
    with pytest.raises(DataError, match=r"text.mp4: contains text"):
        dataset.labels(videos["text"])
