"""A user's own video as a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from vadkit.api import (
    DataError,
    Dataset,
    Labels,
    Split,
    VideoLabels,
    VideoRef,
    frame_rate,
    read_label_file,
)
from vadkit_datasets.folder.finding import Found, videos_like, videos_under
from vadkit_datasets.folder.labels import MASKS, labels_of, matched, read_mask_folders
from vadkit_datasets.label_files import check_length
from vadkit_datasets.layout import found_if_any
from vadkit_datasets.lengths import Lengths

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training/frames", "training/videos", "training"),
    "test": ("test", "testing/frames", "testing/videos", "testing"),
}


class Folder(Dataset):
    """Your own video: files or folders of images in train/ and test/, with or without labels.

    A video is named by its path below train/ or test/, without the suffix of a file; where a
    pattern chose it, by its path below the data's folder. Train on normal video alone.

    Args:
        root: the folder that holds the videos; patterns and labels are relative to it.
        train: pattern or patterns of the normal videos to train on, such as "normal/*.mp4" or
            ["cam1/**/*.mkv", "cam2"]; a folder means everything in it. Default: train/ or training/.
        test: the same of the videos to score. Default: test/ or testing/.
        labels: file or folder with the labels of test videos. Default: labels.csv, labels.json, labels.npz
            or labels/, whichever is there; without any, masks/ tells; without masks, nothing is measured.
        unlabelled: what a test video is of which the labels say nothing: not measured, or normal.
        scene: "folder" makes the folder that a video lies in its scene, such as one for each camera.
        fps: frames per second, in place of what the files say; folders of images say nothing.

    Raises:
        DataError: `fps` is not above 0.
    """

    default_root: ClassVar[str] = ""
    layout: ClassVar[str] = (
        "--data-root is the folder that holds your videos: train/ with normal video and test/ with video to score, as "
        "files (mp4, avi, mkv, mov, ...) or folders of images; elsewhere, say where by the keys 'train' and 'test'; "
        "labels are optional (labels.csv)"
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
        fps: float | None = None,
    ) -> None:
        if fps is not None and fps <= 0:
            raise DataError(f"'fps' must be above 0, not {fps:g}", where="folder")
        self._named: dict[Split, str | tuple[str, ...] | None] = {"train": train, "test": test}
        self._root, self._given, self._fps = root, labels, fps
        self._normal, self._by_folder = unlabelled == "normal", scene == "folder"
        self._length = Lengths()

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split, by name, 2 before 10.

        Raises:
            DataError: there are none, or one cannot be read or named.
        """
        return self._test if split == "test" else self._train

    def labels(self, video: VideoRef) -> Labels | None:
        """What the labels say of a test video; None if they say nothing, and for a training video.

        Raises:
            DataError: labels that cannot be read, do not fit the video, or are of a video that is not there.
        """
        other = self._by_name.get(video.name)
        # Training videos may bear the same names.
        if other is None or other.source != video.source:
            return None
        entry, masks = self._entries.get(video.name), self._masks.get(video.name)
        if entry is None and not self._normal:
            return None
        if entry is None:
            return Labels(np.zeros(self._length(video), np.bool_), source="folder, taken as normal")
        return self._compared(video, entry, masks)

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All labelled test videos; where none is there itself, those of which the labels say the length.

        Raises:
            DataError: labels that cannot be read, or do not fit.
        """
        if found_if_any(self.videos, "test"):
            return super().ground_truth()
        path = self._labels_path
        known = {name: entry for name, entry in (read_label_file(path) if path else {}).items() if entry.length()}
        absent = [(self._placed(VideoRef(name, (), frames=e.length(), fps=self._fps)), e) for name, e in known.items()]
        return [(video, self._compared(video, entry, None)) for video, entry in absent]

    @cached_property
    def _train(self) -> Sequence[VideoRef]:
        return self._find("train")

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        return self._find("test")

    @cached_property
    def _by_name(self) -> Mapping[str, VideoRef]:
        return {video.name: video for video in self._test}

    @cached_property
    def _base(self) -> Path:
        if self._root is None or not self._root.is_dir():
            raise DataError("there is no such folder", where=str(self._root or "--data-root"), fix=self.layout)
        return Path(os.path.abspath(self._root))  # noqa: PTH100 - a link stays what the user calls it

    def _find(self, split: Split) -> Sequence[VideoRef]:
        named, folders = self._named[split], _FOLDERS[split]
        if named is not None:
            patterns = (named,) if isinstance(named, str) else named
            found = videos_like(self._base, patterns)
        else:
            place = next((self._base / name for name in folders if (self._base / name).is_dir()), None)
            if place is None:
                what = f"holds no folder {folders[0]}/ or {folders[-1]}/"
                fix = f"make it, or say where the videos lie: set '{split}' under 'data', such as {split}: 'cam1/*.mp4'"
                raise DataError(what, where=str(self._base), fix=fix)
            found = videos_under(place)
            if not found:
                fix = f"put video files or folders of images there, or set '{split}' under 'data'"
                raise DataError("holds no video file and no folder of images", where=str(place), fix=fix)
        return [self._placed(self._video(one)) for one in found]

    def _video(self, found: Found) -> VideoRef:
        if isinstance(found.source, tuple):
            return VideoRef(found.name, found.source, frames=len(found.source), fps=self._fps)
        return VideoRef(found.name, found.source, fps=self._fps or frame_rate(found.source))

    def _placed(self, video: VideoRef) -> VideoRef:
        scene = video.name.rpartition("/")[0] if self._by_folder else ""
        return replace(video, scene=scene)

    @cached_property
    def _labels_path(self) -> Path | None:
        """What frame labels are read from: the labels, else the masks, if there are any."""
        found = labels_of(self._base, self._given)
        return found or (self._base / MASKS if (self._base / MASKS).is_dir() else None)

    @cached_property
    def _entries(self) -> Mapping[str, VideoLabels]:
        path = self._labels_path
        sole = self._test[0].name if len(self._test) == 1 else ""
        return self._matched(read_label_file(path, sole), path) if path else {}

    @cached_property
    def _masks(self) -> Mapping[str, VideoLabels]:
        """Masks in addition to other labels."""
        path = self._base / MASKS
        return self._matched(read_mask_folders(path), path) if path.is_dir() else {}

    def _matched(self, entries: Mapping[str, VideoLabels], path: Path) -> Mapping[str, VideoLabels]:
        others = [video.name for video in found_if_any(self.videos, "train")]
        return matched(entries, [video.name for video in self._test], others, path)

    def _compared(self, video: VideoRef, entry: VideoLabels, masks: VideoLabels | None) -> Labels:
        """The labels, once they fit the video; a file is decoded only if nothing else says its length."""
        for said in (entry, masks):
            if said is not None and video.frames is not None and said.length() is not None:
                check_length(said.length() or 0, video.frames, where=f"video {video.name}", source=said.where)
        length = entry.length() or self._length(video)
        pixels = entry.pixels or (masks.pixels if masks else None)
        path = self._labels_path
        return Labels(entry.frames(length, video.fps), pixels, source=f"folder {path.name if path else ''}")
