"""Identifies the label set: compares it with the data set's other label sets, and detects altered files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import join_names
from vadkit.core.values import VideoRef
from vadkit.data.tools.labels import TestLabels, differences, readable_labels
from vadkit.data.tools.report import Finding, ranges, some

_EARLY = 16  # frames; methods need up to this many before a first score, and in Avenue three videos start at frame 20


def check_starts(truth: TestLabels) -> Iterator[Finding]:
    """Warn if many videos become abnormal at the same early frame, as in altered label files."""
    starts: defaultdict[int, list[str]] = defaultdict(list)
    for name, labels in truth.frames.items():
        if labels.any() and 0 < (first := int(np.argmax(labels))) < _EARLY:
            starts[first].append(name)
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
