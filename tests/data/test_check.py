"""`vadkit data check` of videos: every problem is reported with its fix, and none hides the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data.conftest import Images, Made, noise, only, spans, told, write_images, write_video
from PIL import Image

from vadkit.api import DataError, Dataset, VideoRef
from vadkit.core.values import ClipSpec
from vadkit.data.tools import Report, Target, check_dataset, open_target
from vadkit.data.tools.numbering import neighbours
from vadkit_datasets.ucsd_ped import UCSDPed


def clip(frames: int = 4, step: int = 1, width: int = 32) -> ClipSpec:
    return ClipSpec(frames, 24, width, step=step)


def test_an_intact_data_set_has_counts_and_no_errors(images: Images) -> None:
    made = Made([images("a"), images("b")], [images("c")], {"c": spans(6, (2, 4))}, {"train videos": 2})
    report = check_dataset(made)
    assert not report.errors
    train, test = report.rows
    assert (train.videos, train.frames, train.expected_videos, train.abnormal) == (2, 12, 2, None)
    assert (test.videos, test.frames, test.abnormal) == (1, 6, 2)
    assert (train.sizes, train.fps) == (("32x24",), (25.0,))


def test_a_damaged_video_does_not_hide_others(images: Images, tmp_path: Path) -> None:
    a, b = images("a"), images("b")
    assert isinstance(a.source, tuple)
    assert isinstance(b.source, tuple)
    a.source[1].write_bytes(b"")
    a.source[4].write_bytes(b"")
    b.source[2].write_text("no image")
    b.source[5].write_bytes(b.source[5].read_bytes()[:200])
    text = tmp_path / "text.avi"
    text.write_text("no video at all")
    empty = tmp_path / "empty.avi"
    empty.touch()
    whole = write_video(tmp_path / "cut.avi", noise(40, 1, (48, 64)))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    made = Made([a, b, *(VideoRef(path.stem, path) for path in (text, empty, whole, tmp_path / "gone.avi"))])
    report = check_dataset(made)
    # A run warns of these and uses their readable frames.
    found = {Path(finding.where).name: finding for finding in told(report, "files", "warning")}
    assert "2 of 6 frames are empty files (0 bytes): 001.png, 004.png" in found["a"].what
    assert found["002.png"].what.startswith("frame 2 cannot be decoded")
    assert found["005.png"].what.startswith("frame 5 cannot be decoded")
    assert "a neighbouring frame replaces it" in found["002.png"].fix
    assert found["cut.avi"].what.startswith("is damaged at frame")
    assert "data.on_corrupt: error refuses" in found["cut.avi"].fix
    # These have no readable frame.
    refused = {Path(finding.where).name: finding.what for finding in told(report, "files")}
    assert "contains text" in refused["text.avi"]
    assert "empty (0 bytes)" in refused["empty.avi"]
    assert "does not exist" in refused["gone.avi"]
    assert all(finding.fix for finding in report.findings)
    assert {finding.where for finding in told(check_dataset(Target("made", made, on_corrupt="error")), "files")} == {
        finding.where for finding in report.findings if finding.topic == "files"
    }


def test_replaced_frames_count(images: Images) -> None:
    a, b = images("a"), images("b")
    assert isinstance(a.source, tuple)
    assert isinstance(b.source, tuple)
    a.source[2].write_bytes(b"")
    for path in b.source:
        path.write_text("no image")
    report = check_dataset(Made([b], [a], {"a": spans(6, (1, 4))}))
    assert (report.rows[1].frames, report.rows[1].abnormal) == (6, 3)
    assert not told(report, "labels")
    assert {Path(finding.where).parent.name for finding in report.errors} == {"b"}, (
        "there is no neighbour to replace it"
    )


def test_without_decoding_empty_damaged_and_truncated_files_are_reported(images: Images, tmp_path: Path) -> None:
    a, b = images("a"), images("b")
    assert isinstance(a.source, tuple)
    assert isinstance(b.source, tuple)
    a.source[0].write_bytes(b"")
    b.source[3].write_text("no image")
    cut = write_video(tmp_path / "cut.avi", noise(40, 1, (48, 64)))
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[: size // 2])
    report = check_dataset(Made([a, b, VideoRef("cut", cut)]), decode=False)
    assert not report.decoded
    found = {Path(finding.where).name: finding.what for finding in told(report, "files", "warning")}
    assert set(found) == {"a", "003.png", "cut.avi"}
    assert f"at least {size - size // 2} bytes are missing" in found["cut.avi"]


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (lambda folder: (folder / "002.png").unlink(), "number is missing: 2"),
        (lambda folder: (folder / "000.png").unlink(), "number is missing: 0"),
        (lambda folder: [(folder / f"{n:03d}.png").unlink() for n in (1, 3, 4)], "numbers are missing: 1, 3-4"),
        (lambda folder: (folder / "2.png").write_bytes((folder / "002.png").read_bytes()), "more than once: 2"),
    ],
)
def test_holes_in_all_folders_are_reported_although_the_data_set_refuses_the_first(
    tmp_path: Path, broken: Callable[[Path], object], what: str
) -> None:
    for name in ("training/frames/01", "training/frames/02", "training/frames/03", "testing/frames/01"):
        write_images(tmp_path / name, noise(6, sum(name.encode())))
    for name in ("01", "03"):
        broken(tmp_path / "training/frames" / name)
    (tmp_path / "training/frames/03/005.png").write_text("no image")
    report = check_dataset(UCSDPed(tmp_path, subset="ped1"))
    holes = told(report, "numbering")
    assert [(Path(finding.where).name, what in finding.what) for finding in holes] == [("01", True), ("03", True)]
    assert "ffmpeg" in holes[0].fix
    assert len(told(report, "files", "warning")) == 1
    assert report.rows[0].videos == 3
    assert not told(report, "videos")


def test_skipped_frames_and_a_hole_that_the_data_set_accepts_are_warnings(images: Images) -> None:
    a, b, c = images("a"), images("b"), images("c")
    assert isinstance(a.source, tuple)
    assert isinstance(b.source, tuple)
    made = Made([replace(a, source=a.source[::2], frames=3), replace(b, source=b.source[:3] + b.source[4:]), c])
    found = told(check_dataset(made, decode=False), "numbering", "warning")
    assert [finding.what for finding in found] == [
        "frame numbers have a step of 2: these are not all frames of the video",
        "frame number is missing: 3",
    ]


def test_missing_data_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "training/frames").mkdir(parents=True)
    report = check_dataset(UCSDPed(tmp_path))
    assert [finding.topic for finding in report.errors] == ["videos", "videos"]
    assert "no videos" in report.errors[0].what
    assert report.rows[0].videos == 0


def test_folders_next_to_an_empty_data_set_are_not_its_videos(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "other/training").mkdir(parents=True)
    error = DataError("no videos", where=str(tmp_path / "mine"))
    assert neighbours(error) == []
    write_images(tmp_path / "other", noise(2, 1))
    assert [video.name for video in neighbours(error)] == ["mine", "other"]


def test_mixed_sizes_rates_and_colours(images: Images, tmp_path: Path) -> None:
    videos = [
        replace(images("a"), fps=30.0),
        images("b", size=(12, 16)),
        images("c", channels=3),
        VideoRef("d", write_video(tmp_path / "d.avi", noise(5, 4), rate=10)),
    ]
    report = check_dataset(Made(videos))
    assert "32x24, 16x12" in only(report, "sizes", "warning").what
    assert "25, 30, 10 frames/s" in only(report, "rates", "warning").what
    stored, colour = told(report, "colour", "warning")
    assert "gray: a, b" in stored.what
    assert "a, b" in colour.what


def test_rates_of_one_camera_that_differ_a_little_are_one_rate(images: Images) -> None:
    report = check_dataset(Made([images("a"), replace(images("b"), fps=25.048)]))
    assert not told(report, "rates", "warning")


def test_an_image_that_a_run_refuses_is_an_error(images: Images) -> None:
    a = images("a")
    assert isinstance(a.source, tuple)
    pages = [Image.fromarray(np.full((24, 32), 9 * n, np.uint8)) for n in range(3)]
    pages[0].save(a.source[3], "TIFF", save_all=True, append_images=pages[1:])
    found = only(check_dataset(Made([a])), "files")
    assert (found.where, found.what) == (str(a.source[3]), "has 3 pages, but an image file is one frame")
    assert "replaces it" not in found.fix


def test_different_sizes_within_a_video_are_an_error(images: Images) -> None:
    a = images("a")
    assert isinstance(a.source, tuple)
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(a.source[3])
    assert only(check_dataset(Made([a])), "files").what == "frames of different sizes: 32x24 (5), 7x5 (1)"


@pytest.mark.parametrize("decode", [True, False])
def test_a_test_video_that_is_also_a_training_video(images: Images, decode: bool) -> None:
    made = Made([images("a", seed=1), images("b", seed=2), images("e", seed=2)], [images("c", seed=1)])
    report = check_dataset(made, decode=decode)
    found = only(report, "duplicates")
    assert found.where == "test video c"
    assert "train video a" in found.what
    assert only(report, "duplicates", "warning").where == "train video e"


def test_a_part_of_a_training_video_among_the_test_videos(tmp_path: Path) -> None:
    long = noise(40, 5)
    one = VideoRef("one", write_images(tmp_path / "one", long))
    part = VideoRef("part", write_images(tmp_path / "part", np.concatenate([noise(20, 6), long[30:]])))
    black = VideoRef("black", write_images(tmp_path / "black", np.zeros((9, 24, 32, 1), np.uint8)))
    report = check_dataset(Made([one, black], [part, replace(black, name="dark")]))
    assert "shares 10 of its frames with train video one" in only(report, "duplicates").what


def test_totals_that_differ_from_the_published_ones(images: Images) -> None:
    def report(**totals: int) -> Report:
        made = Made([images("a")], [images("b")], {"b": spans(6, (1, 3))})
        made.totals = {name.replace("_", " "): value for name, value in totals.items()}
        return check_dataset(made)

    assert "1 video found, 3 published" in only(report(train_videos=3), "totals", "warning").what
    assert "remove videos that do not belong" in only(report(test_videos=0), "totals", "warning").fix
    assert "6 frames found, 7 published" in only(report(train_videos=1, train_frames=7), "totals").what
    assert "2 frames labelled abnormal, 3 published" in only(report(test_videos=1, abnormal_frames=3), "totals").what


def test_the_needs_of_a_recipe(images: Images) -> None:
    made = Made([images("a", frames=3), images("b", frames=12)])
    report = check_dataset(Target("made", made, clip(frames=4, step=2, width=24)))
    short = only(report, "clip")
    assert short.where == "train video a"
    assert "3 frames, but a clip of the recipe spans 7" in short.what
    assert "data.clip.frames to 2" in short.fix
    assert "[24,32] nearly keeps shapes" in only(report, "sizes", "note").fix
    assert "all videos are gray" in only(report, "colour", "note").what


def test_a_recipe_may_repeat_frames_of_short_videos_and_keep_shapes(images: Images) -> None:
    made = Made([images("a", frames=3), images("b", frames=12)])
    square = replace(clip(frames=4, step=2, width=24), resize="letterbox")
    report = check_dataset(Target("made", made, square, short="repeat"))
    assert not told(report, "clip")
    assert "its last frame is repeated" in told(report, "clip", "note")[0].what
    assert not told(report, "sizes", "note")


@pytest.mark.parametrize(("videos", "held_out", "errors"), [(1, 0.2, 1), (1, 0.0, 0), (2, 0.2, 0)])
def test_one_video_cannot_be_trained_on_and_held_out(images: Images, videos: int, held_out: float, errors: int) -> None:
    made = Made([images(name) for name in "ab"[:videos]], [images("c")])
    report = check_dataset(Target("made", made, clip(), held_out=held_out))
    assert len(told(report, "held_out")) == errors


def test_duplicate_names_and_no_videos(images: Images) -> None:
    a = images("a")
    report = check_dataset(Made([a, replace(images("b"), name="a")]))
    assert [finding.what for finding in told(report, "videos")] == [
        "several videos have the same name: a",
        "there are no videos",
    ]


def test_a_data_set_object_can_be_checked() -> None:
    target = open_target({"use": "walkway", "frames": 24, "train_videos": 1, "test_videos": 1, "size": [32, 48]})
    assert isinstance(target.dataset, Dataset)
    assert check_dataset(target.dataset).name == "Walkway"


@pytest.mark.parametrize("decode", [True, False])
def test_many_copies_are_reported_once_each(images: Images, decode: bool) -> None:
    """Not once for every pair: ten thousand copies would give fifty million findings."""
    first = images("a", frames=2)
    copies = [replace(first, name=f"a{n}") for n in range(60)]
    report = check_dataset(Made([first, *copies], [replace(first, name="t")]), decode=decode)
    assert len(told(report, "duplicates", "warning")) == 60
    assert only(report, "duplicates").where == "test video t"
