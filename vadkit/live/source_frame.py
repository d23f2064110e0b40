"""The frames that a video source gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One frame of a source."""

    frame: NDArray[np.uint8]  # (H, W, C) uint8, at the clip's size
    number: int  # of the frame in the file; of a live source, the number of frames that it sent before
    # Time since the start of the source: by the time stamps of a recording, by the clock for a live source.
    seconds: float


SourceFrames = Iterator[SourceFrame | None]
"""The frames of a source. None marks a gap: frames were lost, or the scene changed; the next frame may take long."""
