"""`vadkit data check`: everything that is wrong is told, each with its fix, and nothing hides the rest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data.conftest import Made, noise, spans, write_images, write_video
from PIL import Image
from typer.testing import CliRunner

from vadkit.api import DataError, Dataset, Labels, Track, VideoRef
from vadkit.cli.main import app
from vadkit.data import Finding, Report, Target, check_dataset, open_target
from vadkit.data.numbering import neighbours
from vadkit.errors import VadkitError
from vadkit.values import ClipSpec
from vadkit_datasets.ucsd_ped import UCSDPed

Images = Callable[..., VideoRef]
PED2 = {
    "train videos": 16,
    "train frames": 2550,
    "test videos": 12,
    "test frames": 2010,
    "abnormal frames": 1648,
}


def told(report: Report, topic: str, severity: str = "error") -> list[Finding]:
    return [finding for finding in report.findings if (finding.topic, finding.severity) == (topic, severity)]


def only(report: Report, topic: str, severity: str = "error") -> Finding:
    found = told(report, topic, severity)
    assert len(found) == 1, report.findings
    assert found[0].fix
    return found[0]


def clip(frames: int = 4, step: int = 1, width: int = 32) -> ClipSpec:
    return ClipSpec(frames, 24, width, step=step)


def test_a_sound_data_set_has_no_errors_and_its_counts(images: Images) -> None:
    made = Made([images("a"), images("b")], [images("c")], {"c": spans(6, (2, 4))}, {"train videos": 2})
    report = check_dataset(made)
    assert not report.errors
    train, test = report.rows
    assert (train.videos, train.frames, train.expected_videos, train.abnormal) == (2, 12, 2, None)
    assert (test.videos, test.frames, test.abnormal) == (1, 6, 2)
    assert (train.sizes, train.fps) == (("32x24",), (25.0,))


def test_a_damaged_video_hides_no_other(images: Images, tmp_path: Path) -> None:
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
    found = {Path(finding.where).name: finding.what for finding in told(report, "files")}
    assert "2 of 6 frames are empty files (0 bytes): 001.png, 004.png" in found["a"]
    assert found["002.png"].startswith("frame 2 cannot be decoded")
    assert found["005.png"].startswith("frame 5 cannot be decoded")
    assert "cannot be opened as a video" in found["text.avi"]
    assert "empty (0 bytes)" in found["empty.avi"]
    assert "frame" in found["cut.avi"]
    assert "No such file" in found["gone.avi"]
    assert all(finding.fix for finding in report.errors)


def test_without_decoding_empty_files_and_headers_are_told(images: Images) -> None:
    a, b = images("a"), images("b")
    assert isinstance(a.source, tuple)
    assert isinstance(b.source, tuple)
    a.source[0].write_bytes(b"")
    b.source[3].write_text("no image")
    report = check_dataset(Made([a, b]), decode=False)
    assert not report.decoded
    assert {Path(finding.where).name for finding in told(report, "files")} == {"a", "003.png"}


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (lambda folder: (folder / "002.png").unlink(), "number is missing: 2"),
        (lambda folder: (folder / "000.png").unlink(), "number is missing: 0"),
        (lambda folder: [(folder / f"{n:03d}.png").unlink() for n in (1, 3, 4)], "numbers are missing: 1, 3-4"),
        (lambda folder: (folder / "2.png").write_bytes((folder / "002.png").read_bytes()), "more than once: 2"),
    ],
)
def test_holes_are_told_of_every_folder_though_the_data_set_refuses_the_first(
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
    assert len(told(report, "files")) == 1
    assert report.rows[0].videos == 3
    assert not told(report, "videos")


def test_a_sample_of_a_video_and_a_hole_that_the_data_set_accepts_are_warnings(images: Images) -> None:
    a, b, c = images("a"), images("b"), images("c")
    assert isinstance(a.source, tuple)
    assert isinstance(b.source, tuple)
    made = Made([replace(a, source=a.source[::2], frames=3), replace(b, source=b.source[:3] + b.source[4:]), c])
    found = told(check_dataset(made, decode=False), "numbering", "warning")
    assert [finding.what for finding in found] == [
        "the frames are numbered in steps of 2: it is a sample of the video",
        "frame number is missing: 3",
    ]


def test_missing_data_are_one_message(tmp_path: Path) -> None:
    (tmp_path / "training/frames").mkdir(parents=True)
    report = check_dataset(UCSDPed(tmp_path))
    assert [finding.topic for finding in report.errors] == ["videos", "videos"]
    assert "no videos" in report.errors[0].what
    assert report.rows[0].videos == 0


def test_what_lies_beside_an_empty_data_set_is_not_taken_for_its_videos(tmp_path: Path) -> None:
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


def test_sizes_that_differ_within_a_video_are_an_error(images: Images) -> None:
    a = images("a")
    assert isinstance(a.source, tuple)
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(a.source[3])
    assert only(check_dataset(Made([a])), "files").what == "frames of different sizes: 32x24 (5), 7x5 (1)"


def test_labels_that_do_not_fit(images: Images, tmp_path: Path) -> None:
    film = VideoRef("film", write_video(tmp_path / "film.avi", noise(9, 3)))
    track = Track("van", {1: (0, 0, 5, 5), 9: (0, 0, 40, 5)})
    square = replace(spans(6, (0, 1)), masks=lambda: np.zeros((6, 5, 5), bool), tracks=(track,))
    truth: dict[str, Labels | Exception] = {
        "film": spans(12, (3, 5)),
        "b": square,
        "d": DataError("cannot be read", where="d.npy", fix="fetch it again"),
    }
    made = Made([images("a")], [film, images("b"), images("c"), images("d")], truth)
    report = check_dataset(made)
    errors = {finding.where: finding for finding in told(report, "labels")}
    assert "12 labels for 9 frames" in errors["test video film"].what
    assert "frames are missing from the video" in errors["test video film"].fix
    assert errors["d.npy"].fix == "fetch it again"
    assert [finding.what for finding in told(report, "labels") if finding.where == "test video b"] == [
        "masks are (6, 5, 5), the video is (6, 24, 32) (frames, height, width)",
        "track 'van' leaves the video at 9",
    ]
    assert "without labels: c" in only(report, "labels", "warning").what


def test_no_labels_one_class_mixed_sets_and_masks_that_disagree(images: Images) -> None:
    assert "no test video has labels" in only(check_dataset(Made([], [images("a")])), "labels", "warning").what
    masks = np.zeros((6, 24, 32), bool)
    masks[:2, 3, 3] = True
    truth = {"b": replace(spans(6, (0, 3)), masks=lambda: masks), "c": spans(6, (0, 6), source="other"), "d": spans(6)}
    report = check_dataset(Made([images("a")], [images(name) for name in "bcd"], truth))
    assert "made (2), other (1)" in only(report, "labels", "warning").what
    notes = [finding.what for finding in told(report, "labels", "note")]
    assert "all frames are abnormal in 1 of 3 videos: c" in notes
    assert "all frames are normal in 1 of 3 videos: d" in notes
    assert "in 1 frame:" in only(report, "masks", "note").what


@pytest.mark.parametrize("decode", [True, False])
def test_a_test_video_that_was_trained_on(images: Images, decode: bool) -> None:
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


def test_totals_other_than_the_published(images: Images) -> None:
    def report(**totals: int) -> Report:
        made = Made([images("a")], [images("b")], {"b": spans(6, (1, 3))})
        made.totals = {name.replace("_", " "): value for name, value in totals.items()}
        return check_dataset(made)

    assert "1 video found, 3 published" in only(report(train_videos=3), "totals", "warning").what
    assert "move what does not belong" in only(report(test_videos=0), "totals", "warning").fix
    assert "6 frames found, 7 published" in only(report(train_videos=1, train_frames=7), "totals").what
    assert "2 frames labelled abnormal, 3 published" in only(report(test_videos=1, abnormal_frames=3), "totals").what


def test_what_a_recipe_asks_of_the_videos(images: Images) -> None:
    made = Made([images("a", frames=3), images("b", frames=12)])
    report = check_dataset(Target("made", made, clip(frames=4, step=2, width=24)))
    short = only(report, "clip")
    assert short.where == "train video a"
    assert "3 frames, one clip of the recipe reaches over 7" in short.what
    assert "data.clip.frames=2" in short.fix
    assert "[24,32] nearly keeps shapes" in only(report, "sizes", "note").fix
    assert "all videos are gray" in only(report, "colour", "note").what


def test_names_that_are_there_twice_and_no_videos(images: Images) -> None:
    a = images("a")
    report = check_dataset(Made([a, replace(images("b"), name="a")]))
    assert [finding.what for finding in told(report, "videos")] == [
        "several videos have one name: a",
        "there are no videos",
    ]


def test_other_label_sets_are_compared(images: Images) -> None:
    videos = [images("b"), images("c")]
    made = Made([images("a")], videos, {"b": spans(6, (1, 3)), "c": spans(6, (0, 2))})
    other = Made([], videos, {"b": spans(6, (1, 5)), "c": spans(6, (0, 2))})
    report = check_dataset(Target("made", made, alternatives={"with 'labels: masks'": other}))
    found = only(report, "variants", "note")
    assert "6 frames would be abnormal, now 4; they differ in 2 frames of 1 video: b (frames 3-4)" in found.what


def test_labels_cut_at_the_start_are_noticed_without_any_totals(images: Images) -> None:
    videos = [images(name, frames=12) for name in "bcdef"]
    truth = {video.name: spans(12, (4, 9)) for video in videos[:3]} | {"e": spans(12, (7, 9)), "f": spans(12, (0, 9))}
    found = only(check_dataset(Made([images("a")], videos, truth)), "starts", "warning")
    assert "3 of 5 videos turn abnormal at the very same frame, 4" in found.what


@pytest.mark.parametrize("published", [True, False])
def test_the_altered_ped2_labels_are_noticed(
    shared_data: Path, published: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UCSDPed, "expected", lambda self: PED2, raising=False)
    altered = shared_data / "labels/variants/ped2_altered.mat"
    keys = {"use": "ucsd_ped", "label_file": str(altered)} | ({} if published else {"published": False})
    report = check_dataset(open_target(keys, shared_data), decode=False)
    total = only(report, "totals")
    assert "1624 frames labelled abnormal, 1648 published" in total.what
    assert "without 'label_file'" in total.fix
    assert "(ucsd_ped2 frame labels of ped2.mat) have the published 1648" in total.fix
    assert "6 of 12 videos turn abnormal at the very same frame, 4" in only(report, "starts", "warning").what
    assert len(told(report, "labels")) == (6 if published else 0)
    variants = told(report, "variants", "note")
    assert "24 frames of 6 videos: 03 (frames 0-3), 05 (frames 0-3), 08" in variants[0].what
    assert (report.rows[1].abnormal, report.rows[1].expected_abnormal) == (1624, 1648)


def test_ped2_itself_is_sound(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UCSDPed, "expected", lambda self: PED2, raising=False)
    report = check_dataset(open_target("ucsd_ped", shared_data), decode=False)
    assert {finding.severity for finding in report.findings} == {"note"}
    assert [(row.videos, row.frames) for row in report.rows] == [(16, 2550), (12, 2010)]
    assert report.rows[1].abnormal == 1648


def test_the_two_label_sets_of_avenue_are_told_apart(shared_data: Path) -> None:
    report = check_dataset(open_target("avenue", shared_data / "avenue_part"), decode=False)
    assert not report.errors
    found = only(report, "variants", "note")
    assert "with 'labels: masks', 1061 frames would be abnormal, now 972" in found.what
    assert not told(report, "starts", "warning"), "Avenue's own intervals begin at frame 20 in three videos"


def vadkit(*arguments: str) -> tuple[int, str]:
    try:
        done = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env={"COLUMNS": "400"})
    except VadkitError as error:
        return error.exit_code, str(error)
    return done.exit_code, done.output


def test_the_command_prints_everything_and_writes_json(tmp_path: Path) -> None:
    for name, frames in (("training/frames/01", 4), ("testing/frames/01", 5)):
        write_images(tmp_path / name, noise(frames, frames))
    (tmp_path / "training/frames/01/002.png").unlink()
    (tmp_path / "testing/frames/01/001.png").write_bytes(b"")
    code, text = vadkit(
        "data",
        "check",
        "{use: ucsd_ped, subset: ped1}",
        "--data-root",
        str(tmp_path),
        "--json",
        str(tmp_path / "f.json"),
    )
    assert code == 2
    assert "frame number is missing: 2" in text
    assert "1 of 5 frames are empty files" in text
    assert "no label file" in text
    assert "3 errors" in text
    written = json.loads((tmp_path / "f.json").read_text())
    assert {finding["topic"] for finding in written["findings"]} >= {"numbering", "files", "labels"}
    assert [row["split"] for row in written["rows"]] == ["train", "test"]


def test_the_command_takes_names_recipes_and_changes() -> None:
    small = ["--set", "data.frames=24", "--set", "data.train_videos=1", "--set", "data.test_videos=1"]
    code, text = vadkit("data", "check", "recipes/quickstart.yaml", *small)
    assert code == 0, text
    assert "every frame was decoded" in text
    code, text = vadkit("data", "check", "walkway", *small, "--set", "data.size=[32, 48]", "--no-decode")
    assert code == 0
    assert "headers alone" in text


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("walkwey", "did you mean 'walkway'"),
        ("{use: walkway, sise: [32, 48]}", "did you mean 'size'"),
        ("{use: walkway", "cannot be read"),
        ("tests", "is a folder, not a data set"),
        ("nothere.yaml", "nothere.yaml"),
    ],
)
def test_a_target_that_is_none_is_one_message(target: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    code, text = vadkit("data", "check", target)
    assert code == 2
    assert what in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_a_finding(tmp_path: Path) -> None:
    write_images(tmp_path / "training/frames/01", noise(3, 1))
    home = tmp_path / "training/frames"
    home.chmod(0)
    try:
        report = check_dataset(UCSDPed(tmp_path, subset="ped1"))
    finally:
        home.chmod(0o755)
    assert "Permission denied" in report.errors[0].what


def test_a_data_set_alone_will_do() -> None:
    target = open_target({"use": "walkway", "frames": 24, "train_videos": 1, "test_videos": 1, "size": [32, 48]})
    assert isinstance(target.dataset, Dataset)
    assert check_dataset(target.dataset).name == "Walkway"
