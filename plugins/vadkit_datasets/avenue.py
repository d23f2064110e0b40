"""CUHK Avenue (Lu, Shi and Jia, ICCV 2013)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Dataset, Labels, Split, VideoLabels, VideoRef, read_label_file
from vadkit_datasets import label_files, layout
from vadkit_datasets.tracks import tracks_of

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("training_videos", "training/frames", "training/videos"),
    "test": ("testing_videos", "testing/frames", "testing/videos"),
}
_INTERVALS = ("avenue.mat", "labels/avenue.mat", "ground_truth_demo/avenue.mat")
_MASKS = ("testing_label_mask", "ground_truth_demo/testing_label_mask")
_FPS = 25.0
# Frames of the test videos 1 to 21; counting the frames of an .avi would need decoding it.
_FRAMES = (
    *(1439, 1211, 923, 947, 1007, 1283, 605, 36, 1175, 841, 472),
    *(1271, 549, 507, 1001, 740, 426, 294, 248, 273, 76),
)


class Avenue(Dataset):
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
        "with avenue.mat for the intervals or testing_label_mask/1_label.mat for the masks; videos and masks are on "
        "the 'Avenue Dataset for Abnormal Event Detection' page of CUHK (cse.cuhk.edu.hk/leojia), avenue.mat is part "
        "of the code of Liu et al., 'Future Frame Prediction', CVPR 2018"
    )

    def __init__(self, root: Path | None, *, labels: Literal["intervals", "masks"] = "intervals") -> None:
        self._root, self._kind = root, labels

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The videos that exist, by number."""
        return self._test if split == "test" else self._find("train")

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video; None for a training video.

        Raises:
            DataError: the label file is missing or does not fit the video.
        """
        return self._labels(video) if layout.is_among(video, self._test) else None

    def _labels(self, video: VideoRef) -> Labels:
        index = _index(video)
        length = video.frames or _FRAMES[index]
        label_files.check_length(_FRAMES[index], length, where=video.name, source="the data set as published")
        mask_file = self._mask_file(index)
        masks = partial(read_masks, mask_file, length) if mask_file else None
        tracks = tracks_of(self._base, video.name, length)
        if self._kind == "intervals":
            frames = self._intervals[index].frames(length)
            return Labels(frames, masks, tracks, source="avenue intervals of avenue.mat")
        if masks is None:
            names = ", ".join(f"{folder}/{index + 1}_label.mat" for folder in _MASKS)
            what = f"no pixel masks of this video; looked for {names}"
            raise DataError(what, where=f"{self._base}, {video.name}", fix=self.layout)
        return Labels(np.asarray(masks().any(axis=(1, 2))), masks, tracks, source="avenue pixel masks")

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All 21 test videos, from the labels alone; videos that exist keep their names.

        Raises:
            DataError: the label file is missing or does not fit.
        """
        there = {_index(video): video for video in layout.found_if_any(self._find, "test")}
        everyone = [
            there.get(index, VideoRef(f"{index + 1:02}", (), frames=frames, fps=_FPS))
            for index, frames in enumerate(_FRAMES)
        ]
        return [(video, self._labels(video)) for video in everyone]

    def expected(self) -> Mapping[str, int]:
        """Published totals; the abnormal frames are those of the chosen label set."""
        return {
            "train videos": 16,
            "train frames": 15_328,
            "test videos": len(_FRAMES),
            "test frames": sum(_FRAMES),
            "abnormal frames": 3867 if self._kind == "intervals" else 3712,
        }

    @cached_property
    def _base(self) -> Path:
        signs = [*(name for names in _FOLDERS.values() for name in names), *_MASKS]
        inside = ("avenue", "Avenue Dataset", "Avenue_Dataset", "Avenue_Dataset/Avenue Dataset")
        return layout.locate(self._root, inside, signs, layout=self.layout)

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        found = self._find("test")
        return [replace(video, frames=video.frames or _FRAMES[_index(video)]) for video in found]

    def _find(self, split: Split) -> list[VideoRef]:
        return layout.find_videos(self._base, _FOLDERS[split], fps=_FPS, layout=self.layout)

    @cached_property
    def _interval_file(self) -> Path:
        return layout.first_file(self._base, _INTERVALS, what="label file", layout=self.layout)

    @cached_property
    def _intervals(self) -> list[VideoLabels]:
        found = list(read_label_file(self._interval_file).values())
        if len(found) != len(_FRAMES):
            what = f"the file has intervals of {len(found)} videos, but Avenue has {len(_FRAMES)} test videos"
            raise DataError(what, where=str(self._interval_file), fix="download the label file again")
        return found

    def _mask_file(self, index: int) -> Path | None:
        files = (self._base / folder / f"{index + 1}_label.mat" for folder in _MASKS)
        return next((file for file in files if file.is_file()), None)


def read_masks(path: Path, frames: int) -> NDArray[np.bool_]:
    """(F, H, W) bool of one `N_label.mat`.

    Raises:
        DataError: the file is unreadable, or does not have `frames` masks of one size.
    """
    video = f"test video {layout.number(path)}"
    masks = read_label_file(path, video).get(video)
    if masks is None or masks.pixels is None:
        raise DataError("holds no cell array 'volLabel'", where=str(path), fix="download the label file again")
    label_files.check_length(masks.length() or 0, frames, where=video, source=str(path))
    return masks.pixels()


def _index(video: VideoRef) -> int:
    index = layout.number(Path(video.name)) - 1
    if not 0 <= index < len(_FRAMES):
        what = f"Avenue's test videos are numbered 1 to {len(_FRAMES)}"
        raise DataError(what, where=f"test video {video.name!r}", fix="move it out of the data set's folder")
    return index
