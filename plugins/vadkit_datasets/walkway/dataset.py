"""The walkway as a data set: settings in, videos and labels out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.api import DataError, Dataset, Labels, Split, VideoRef
from vadkit_datasets.walkway.film import Film

_SMALLEST = 32  # pixels a side: a head is one pixel wide
_FPS = 25.0


class Walkway(Dataset):
    """A fixed camera over a walkway, drawn in code; the same seed draws the same bytes anywhere.

    Training videos hold people who walk left in the far lane and right in the near one. Test
    videos add a bicycle, a van, a runner, a thrown bag, a skateboard, a cart, and somebody
    against the stream; every eighth, from the sixth on, stays normal.

    Args:
        root: not used, there are no files.
        size: H and W in pixels, at least 32 each.
        train_videos: normal videos.
        test_videos: videos to be judged; eight show each kind of anomaly once.
        frames: F of every video.
        seed: of everything that is drawn.

    Raises:
        DataError: a setting that nothing can be drawn with; all such settings are named.
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
        wrong = [f"{name} must be at least {low}, not {value}" for name, (value, low) in least.items() if value < low]
        if wrong:
            raise DataError("; ".join(wrong), where="walkway", fix="change these keys under 'data'")
        self._size, self._frames, self._seed = size, frames, seed
        self._count: dict[str, int] = {"train": train_videos, "test": test_videos}

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The videos of a split; their sources are drawn, (n, H, W, 1) uint8.

        Raises:
            DataError: there is no such split.
        """
        if split not in self._count:
            raise DataError(f"there is no split {split!r}", where="walkway", fix="choices: test, train")
        films = (Film(split, index, *self._size, self._frames, self._seed) for index in range(self._count[split]))
        return [
            VideoRef(f"{split}_{film.index:02d}", film, frames=film.frames, fps=_FPS, fingerprint=film.fingerprint)
            for film in films
        ]

    def labels(self, video: VideoRef) -> Labels | None:
        """Frames, masks and tracks of a test video; None for a training video, which is normal.

        Raises:
            DataError: the video is not one of the walkway's.
        """
        film = video.source
        if not isinstance(film, Film):
            raise DataError(f"the video {video.name!r} is not the walkway's", where="walkway")
        if film.split == "train":
            return None
        tracks = film.tracks()
        frames = np.zeros(film.frames, np.bool_)
        for track in tracks:
            frames[list(track.boxes)] = True
        return Labels(frames, masks=film.masks, tracks=tracks, source="walkway")
