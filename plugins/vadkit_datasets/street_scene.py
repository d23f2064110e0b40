"""Street Scene (Ramachandra and Jones, WACV 2020)."""

from __future__ import annotations

from math import ceil, floor, isfinite
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.api import DataError, Labels, Track, VideoRef
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import number
from vadkit_datasets.tracks import Box, numbers, rows_of

_SIZE = (720, 1280)  # H, W of the published frames; the boxes are in their pixels
_FORM = "write 'frame.jpg track x y width height', with frames from 1, and x and y at the centre of the box"


class StreetScene(Benchmark):
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
    inside = ("street_scene", "StreetScene")
    train_folders = ("Train", *Benchmark.train_folders)
    test_folders = ("Test", *Benchmark.test_folders)
    fps = 15.0
    totals = published(train_videos=46, train_frames=56_847, test_videos=35, test_frames=146_410)

    def _labels(self, video: VideoRef) -> Labels:
        names = [f"{folder}{video.name}_gt.txt" for folder in (f"Test/{video.name}/", "Test/", "gt/")]
        if isinstance(video.source, tuple):
            names.insert(0, f"{video.source[0].parent.relative_to(self._base).as_posix()}/{video.name}_gt.txt")
        tracks = read_tracks(self._file(list(dict.fromkeys(names)), "tracks"), self._length(video))
        frames = np.zeros(self._length(video), np.bool_)
        for track in tracks:
            frames[list(track.boxes)] = True
        return Labels(frames, tracks=tracks, source="street_scene tracks", size=_SIZE)


def read_tracks(path: Path, frames: int) -> tuple[Track, ...]:
    """The tracks of a `Test001_gt.txt`; boxes are clipped to the frame.

    Raises:
        DataError: the file is unreadable, has another format, or a frame that the video does not have.
    """
    boxes: dict[str, dict[int, Box]] = {}
    for where, line in rows_of(path):
        words = line.split()
        values = numbers(words[1:])
        if len(values) != 5 or not all(map(isfinite, values)) or values[0] != int(values[0]):
            raise DataError(f"not a row of a track: {line!r}", where=where, fix=_FORM)
        frame = number(words[0]) - 1
        if not 0 <= frame < frames:
            what = f"frame {frame + 1} is labelled, but the video has {frames} frames"
            raise DataError(what, where=where, fix="extract all frames, or use the labels of this video")
        track, x, y, width, height = values
        x0, x1 = max(floor(x - width / 2), 0), min(ceil(x + width / 2), _SIZE[1])
        y0, y1 = max(floor(y - height / 2), 0), min(ceil(y + height / 2), _SIZE[0])
        if x0 >= x1 or y0 >= y1:
            what = f"not a box in a frame of {_SIZE[1]}x{_SIZE[0]}: {line!r}"
            raise DataError(what, where=where, fix=_FORM)
        boxes.setdefault(str(int(track)), {})[frame] = (x0, y0, x1, y1)
    return tuple(Track(identity, found) for identity, found in boxes.items())
