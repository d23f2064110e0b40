"""The frames that a video source gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.core.values import ClipSpec
from vadkit.video.resize import resize, shrink, to_color


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One frame of a source."""

    frame: NDArray[np.uint8]  # (H, W, C) uint8, at the clip's size
    number: int  # of the frame in the file; of a live source, the number of frames that it sent before
    # Time since the start of the source: by the time stamps of a recording, by the clock for a live source.
    seconds: float
    picture: NDArray[np.uint8] | None = None  # (H, W, 1 or 3) uint8, for people; None if it is not needed
    # number and seconds of the frames of a recording that were left out after this one
    left_out: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class FrameMaker:
    """Turns decoded pictures into the frames of a source."""

    clip: ClipSpec
    picture_size: int = 0  # pixels of the longer side of `SourceFrame.picture`; 0 for no picture

    def __call__(self, decoded: NDArray[np.uint8], number: int, seconds: float) -> SourceFrame:
        """Make a frame of a decoded picture (H, W, 1 or 3)."""
        picture = shrink(decoded, self.picture_size) if self.picture_size else None
        return SourceFrame(resize(to_color(decoded, self.clip.color), self.clip), number, seconds, picture)


class Gap(Enum):
    """What is between two frames of a live source, so that no window may contain both."""

    HOLE = "the source continues: frames were lost, the scene changed, or the rate"
    LOSS = "the connection was lost: the next frame may arrive late"

    def __bool__(self) -> Literal[False]:
        """A gap is false, so that `if frame` selects the frames."""
        return False


SourceFrames = Iterator[SourceFrame | Gap]
"""The frames of a source."""
