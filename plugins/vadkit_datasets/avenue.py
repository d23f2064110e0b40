"""CUHK Avenue (Lu, Shi and Jia, ICCV 2013)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Labels, Split, VideoLabels, VideoRef, read_label_file
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import check_length, number

_INTERVALS = ("avenue.mat", "labels/avenue.mat", "ground_truth_demo/avenue.mat")
_MASKS = ("testing_label_mask", "ground_truth_demo/testing_label_mask")
# Frames of the test videos 1 to 21; counting the frames of an .avi would need decoding it.
_FRAMES = (
    *(1439, 1211, 923, 947, 1007, 1283, 605, 36, 1175, 841, 472),
    *(1271, 549, 507, 1001, 740, 426, 294, 248, 273, 76),
)


class Avenue(Benchmark):
    """CUHK Avenue as .avi files or extracted frames; any subset of its videos works.

    Two label sets are in use. They differ in 441 of 15324 frames, so results with different label sets are not
    comparable.

    Args:
        root: the data set's folder, or one that contains it.
        labels: "intervals" of avenue.mat (3867 abnormal frames), or "masks", where a frame is abnormal if any pixel of
            its mask is (3712).

    Example:
        >>> Avenue(Path("avenue"), labels="masks").expected()["abnormal frames"]
        3712
    """

    default_root: ClassVar[str] = "avenue"
    layout: ClassVar[str] = (
        "needed: training_videos/01.avi and testing_videos/01.avi (or training/frames/01/, testing/frames/01/), "
        "with avenue.mat for the intervals or testing_label_mask/1_label.mat for the masks. Videos and masks are on "
        "the 'Avenue Dataset for Abnormal Event Detection' page of CUHK (cse.cuhk.edu.hk/leojia), avenue.mat is part "
        "of the code of Liu et al., 'Future Frame Prediction', CVPR 2018"
    )
    inside = ("avenue", "Avenue Dataset", "Avenue_Dataset", "Avenue_Dataset/Avenue Dataset")
    train_folders = ("training_videos", *Benchmark.train_folders)
    test_folders = ("testing_videos", *Benchmark.test_folders)
    signs = _MASKS
    fps = 25.0

    def __init__(self, root: Path | None, *, labels: Literal["intervals", "masks"] = "intervals") -> None:
        super().__init__(root)
        self._kind = labels
        abnormal = 3867 if labels == "intervals" else 3712
        self.totals = published(
            train_videos=16, train_frames=15_328, test_videos=21, test_frames=15_324, abnormal_frames=abnormal
        )

    def _labels(self, video: VideoRef) -> Labels:
        index = _index(video)
        length = video.frames or _FRAMES[index]
        check_length(_FRAMES[index], length, where=video.name, source="the data set as published")
        names = [f"{folder}/{index + 1}_label.mat" for folder in _MASKS]
        mask_file = self._first(names)
        masks = partial(read_masks, mask_file, length) if mask_file else None
        tracks = self._tracks(video, length)
        if self._kind == "intervals":
            frames = self._intervals[index].frames(length)
            return Labels(frames, masks, tracks, source="avenue intervals of avenue.mat")
        if masks is None:
            what = f"no pixel masks of this video; looked for {', '.join(names)}"
            raise DataError(what, where=f"{self._base}, {video.name}", fix=self.layout)
        return Labels(np.asarray(masks().any(axis=(1, 2))), masks, tracks, source="avenue pixel masks")

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        by_index = {_index(video): video for video in there.values()}
        for index, frames in enumerate(_FRAMES):
            yield by_index.get(index) or self._absent(f"{index + 1:02}", frames)

    def _find(self, split: Split) -> list[VideoRef]:
        found = super()._find(split)
        if split == "train":
            return found
        return [replace(video, frames=video.frames or _FRAMES[_index(video)]) for video in found]

    @cached_property
    def _intervals(self) -> list[VideoLabels]:
        file = self._file(_INTERVALS, "label file")
        found = list(read_label_file(file).values())
        if len(found) != len(_FRAMES):
            what = f"the file has intervals of {len(found)} videos, but Avenue has {len(_FRAMES)} test videos"
            raise DataError(what, where=str(file), fix="download the label file again")
        return found


def read_masks(path: Path, frames: int) -> NDArray[np.bool_]:
    """(F, H, W) bool of one `N_label.mat`.

    Raises:
        DataError: the file is unreadable, or does not have `frames` masks of one size.
    """
    video = f"test video {number(path)}"
    masks = read_label_file(path, video).get(video)
    if masks is None or masks.pixels is None:
        raise DataError("holds no cell array 'volLabel'", where=str(path), fix="download the label file again")
    check_length(masks.length() or 0, frames, where=video, source=str(path))
    return masks.pixels()


def _index(video: VideoRef) -> int:
    index = number(video.name) - 1
    if not 0 <= index < len(_FRAMES):
        what = f"Avenue's test videos are numbered 1 to {len(_FRAMES)}"
        raise DataError(what, where=f"test video {video.name!r}", fix="move it out of the data set's folder")
    return index
