"""NWPU Campus (Cao, Lu, Wang and Zhang, CVPR 2023)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from vadkit.api import DataError, Labels, VideoLabels, VideoRef, natural_key, read_label_file
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import check_length

_LABELS = tuple(f"{folder}NWPU_Campus_gt.npz" for folder in ("groundtruth/", "", "labels/"))


class NWPUCampus(Benchmark):
    """NWPU Campus, 43 scenes; the name of a video is `scene_number`.

    Args:
        root: the data set's folder, or one that contains it.

    Example:
        >>> NWPUCampus(Path("nwpu_campus")).expected()["test videos"]
        242
    """

    default_root: ClassVar[str] = "nwpu_campus"
    layout: ClassVar[str] = (
        "needed: videos/Train/D001_01.avi, videos/Test/D001_01.avi and groundtruth/NWPU_Campus_gt.npz (or "
        "training/frames/D001_01/, testing/frames/D001_01/ and NWPU_Campus_gt.npz); the data set is on "
        "campusvad.github.io"
    )
    inside = ("nwpu_campus", "NWPUCampusDataset", "NWPU_Campus", "NWPU_Campus/NWPUCampusDataset")
    train_folders = ("videos/Train", "training/videos", "training/frames")
    test_folders = ("videos/Test", "testing/videos", "testing/frames")
    signs = _LABELS
    fps = 25.0
    scene, example = r"([^_]+)_.", "D001_01"
    totals = published(
        train_videos=305, train_frames=1_082_014, test_videos=242, test_frames=384_059, abnormal_frames=65_266
    )

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        return [there.get(name) or self._absent(name) for name in sorted(self._arrays, key=natural_key)]

    def _labels(self, video: VideoRef) -> Labels:
        labels = self._arrays.get(video.name)
        where = f"{self._label_file}, array {video.name!r}"
        if labels is None:
            what = f"the file has labels of {len(self._arrays)} videos, not of this one"
            fix = "move the video out of the test videos, or download the labels again"
            raise DataError(what, where=where, fix=fix)
        length = labels.length() or 0
        check_length(length, video.frames, where=video.name, source=where)
        return Labels(labels.frames(length), source="nwpu_campus frame labels")

    @cached_property
    def _label_file(self) -> Path:
        return self._file(_LABELS, "labels")

    @cached_property
    def _arrays(self) -> Mapping[str, VideoLabels]:
        return read_label_file(self._label_file)
