"""`vadkit data check` of labels: compared with the frames and with other label sets; the altered Ped2 file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data.conftest import Images, Made, noise, only, spans, told, write_video

from vadkit.api import DataError, Labels, Track, VideoRef
from vadkit.data.tools import Target, check_dataset, open_target


def test_labels_that_do_not_match_the_frames(images: Images, tmp_path: Path) -> None:
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
        "track 'van' is outside of the video in frame 9",
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


def test_other_label_sets_are_compared(images: Images) -> None:
    videos = [images("b"), images("c")]
    made = Made([images("a")], videos, {"b": spans(6, (1, 3)), "c": spans(6, (0, 2))})
    other = Made([], videos, {"b": spans(6, (1, 5)), "c": spans(6, (0, 2))})
    report = check_dataset(Target("made", made, alternatives={"with 'labels: masks'": other}))
    found = only(report, "variants", "note")
    assert (
        "6 frames would be abnormal, now 4; the two label sets differ in 2 frames of 1 video: b (frames 3-4)"
        in found.what
    )


def test_labels_altered_at_the_start_are_detected_without_totals(images: Images) -> None:
    videos = [images(name, frames=12) for name in "bcdef"]
    truth = {video.name: spans(12, (4, 9)) for video in videos[:3]} | {"e": spans(12, (7, 9)), "f": spans(12, (0, 9))}
    found = only(check_dataset(Made([images("a")], videos, truth)), "starts", "warning")
    assert "3 of 5 videos become abnormal at the same frame, 4" in found.what


def test_labels_that_seem_to_count_from_1_are_reported(images: Images) -> None:
    videos = [images(name, frames=12) for name in "bc"]
    truth = {"b": spans(12, (1, 9)), "c": spans(12, (4, 9))}
    found = only(check_dataset(Made([images("a")], videos, truth)), "starts", "warning")
    assert found.what == "frame 0 is normal and frame 1 is abnormal in 1 video: b"
    assert "subtract 1" in found.fix


@pytest.mark.parametrize("published", [True, False])
def test_the_altered_ped2_labels_are_detected(shared_data: Path, published: bool) -> None:
    altered = shared_data / "labels/variants/ped2_altered.mat"
    keys = {"use": "ucsd_ped", "label_file": str(altered)} | ({} if published else {"published": False})
    report = check_dataset(open_target(keys, shared_data), decode=False)
    total = only(report, "totals")
    assert "1624 frames labelled abnormal, 1648 published" in total.what
    assert "without 'label_file'" in total.fix
    assert "(ucsd_ped2 frame labels of ped2.mat) have the published 1648 frames" in total.fix
    assert "6 of 12 videos become abnormal at the same frame, 4" in only(report, "starts", "warning").what
    assert len(told(report, "labels")) == (6 if published else 0)
    variants = told(report, "variants", "note")
    assert "24 frames of 6 videos: 03 (frames 0-3), 05 (frames 0-3), 08" in variants[0].what
    assert (report.rows[1].abnormal, report.rows[1].expected_abnormal) == (1624, 1648)


def test_the_original_ped2_has_no_problems(shared_data: Path) -> None:
    report = check_dataset(open_target("ucsd_ped", shared_data), decode=False)
    assert {finding.severity for finding in report.findings} == {"note"}
    assert [(row.videos, row.frames) for row in report.rows] == [(16, 2550), (12, 2010)]
    assert report.rows[1].abnormal == 1648


def test_the_two_label_sets_of_avenue_are_compared(shared_data: Path) -> None:
    report = check_dataset(open_target("avenue", shared_data / "avenue_part"), decode=False)
    assert not report.errors
    found = only(report, "variants", "note")
    assert "with 'labels: masks', 1061 frames would be abnormal, now 972" in found.what
    assert not told(report, "starts", "warning"), "Avenue's own intervals begin at frame 20 in three videos"
