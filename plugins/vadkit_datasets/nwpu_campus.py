"""NWPU Campus (Cao, Lu, Wang and Zhang, CVPR 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

from vadkit.api import DataError, Dataset, Labels, Split, VideoRef, natural_key
from vadkit_datasets import label_files, layout
from vadkit_datasets.folder.entries import Marks

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("videos/Train", "training/videos", "training/frames"),
    "test": ("videos/Test", "testing/videos", "testing/frames"),
}
_LABELS = tuple(f"{folder}NWPU_Campus_gt.npz" for folder in ("groundtruth/", "", "labels/"))
_FPS = 25.0


class NWPUCampus(Dataset):
    """NWPU Campus, 43 scenes; a video's name is `scene_number`.

    Args:
        root: the data set's folder, or one that contains it.
    """

    default_root: ClassVar[str] = "nwpu_campus"
    layout: ClassVar[str] = (
        "expected are videos/Train/D001_01.avi, videos/Test/D001_01.avi and groundtruth/NWPU_Campus_gt.npz (or "
        "training/frames/D001_01/, testing/frames/D001_01/ beside NWPU_Campus_gt.npz); the data set is on "
        "campusvad.github.io"
    )

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The videos that are there, scene by scene."""
        return self._test if split == "test" else self._find("train")

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video; None for a training video.

        Raises:
            DataError: no labels, or some that do not fit the video.
        """
        return self._labels(video) if layout.is_among(video, self._test) else None

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All labelled test videos, whether or not they are there.

        Raises:
            DataError: no labels, or some that do not fit.
        """
        there = {video.name: video for video in layout.found_if_any(self.videos, "test")}
        names = sorted(label_files.names_of_arrays(self._label_file), key=natural_key)
        everyone = [there.get(name, _placed(VideoRef(name, (), fps=_FPS))) for name in names]
        return [(video, self._labels(video)) for video in everyone]

    def expected(self) -> Mapping[str, int]:
        """As the authors count them."""
        return {
            "train videos": 305,
            "train frames": 1_082_014,
            "test videos": 242,
            "test frames": 384_059,
            "abnormal frames": 65_266,
        }

    def _labels(self, video: VideoRef) -> Labels:
        names = label_files.names_of_arrays(self._label_file)
        where = f"{self._label_file}, array {video.name!r}"
        if video.name not in names:
            what = f"there is no such array: the file has labels of {len(names)} videos, not of this one"
            raise DataError(what, where=where, fix="move the video out of the test videos, or fetch the labels again")
        marks = Marks(where, partial(label_files.array_of, self._label_file, video.name))
        if video.frames is not None:
            label_files.check_length(marks.length(), video.frames, where=video.name, source=where)
        return Labels(marks.frames(marks.length(), None), source="nwpu_campus frame labels")

    @cached_property
    def _base(self) -> Path:
        inside = ("nwpu_campus", "NWPUCampusDataset", "NWPU_Campus", "NWPU_Campus/NWPUCampusDataset")
        signs = [*(name for names in _FOLDERS.values() for name in names), *_LABELS]
        return layout.locate(self._root, inside, signs, layout=self.layout)

    @cached_property
    def _label_file(self) -> Path:
        return layout.first_file(self._base, _LABELS, what="labels", layout=self.layout)

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        return self._find("test")

    def _find(self, split: Split) -> Sequence[VideoRef]:
        found = layout.find_videos(self._base, _FOLDERS[split], fps=_FPS, layout=self.layout)
        return [_placed(video) for video in found]


def _placed(video: VideoRef) -> VideoRef:
    scene, _, rest = video.name.partition("_")
    if not (scene and rest):
        fix = "name it as the authors do, such as D001_01, or move it out"
        raise DataError("the name does not begin with its scene", where=f"video {video.name!r}", fix=fix)
    return replace(video, scene=scene)
