"""Checks labels against the frames of the videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading
from vadkit.core.values import Labels, VideoRef
from vadkit.data.tools.probe import VideoFacts, place
from vadkit.data.tools.report import Finding, some

_SAME_VERSION = "of this version of the video"


@dataclass(slots=True)
class TestLabels:
    """The readable labels of the test videos.

    Attributes:
        frames: video name -> (F,) bool.
        sources: label set -> number of its videos.
        masks_differ: video name -> number of frames in which frame labels and masks disagree.
        findings: problems of the labels.
    """

    frames: dict[str, NDArray[np.bool_]] = field(default_factory=dict[str, "NDArray[np.bool_]"])
    sources: Counter[str] = field(default_factory=Counter[str])
    masks_differ: dict[str, int] = field(default_factory=dict[str, int])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def abnormal(self) -> int:
        """Abnormal frames of all videos."""
        return int(sum(labels.sum() for labels in self.frames.values()))


def read_test_labels(
    dataset: Dataset, facts: Sequence[VideoFacts], *, lenient: Dataset | None, masks: bool
) -> TestLabels:
    """Labels of every test video, each checked against its frames."""
    truth = TestLabels()
    unlabelled: list[str] = []
    for each in facts:
        where = f"test video {each.video.name}"
        try:
            with reading(where):
                labels = dataset.labels(each.video)
        except DataError as error:
            truth.findings.append(Finding.of(error, "labels", where))
            labels = _leniently(lenient, each.video)
            if labels is None:
                continue
        if labels is None:
            unlabelled.append(each.video.name)
            continue
        truth.frames[each.video.name] = np.asarray(labels.frames).astype(bool)
        truth.sources[labels.source] += 1
        _check_one(labels, each, truth, masks=masks)
    if unlabelled:
        truth.findings.append(_missing(unlabelled, len(facts)))
    _check_all(truth)
    return truth


def _leniently(lenient: Dataset | None, video: VideoRef) -> Labels | None:
    if lenient is None:
        return None
    try:
        return lenient.labels(video)
    except (DataError, OSError):
        return None


def _missing(names: Sequence[str], total: int) -> Finding:
    if len(names) == total:
        fix = "add labels: without them, videos can be scored but not evaluated"
        return Finding("warning", "labels", "test", "no test video has labels", fix)
    fix = "add labels, also for normal videos, or remove the videos: without labels they are not evaluated"
    return Finding("warning", "labels", "test", f"without labels: {join_names(names)}", fix)


def _check_one(labels: Labels, facts: VideoFacts, truth: TestLabels, *, masks: bool) -> None:
    where, count, found = f"test video {facts.video.name}", len(labels.frames), truth.findings
    if np.ndim(labels.frames) != 1:
        shape = np.shape(labels.frames)
        found.append(Finding("error", "labels", where, f"labels must be (F,), not {shape}", "fix the data set"))
        return
    # If the data set announces a length, its own reader and the decoder have already reported the difference.
    if facts.frames is not None and count != facts.frames and count != facts.video.frames:
        more = "frames are missing from the video" if count > facts.frames else "the labels end before the video"
        fix = f"extract or fetch both again ({place(facts.video)}): {more}, or belong to another version of it"
        what = f"{some(count, 'label')} for {some(facts.frames, 'frame')}"
        found.append(Finding("error", "labels", where, what, fix))
    if masks and labels.masks is not None:
        _check_masks(labels, facts, truth)
    size = next(iter(facts.sizes), None)
    for track in labels.tracks or ():
        bad = [frame for frame, box in track.boxes.items() if not _fits(frame, box, count, size)]
        if bad:
            what = f"track {track.identity!r} is outside of the video in frame {join_names(bad)}"
            found.append(Finding("error", "labels", where, what, f"use the tracks {_SAME_VERSION}"))


def _fits(frame: int, box: tuple[int, int, int, int], frames: int, size: tuple[int, int] | None) -> bool:
    width, height = size or (box[2], box[3])
    return 0 <= frame < frames and 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height


def _check_masks(labels: Labels, facts: VideoFacts, truth: TestLabels) -> None:
    where, found = f"test video {facts.video.name}", truth.findings
    assert labels.masks is not None
    try:
        with reading(where):
            masks = labels.masks()
    except DataError as error:
        found.append(Finding.of(error, "labels", where))
        return
    (width, height), frames = next(iter(facts.sizes), (masks.shape[2], masks.shape[1])), len(labels.frames)
    if masks.shape != (frames, height, width):
        what = f"masks are {masks.shape}, the video is {(frames, height, width)} (frames, height, width)"
        found.append(Finding("error", "labels", where, what, f"use the masks {_SAME_VERSION}"))
        return
    drawn = np.asarray(masks.any(axis=(1, 2)))
    if differ := differences(labels.frames, drawn):
        truth.masks_differ[facts.video.name] = len(differ)


def _check_all(truth: TestLabels) -> None:
    if len(truth.sources) > 1:
        sources = ", ".join(f"{source} ({count})" for source, count in truth.sources.most_common())
        fix = "use one label set: results under mixed labels cannot be compared with others"
        truth.findings.append(
            Finding("warning", "labels", "test", f"the videos have different label sets: {sources}", fix)
        )
    if truth.masks_differ:
        names = [f"{name} ({count})" for name, count in truth.masks_differ.items()]
        total = some(sum(truth.masks_differ.values()), "frame")
        what = f"frame labels and pixel masks disagree in {total}: {join_names(names)}"
        fix = "note that pixel metrics and frame metrics then measure different events"
        truth.findings.append(Finding("note", "masks", "test", what, fix))
    for value, word in ((True, "abnormal"), (False, "normal")):
        names = [name for name, labels in truth.frames.items() if len(labels) and bool((labels == value).all())]
        if names:
            what = f"all frames are {word} in {len(names)} of {some(len(truth.frames), 'video')}: {join_names(names)}"
            fix = "note that macro AUC skips them: it is not defined for one class"
            truth.findings.append(Finding("note", "labels", "test", what, fix))


def differences(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> list[int]:
    """Frames in which two labellings differ, with the frames that only one of them has."""
    length = min(len(one), len(other))
    apart = np.flatnonzero(one[:length] != other[:length]).tolist()
    return [*apart, *range(length, max(len(one), len(other)))]
