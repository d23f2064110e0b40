"""Problems of a new user's own videos: `vadkit data check` of a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filmed import noise, write

from vadkit.data.tools import Report, check_dataset, open_target


def film(path: Path, frames: int, shift: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, np.random.default_rng(shift).permuted(noise(frames), axis=1), "mpeg4")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for shift, name in enumerate(("train/a.mp4", "train/b.mp4", "test/c.mp4", "test/d.mp4")):
        film(tmp_path / name, 30, shift)
    (tmp_path / "labels.csv").write_text("video,start_frame,end_frame\nc,3,9\nd,,\n")
    return tmp_path


def check(root: Path) -> Report:
    return check_dataset(open_target("recipes/own_video.yaml", root))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])


def labels(root: Path, rows: str) -> None:
    (root / "labels.csv").write_text(f"video,start_frame,end_frame,frames\n{rows}\n")


def test_intact_videos_have_no_problems(root: Path) -> None:
    assert {finding.severity for finding in check(root).findings} <= {"note"}


def test_files_that_are_passed_over_are_listed(root: Path) -> None:
    (root / "test/e.cam1").touch()
    [found] = [finding for finding in check(root).findings if "ignored" in finding.what]
    assert (found.severity, found.where) == ("note", "test")
    assert found.what == "1 file ignored because of the suffix: e.cam1"


BAD: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "zero bytes": (lambda r: (r / "train/a.mp4").write_bytes(b""), "error", "the file is empty (0 bytes)", "fetch"),
    "text": (
        lambda r: (r / "train/a.mp4").write_text("<html>not found</html>"),
        "error",
        "contains text, not images: '<html>",
        "a failed download",
    ),
    "one frame": (lambda r: film(r / "train/a.mp4", 1, 9), "error", "has 1 frame, but a clip", "data.short: repeat"),
    "short": (lambda r: film(r / "train/a.mp4", 5, 9), "error", "has 5 frames, but a clip", "data.clip.frames to 5"),
    "breaks off": (lambda r: cut(r / "train/a.mp4"), "error", "cannot be decoded", "fetch the file again"),
    "no label": (lambda r: labels(r, "c,3,9,30"), "warning", "without labels: d", "add labels"),
    "labels beyond": (
        lambda r: labels(r, "c,3,39,\nd,,,"),
        "error",
        "the video has the frames 0 to 29",
        "correct the interval",
    ),
    "labels short": (lambda r: labels(r, "c,3,9,29\nd,,,"), "error", "29 labels for 30 frames", "end before"),
    "labels long": (lambda r: labels(r, "c,3,9,31\nd,,,"), "error", "31 labels for 30 frames", "frames are missing"),
    "labels astray": (lambda r: labels(r, "cc,3,9,\nd,,,"), "error", "no test video has that name", "did you mean 'c'"),
    "link in a circle": (
        lambda r: (r / "train/more").symlink_to(r / "train"),
        "error",
        "the link points to a folder",
        "remove the link",
    ),
    "link to nothing": (
        lambda r: (r / "train/more.mp4").symlink_to(r / "gone.mp4"),
        "error",
        "the link is broken",
        "remove the link",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_each_problem_is_reported_with_its_fix(root: Path, what: str) -> None:
    spoil, severity, said, fix = BAD[what]
    spoil(root)
    found = [finding for finding in check(root).findings if said in finding.what]
    assert [finding.severity for finding in found][:1] == [severity], check(root).findings
    assert fix in found[0].fix


def test_names_may_have_any_letters(root: Path) -> None:
    (root / "test/Tür & Hof").mkdir()
    (root / "test/c.mp4").rename(root / "test/Tür & Hof/10 Uhr 時間.mp4")
    (root / "labels.csv").write_text("video,start_frame,end_frame\nTür & Hof/10 Uhr 時間,3,9\nd,,\n")
    report = check(root)
    assert not report.errors
    assert report.rows[1].abnormal == 7
