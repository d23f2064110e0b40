"""Street Scene (Ramachandra and Jones, WACV 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import ceil, floor
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.api import DataError, Dataset, Labels, Split, Track, VideoRef, read_text
from vadkit_datasets import layout
from vadkit_datasets.lengths import Lengths

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("Train", "training/frames", "training/videos"),
    "test": ("Test", "testing/frames", "testing/videos"),
}
_FPS = 15.0
_SIZE = (720, 1280)  # H, W of the published frames, in whose pixels the boxes are
_FORM = "write 'frame.jpg track x y width height', with frames from 1, and x and y at the centre of the box"


class StreetScene(Dataset):
    """Street Scene: one camera over a two-lane street, labelled with tracks of anomalous objects.

    Args:
        root: the data set's folder, or one that contains it.

    Example:
        >>> StreetScene(Path("street_scene")).expected()["test videos"]
        35
    """

    default_root: ClassVar[str] = "street_scene"
    layout: ClassVar[str] = (
        "needed: Train/Train001/00001.jpg, Test/Test001/00001.jpg and Test/Test001/Test001_gt.txt (or "
        "training/frames/Train001/, testing/frames/Test001/); the data set is on MERL's page on video anomaly "
        "detection (merl.com/demos/video-anomaly-detection)"
    )

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._length = Lengths()

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The videos that exist, by number."""
        return self._test if split == "test" else self._find("train")

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video; None for a training video.

        Raises:
            DataError: the tracks are missing or do not fit the video.
        """
        if not layout.is_among(video, self._test):
            return None
        names = [f"{folder}{video.name}_gt.txt" for folder in (f"Test/{video.name}/", "Test/", "gt/")]
        if isinstance(video.source, tuple):
            names.insert(0, f"{video.source[0].parent.relative_to(self._base).as_posix()}/{video.name}_gt.txt")
        file = layout.first_file(self._base, list(dict.fromkeys(names)), what="tracks", layout=self.layout)
        tracks = read_tracks(file, self._length(video))
        frames = np.zeros(self._length(video), np.bool_)
        for track in tracks:
            frames[list(track.boxes)] = True
        return Labels(frames, tracks=tracks, source="street_scene tracks", size=_SIZE)

    def expected(self) -> Mapping[str, int]:
        """Totals as published by the authors."""
        return {"train videos": 46, "train frames": 56_847, "test videos": 35, "test frames": 146_410}

    @cached_property
    def _base(self) -> Path:
        signs = [name for names in _FOLDERS.values() for name in names]
        return layout.locate(self._root, ("street_scene", "StreetScene"), signs, layout=self.layout)

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        return self._find("test")

    def _find(self, split: Split) -> Sequence[VideoRef]:
        return layout.find_videos(self._base, _FOLDERS[split], fps=_FPS, layout=self.layout)


def read_tracks(path: Path, frames: int) -> tuple[Track, ...]:
    """The tracks of a `Test001_gt.txt`; boxes are clipped to the frame.

    Raises:
        DataError: the file is unreadable, has another format, or a frame that the video does not have.
    """
    boxes: dict[str, dict[int, tuple[int, int, int, int]]] = {}
    for line_number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {line_number}"
        values = _numbers(words[1:])
        if len(values) != 5 or not all(map(np.isfinite, values)) or values[0] != int(values[0]):
            raise DataError(f"not a row of a track: {line.strip()!r}", where=where, fix=_FORM)
        frame = layout.number(Path(words[0])) - 1
        if not 0 <= frame < frames:
            what = f"frame {frame + 1} is labelled, but the video has {frames} frames"
            raise DataError(what, where=where, fix="extract all frames, or use the labels of this video")
        track, x, y, width, height = values
        x0, x1 = max(floor(x - width / 2), 0), min(ceil(x + width / 2), _SIZE[1])
        y0, y1 = max(floor(y - height / 2), 0), min(ceil(y + height / 2), _SIZE[0])
        if x0 >= x1 or y0 >= y1:
            what = f"not a box in a frame of {_SIZE[1]}x{_SIZE[0]}: {line.strip()!r}"
            raise DataError(what, where=where, fix=_FORM)
        boxes.setdefault(str(int(track)), {})[frame] = (x0, y0, x1, y1)
    return tuple(Track(identity, found) for identity, found in boxes.items())


def _numbers(words: Sequence[str]) -> list[float]:
    """The words as numbers; empty if one of them is not a number."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return []
