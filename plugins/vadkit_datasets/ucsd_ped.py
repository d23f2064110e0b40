"""UCSD Ped1 and Ped2 (Mahadevan et al., CVPR 2010)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from itertools import takewhile
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Labels, VideoLabels, VideoRef, join_names, mask_images, read_label_file
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import check_length, number, numbered_images, read_array

# Frames and abnormal frames of Ped2's test clips 1 to 12, from the ground truth that UCSD publishes.
_PED2_FRAMES = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
_PED2_ABNORMAL = (120, 86, 146, 150, 129, 159, 135, 180, 120, 150, 180, 93)
_CLIP_FRAMES = {"ped1": (200,) * 36, "ped2": _PED2_FRAMES}
_TOTALS = {
    "ped1": published(train_videos=34, train_frames=6800, test_videos=36, test_frames=7200, abnormal_frames=4045),
    "ped2": published(train_videos=16, train_frames=2550, test_videos=12, test_frames=2010, abnormal_frames=1648),
}


class UCSDPed(Benchmark):
    """UCSD Ped1 or Ped2, in UCSD's own layout or as frames under training/ and testing/.

    Args:
        root: the subset's folder, one that contains it, or the other subset's.
        subset: "ped1" or "ped2". By default "ped1" if only the name of `root` has it, or only its folder is in `root`;
            else "ped2".
        labels: "intervals" as published, or "masks", where a frame is abnormal if any pixel of its mask is.
        label_file: file of intervals (.mat, .m) or frame labels (.npy) to use instead of the default; relative to the
            working folder or to the data set's.
        published: refuse Ped2 intervals that differ from the published counts. A file with six altered clips is in
            circulation.

    Example:
        >>> UCSDPed(Path("ucsd_ped2"), subset="ped2").expected()["test frames"]
        2010
    """

    default_root: ClassVar[str] = "ucsd_ped2"
    layout: ClassVar[str] = (
        "needed: UCSDped2/ with Train/Train001/001.tif, Test/Test001/001.tif, Test/UCSDped2.m, or ucsd_ped2/ with "
        "training/frames/01/001.jpg, testing/frames/01/001.jpg, ped2.mat (the same for Ped1); it is the 'UCSD "
        "Anomaly Detection Dataset' on the page of UCSD's Statistical Visual Computing Lab (svcl.ucsd.edu)"
    )
    train_folders = ("Train", "training/frames")
    test_folders = ("Test", "testing/frames")
    fps = 10.0

    def __init__(
        self,
        root: Path | None,
        *,
        subset: Literal["ped1", "ped2"] | None = None,
        labels: Literal["intervals", "masks"] = "intervals",
        label_file: Path | None = None,
        published: bool = True,
    ) -> None:
        subset = subset or _subset_in(root)
        # The default folder is Ped2's; Ped1 is in the same parent folder.
        other = "ped1" if subset == "ped2" else "ped2"
        super().__init__(root.absolute().parent if root is not None and other in root.name.lower() else root)
        self._subset, self._kind, self._label_file, self._published = subset, labels, label_file, published
        self.inside = _folders(subset)
        self.totals = _TOTALS[subset]
        forms = (f"{subset}.mat", f"UCSD{subset}.m", f"frame_labels_{subset}.npy")
        self._label_files = tuple(f"{folder}{form}" for form in forms for folder in ("", "labels/", "Test/"))
        self.signs = self._label_files

    def _labels(self, video: VideoRef) -> Labels:
        folders = (self._base / "Test" / f"{video.name}_gt", self._base / "testing/pixel_masks" / video.name)
        folder = next((folder for folder in folders if folder.is_dir()), None)
        masks = partial(self._masks, video, folder) if folder else None
        tracks = self._tracks(video, _length(video))
        if self._kind == "intervals":
            file = self._labels_found
            frames = self._from_file(video, file)
            return Labels(frames, masks, tracks, source=f"ucsd_{self._subset} frame labels of {file.name}")
        if masks is None:
            what = "the clip has no pixel masks"
            fix = "choose 'labels: intervals', or add Test/Test001_gt/ or testing/pixel_masks/01/"
            raise DataError(what, where=video.name, fix=fix)
        frames = np.asarray(masks().any(axis=(1, 2)))
        return Labels(frames, masks, tracks, source=f"ucsd_{self._subset} pixel masks")

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        """All clips as published if those that exist have the published lengths; else those that exist."""
        frames = _CLIP_FRAMES[self._subset]
        by_index = {number(video.name) - 1: video for video in there.values()}
        if any(not 0 <= index < len(frames) or frames[index] != clip.frames for index, clip in by_index.items()):
            return there.values()
        return [by_index.get(index) or self._absent(f"{index + 1:02}", count) for index, count in enumerate(frames)]

    @cached_property
    def _labels_found(self) -> Path:
        if self._label_file is not None:
            names = (str(self._label_file.absolute()), str(self._label_file))
        else:
            names = self._label_files
        return self._file(names, "label file")

    @cached_property
    def _intervals(self) -> Mapping[str, VideoLabels]:
        return read_label_file(self._labels_found)

    @cached_property
    def _flat(self) -> NDArray[np.bool_]:
        """(frames of all test clips,) bool."""
        flat = read_array(self._labels_found).ravel() != 0
        total = sum(map(_length, self._flat_clips))
        check_length(len(flat), total, where="all test clips together", source=str(self._labels_found))
        return flat

    @cached_property
    def _flat_clips(self) -> Sequence[VideoRef]:
        """The clips of a file with the labels of all test clips in turn: those that exist, or all as published."""
        there = self._videos_if_any("test")
        size = read_array(self._labels_found).size
        labelled = list(self._labelled({video.name: video for video in there}))
        return labelled if size == sum(_CLIP_FRAMES[self._subset]) else there or labelled

    def _from_file(self, video: VideoRef, file: Path) -> NDArray[np.bool_]:
        index = number(video.name) - 1
        if file.suffix == ".npy":
            start = sum(map(_length, takewhile(lambda clip: clip.name != video.name, self._flat_clips)))
            frames = self._flat[start : start + _length(video)]
        else:
            labels = self._intervals.get(str(index + 1))
            if labels is None:
                what = f"the label file has no clip {index + 1}, but {join_names(self._intervals)}"
                raise DataError(what, where=f"{file}, {video.name}", fix="download the label file again")
            frames = labels.frames(_length(video))
        self._compare(video, index, frames, file)
        return frames

    def _compare(self, video: VideoRef, index: int, frames: NDArray[np.bool_], file: Path) -> None:
        """Raise DataError if a complete Ped2 clip has another count than the published one."""
        known = self._published and self._subset == "ped2" and 0 <= index < len(_PED2_FRAMES)
        if known and len(frames) == _PED2_FRAMES[index] and frames.sum() != _PED2_ABNORMAL[index]:
            what = f"{frames.sum()} of {len(frames)} frames are labelled abnormal, but UCSD publishes "
            fix = "use UCSD's own file (an altered ped2.mat is in circulation), or set 'published: false'"
            raise DataError(f"{what}{_PED2_ABNORMAL[index]}", where=f"{file}, {video.name}", fix=fix)

    def _masks(self, video: VideoRef, folder: Path) -> NDArray[np.bool_]:
        paths = numbered_images(folder)
        check_length(len(paths), _length(video), where=video.name, source=str(folder))
        return np.stack(list(mask_images(paths)))


def _folders(subset: str) -> tuple[str, ...]:
    return (f"UCSD{subset}", f"ucsd_{subset}", subset, f"UCSD_Anomaly_Dataset.v1p2/UCSD{subset}")


def _subset_in(root: Path | None) -> Literal["ped1", "ped2"]:
    """The subset that a folder is, or the only one that it contains; else Ped2."""
    if root is None or "ped2" in root.name.lower():
        return "ped2"
    there = {subset: any((root / name).is_dir() for name in _folders(subset)) for subset in ("ped1", "ped2")}
    only = there["ped1"] and not there["ped2"]
    return "ped1" if "ped1" in root.name.lower() or only else "ped2"


def _length(video: VideoRef) -> int:
    if video.frames is None:
        what = "UCSD's clips are folders of frames, but this is a video file"
        raise DataError(what, where=str(video.source), fix="extract its frames into a folder")
    return video.frames
