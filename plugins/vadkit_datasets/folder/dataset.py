"""Your own videos as a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.api import (
    DataError,
    Labels,
    Split,
    VideoLabels,
    VideoRef,
    frame_rate,
    frame_times,
    join_names,
    read_label_file,
)
from vadkit_datasets.folder.finding import Source, videos_like, videos_under
from vadkit_datasets.folder.labels import MASKS, labels_of, matched, read_mask_folders
from vadkit_datasets.layout import OnDisk, check_length

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training/frames", "training/videos", "training"),
    "test": ("test", "testing/frames", "testing/videos", "testing"),
}


class Folder(OnDisk):
    """Your own videos: files or folders of images in train/ and test/, with or without labels.

    The name of a video is its path in train/ or test/, without the suffix of a file. For a video
    found by a pattern it is the path in `root`. Train on normal videos only.

    Args:
        root: the folder that holds the videos; patterns and labels are relative to it.
        train: pattern or patterns of the normal videos to train on, such as "normal/*.mp4" or
            ["cam1/**/*.mkv", "cam2"]; a folder means everything in it. Default: train/ or training/.
        test: the same of the videos to score. Default: test/ or testing/.
        labels: file or folder with the labels of test videos. Default: labels.csv, labels.json, labels.npz
            or labels/, else masks/. Without any of these, nothing is measured.
        unlabelled: how a test video without labels counts: not measured, or normal.
        scene: "folder" uses the folder of a video as its scene, for example one folder per camera.
        source_fps: frames per second of the videos, in place of the rate in the files. For folders of images, which
            have no rate, and for files that state a wrong one.

    Raises:
        DataError: `source_fps` is not above 0.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Path(root, "test/cam1").mkdir(parents=True)
        ...     Path(root, "test/cam1/001.jpg").touch()
        ...     [video.name for video in Folder(Path(root), source_fps=25).videos("test")]
        ['cam1']
    """

    layout: ClassVar[str] = (
        "--data-root is the folder that holds your videos: train/ with normal video and test/ with video to score, as "
        "files (mp4, avi, mkv, mov, ...) or folders of images. For other folders set the keys 'train' and 'test'. "
        "Labels are optional (labels.csv)"
    )

    def __init__(
        self,
        root: Path | None,
        *,
        train: str | tuple[str, ...] | None = None,
        test: str | tuple[str, ...] | None = None,
        labels: Path | None = None,
        unlabelled: Literal["unmeasured", "normal"] = "unmeasured",
        scene: Literal["none", "folder"] = "none",
        source_fps: float | None = None,
    ) -> None:
        if source_fps is not None and source_fps <= 0:
            raise DataError(f"'source_fps' must be above 0, but it is {source_fps:g}", where="folder")
        super().__init__(root)
        self._named: dict[Split, str | tuple[str, ...] | None] = {"train": train, "test": test}
        self._given, self._fps = labels, source_fps
        self._ignored: dict[Split, list[Path]] = {}
        self._normal, self._by_folder = unlabelled == "normal", scene == "folder"

    def labels(self, video: VideoRef) -> Labels | None:
        """Labels of a test video; None for an unlabelled or training video.

        Raises:
            DataError: the labels cannot be read, do not fit the video, or name an unknown video.
        """
        if not self._is_test_video(video):
            return None
        entry, masks = self._entries.get(video.name), self._masks.get(video.name)
        if entry is not None:
            return self._compared(video, entry, masks)
        if self._normal:
            return Labels(np.zeros(self._length(video), np.bool_), source="folder, taken as normal")
        return None

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All labelled test videos. Without video files: the videos with a length in the labels.

        Raises:
            DataError: the labels cannot be read, or do not fit.
        """
        if self._videos_if_any("test"):
            return super().ground_truth()
        path = self._labels_path
        entries = read_label_file(path).items() if path else ()
        absent = [(replace(self._video(name, ()), frames=entry.length()), entry) for name, entry in entries]
        return [(video, self._compared(video, entry, None)) for video, entry in absent if video.frames]

    @cached_property
    def _base(self) -> Path:
        if self._root is None or not self._root.is_dir():
            raise DataError("the folder does not exist", where=str(self._root or "--data-root"), fix=self.layout)
        return Path(os.path.abspath(self._root))  # noqa: PTH100 - a link stays what the user calls it

    def ignored(self, split: Split) -> Sequence[Path]:
        """Files in the folders of a split, or that match its patterns, that are neither a video nor an image."""
        used = {video.source for video in self.videos(split)}
        return [path for path in dict.fromkeys(self._ignored[split]) if path not in used]

    def _find(self, split: Split) -> Sequence[VideoRef]:
        named, folders = self._named[split], _FOLDERS[split]
        ignored = self._ignored[split] = list[Path]()
        if named is not None:
            found = videos_like(self._base, (named,) if isinstance(named, str) else named, ignored)
        else:
            folder = next((self._base / name for name in folders if (self._base / name).is_dir()), None)
            if folder is None:
                what = f"no folder {folders[0]}/ or {folders[-1]}/"
                fix = f"create it, or set '{split}' under 'data', for example {split}: 'cam1/*.mp4'"
                raise DataError(what, where=str(self._base), fix=fix)
            found = videos_under(folder, ignored)
            if not found:
                fix = f"put video files or folders of images there, or set '{split}' under 'data'"
                others = f", but {join_names([path.name for path in ignored])}" if ignored else ""
                raise DataError(f"no video file and no folder of images{others}", where=str(folder), fix=fix)
        return [self._video(name, source) for name, source in found.items()]

    def _video(self, name: str, source: Source) -> VideoRef:
        scene = name.rpartition("/")[0] if self._by_folder else ""
        if isinstance(source, tuple):
            return VideoRef(name, source, frames=len(source), scene=scene, fps=self._fps)
        fps = self._fps or frame_rate(source)
        return VideoRef(name, source, scene=scene, fps=fps, time_stamps=self._fps is None)

    def _times(self, video: VideoRef, entry: VideoLabels, length: int) -> NDArray[np.float64] | None:
        """Seconds of each frame of a file, for labels in seconds; None if they are not needed or not known."""
        if not isinstance(video.source, Path) or not video.time_stamps or not entry.needs_times:
            return None
        times = frame_times(video.source)
        return times if times.size == length else None  # of a damaged file, some frames cannot be decoded

    @cached_property
    def _labels_path(self) -> Path | None:
        """The file or folder of the frame labels: the labels, else the masks; None without either."""
        found = labels_of(self._base, self._given)
        return found or (self._base / MASKS if (self._base / MASKS).is_dir() else None)

    @cached_property
    def _entries(self) -> Mapping[str, VideoLabels]:
        path, names = self._labels_path, list(self._test_sources)
        sole = names[0] if len(names) == 1 else ""
        return self._matched(read_label_file(path, sole), path) if path else {}

    @cached_property
    def _masks(self) -> Mapping[str, VideoLabels]:
        """Masks in addition to other labels."""
        path = self._base / MASKS
        return self._matched(read_mask_folders(path), path) if path.is_dir() else {}

    def _matched(self, entries: Mapping[str, VideoLabels], path: Path) -> Mapping[str, VideoLabels]:
        others = [video.name for video in self._videos_if_any("train")]
        return matched(entries, self._test_sources, others, path)

    def _compared(self, video: VideoRef, entry: VideoLabels, masks: VideoLabels | None) -> Labels:
        """The labels, checked against the video. A video is decoded only if its length is not known otherwise."""
        for said in (entry, masks):
            if said is not None and video.frames is not None and said.length() is not None:
                check_length(said.length() or 0, video.frames, where=f"video {video.name}", source=said.where)
        length = entry.length() or self._length(video)
        pixels = entry.pixels or (masks.pixels if masks else None)
        path = self._labels_path
        return Labels(
            entry.frames(length, video.fps, self._times(video, entry, length)),
            pixels,
            source=f"folder {path.name if path else ''}",
        )
