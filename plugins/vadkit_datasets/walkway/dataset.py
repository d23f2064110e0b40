"""The walkway as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.api import DataError, Dataset, Labels, Split, VideoRef
from vadkit_datasets.walkway.synthetic_video import SyntheticVideo

_SMALLEST = 32  # pixels; a head is then one pixel wide
_FPS = 25.0


class Walkway(Dataset):
    """Synthetic walkway under a fixed camera, drawn in code; the same seed gives the same bytes on any machine.

    In training videos, people walk left in the far lane and right in the near lane. Test videos add a bicycle, a van, a
    runner, a thrown bag, a skateboard, a cart, and a person who walks the wrong way. Every eighth test video, starting
    with the sixth, is normal.

    Args:
        root: not used; there are no files.
        size: height and width in pixels, at least 32 each.
        train_videos: number of normal training videos.
        test_videos: number of test videos; eight show each kind of anomaly once.
        frames: frames in every video.
        seed: seed of everything that is drawn.

    Raises:
        DataError: settings are out of range; all of them are listed.

    Example:
        >>> dataset = Walkway(None, size=(32, 48), frames=5)
        >>> video = dataset.videos("test")[0]
        >>> video.name, video.source(0, 2).shape
        ('test_00', (2, 32, 48, 1))
    """

    needs_root: ClassVar[bool] = False
    layout: ClassVar[str] = "nothing: the videos are drawn in code"

    def __init__(
        self,
        root: Path | None,
        *,
        size: tuple[int, int] = (64, 96),
        train_videos: int = 8,
        test_videos: int = 8,
        frames: int = 120,
        seed: int = 0,
    ) -> None:
        del root
        least = {"train_videos": (train_videos, 1), "test_videos": (test_videos, 1), "frames": (frames, 1)}
        least |= {"seed": (seed, 0), "size": (min(size), _SMALLEST)}
        wrong = [
            f"{name} must be at least {low}, but it is {value}" for name, (value, low) in least.items() if value < low
        ]
        if wrong:
            raise DataError("; ".join(wrong), where="walkway", fix="change these keys under 'data'")
        self._size, self._frames, self._seed = size, frames, seed
        self._count: dict[str, int] = {"train": train_videos, "test": test_videos}

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The videos of a split; their sources are drawn, (n, H, W, 1) uint8.

        Raises:
            DataError: the split does not exist.
        """
        if split not in self._count:
            raise DataError(f"no split is named {split!r}", where="walkway", fix="choices: test, train")
        films = (
            SyntheticVideo(split, index, *self._size, self._frames, self._seed) for index in range(self._count[split])
        )
        return [
            VideoRef(f"{split}_{film.index:02d}", film, frames=film.frames, fps=_FPS, fingerprint=film.fingerprint)
            for film in films
        ]

    def labels(self, video: VideoRef) -> Labels | None:
        """Frames, masks and tracks of a test video; None for a training video, which is normal.

        Raises:
            DataError: the video does not belong to the walkway.
        """
        film = video.source
        if not isinstance(film, SyntheticVideo):
            raise DataError(f"the video {video.name!r} does not belong to the walkway", where="walkway")
        if film.split == "train":
            return None
        tracks = film.tracks()
        frames = np.zeros(film.frames, np.bool_)
        for track in tracks:
            frames[list(track.boxes)] = True
        return Labels(frames, masks=film.masks, tracks=tracks, source="walkway")
