"""Checks labels against the frames of the videos, and against the data set's other label sets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading
from vadkit.core.values import Labels, VideoRef
from vadkit.data.tools.probe import VideoFacts
from vadkit.data.tools.report import Finding, ranges, some

_EARLY = 16  # frames; methods need up to this many before a first score, and in Avenue three videos start at frame 20


@dataclass(slots=True)
class TestLabels:
    """The readable labels of the test videos."""

    # video name -> (F,) bool
    frames: dict[str, NDArray[np.bool_]] = field(default_factory=dict[str, "NDArray[np.bool_]"])
    labels: dict[str, Labels] = field(default_factory=dict[str, Labels])
    sources: Counter[str] = field(default_factory=Counter[str])  # label set -> number of its videos
    # video name -> number of frames in which frame labels and masks disagree
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
            labels = readable_labels(lenient, each.video) if lenient else None
            if labels is None:
                continue
        if labels is None:
            unlabelled.append(each.video.name)
            continue
        truth.frames[each.video.name] = np.asarray(labels.frames).astype(bool)
        truth.labels[each.video.name] = labels
        truth.sources[labels.source] += 1
        truth.findings += _check_one(labels, each, truth, masks=masks)
    if unlabelled:
        what, fix = "no test video has labels", "add labels: without them, videos can be scored but not evaluated"
        if len(unlabelled) < len(facts):
            what = f"without labels: {join_names(unlabelled)}"
            fix = "add labels, also for normal videos, or remove the videos: without labels they are not evaluated"
        truth.findings.append(Finding("warning", "labels", "test", what, fix))
    truth.findings += _check_all(truth)
    return truth


def readable_labels(dataset: Dataset, video: VideoRef) -> Labels | None:
    """Labels of a video; None if there are none or they cannot be read."""
    try:
        return dataset.labels(video)
    except (DataError, OSError):
        return None


def _check_one(labels: Labels, facts: VideoFacts, truth: TestLabels, *, masks: bool) -> Iterator[Finding]:
    where, count = f"test video {facts.video.name}", len(labels.frames)
    if np.ndim(labels.frames) != 1:
        what = f"labels must be (F,), not {np.shape(labels.frames)}"
        yield Finding("error", "labels", where, what, "fix the data set")
        return
    # If the data set announces a length, its own reader and the decoder have already reported the difference.
    if facts.frames is not None and count not in (facts.frames, facts.video.frames):
        more = "frames are missing from the video" if count > facts.frames else "the labels end before the video"
        fix = f"extract or fetch both again ({facts.where}): {more}, or belong to another version of it"
        yield Finding("error", "labels", where, f"{some(count, 'label')} for {some(facts.frames, 'frame')}", fix)
    if masks and labels.masks is not None:
        yield from _check_masks(labels, labels.masks, facts, truth)
    size = next(iter(facts.sizes), None)
    for track in labels.tracks or ():
        if bad := [frame for frame, box in track.boxes.items() if not _fits(frame, box, count, size)]:
            what = f"track {track.identity!r} is outside of the video in frame {join_names(bad)}"
            yield Finding("error", "labels", where, what, "use the tracks of this version of the video")


def _fits(frame: int, box: tuple[int, int, int, int], frames: int, size: tuple[int, int] | None) -> bool:
    width, height = size or (box[2], box[3])
    return 0 <= frame < frames and 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height


def _check_masks(
    labels: Labels, read: Callable[[], NDArray[np.bool_]], facts: VideoFacts, truth: TestLabels
) -> Iterator[Finding]:
    where = f"test video {facts.video.name}"
    try:
        with reading(where):
            masks = read()
    except DataError as error:
        yield Finding.of(error, "labels", where)
        return
    (width, height), frames = next(iter(facts.sizes), (masks.shape[2], masks.shape[1])), len(labels.frames)
    if masks.shape != (frames, height, width):
        what = f"masks are {masks.shape}, the video is {(frames, height, width)} (frames, height, width)"
        yield Finding("error", "labels", where, what, "use the masks of this version of the video")
    elif differ := differences(labels.frames, np.asarray(masks.any(axis=(1, 2)))):
        truth.masks_differ[facts.video.name] = len(differ)


def _check_all(truth: TestLabels) -> Iterator[Finding]:
    if len(truth.sources) > 1:
        sources = ", ".join(f"{source} ({count})" for source, count in truth.sources.most_common())
        fix = "use one label set: results under mixed labels cannot be compared with others"
        yield Finding("warning", "labels", "test", f"the videos have different label sets: {sources}", fix)
    if truth.masks_differ:
        names = join_names(f"{name} ({count})" for name, count in truth.masks_differ.items())
        what = f"frame labels and pixel masks disagree in {some(sum(truth.masks_differ.values()), 'frame')}: {names}"
        fix = "note that pixel metrics and frame metrics then measure different events"
        yield Finding("note", "masks", "test", what, fix)
    for value, word in ((True, "abnormal"), (False, "normal")):
        names = [name for name, labels in truth.frames.items() if len(labels) and bool((labels == value).all())]
        if names:
            what = f"all frames are {word} in {len(names)} of {some(len(truth.frames), 'video')}: {join_names(names)}"
            fix = "note that macro AUC skips them: it is not defined for one class"
            yield Finding("note", "labels", "test", what, fix)


def differences(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> list[int]:
    """Frames in which two labellings differ, with the frames that only one of them has."""
    length = min(len(one), len(other))
    apart = np.flatnonzero(one[:length] != other[:length]).tolist()
    return [*apart, *range(length, max(len(one), len(other)))]


def check_starts(truth: TestLabels) -> Iterator[Finding]:
    """Warn if videos become abnormal at a frame that shows a mistake.

    Frame 1 of any video hints at labels that count from 1. The same early frame of many videos hints at an altered
    label file.
    """
    starts: defaultdict[int, list[str]] = defaultdict(list)
    for name, labels in truth.frames.items():
        if labels.any() and 0 < (first := int(np.argmax(labels))) < _EARLY:
            starts[first].append(name)
    if names := starts.pop(1, []):
        what = f"frame 0 is normal and frame 1 is abnormal in {some(len(names), 'video')}: {join_names(names)}"
        fix = "frames count from 0: if the labels count from 1, subtract 1 from every frame number"
        yield Finding("warning", "starts", "test", what, fix)
    for first, names in starts.items():
        if len(names) >= 3 and 3 * len(names) >= len(truth.frames):
            what = f"{len(names)} of {len(truth.frames)} videos become abnormal at the same frame, {first} counted "
            what += f"from 0 ({first + 1} from 1): {join_names(names)}"
            fix = "use the published label file: this one looks altered for a method that gives the first "
            fix += f"{first} frames no score"
            yield Finding("warning", "starts", "test", what, fix)


def read_plainly(dataset: Dataset, videos: Sequence[VideoRef]) -> dict[str, NDArray[np.bool_]] | None:
    """Labels of all videos, name -> (F,) bool; None if any cannot be read."""
    found: dict[str, NDArray[np.bool_]] = {}
    for video in videos:
        labels = readable_labels(dataset, video)
        if labels is None:
            return None
        found[video.name] = np.asarray(labels.frames).astype(bool)
    return found


def compare_label_sets(
    truth: TestLabels, videos: Sequence[VideoRef], others: Mapping[str, Dataset]
) -> Iterator[Finding]:
    """Name the label set, and compare it with the data set's other label sets."""
    for source in filter(None, truth.sources):
        yield Finding("note", "labels", "test", f"the label set is: {source}")
    for key, other in others.items():
        labels = read_plainly(other, videos)
        if not labels or labels.keys() != truth.frames.keys():
            continue
        apart = {name: differences(truth.frames[name], labels[name]) for name in labels}
        places = [f"{name} (frames {join_names(ranges(at), 3)})" for name, at in apart.items() if at]
        total, differ = sum(int(each.sum()) for each in labels.values()), sum(map(len, apart.values()))
        if differ:
            what = f"{key}, {some(total, 'frame')} would be abnormal, now {truth.abnormal}; the two label sets differ "
            what += f"in {some(differ, 'frame')} of {some(len(places), 'video')}: {join_names(places)}"
        else:
            what = f"{key}, the same {some(total, 'frame')} are abnormal"
        fix = "do not compare results under one label set with results under the other" if differ else ""
        yield Finding("note", "variants", "test", what, fix)
