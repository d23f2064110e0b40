"""Writes small videos for tests: frames that encode their number, and moving noise."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def steps(frames: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """(F, H, W, 3): frame n has brightness 12 n + 8, which encodes its number; one corner is red."""
    clip = np.empty((frames, height, width, 3), np.uint8)
    clip[:] = (12 * np.arange(frames) + 8)[:, None, None, None]
    clip[:, : height // 4, : width // 4] = (200, 0, 0)
    return clip


def numbers(frames: NDArray[np.uint8]) -> list[int]:
    """The frame numbers that `steps` encoded in the lower half."""
    return [round((float(frame[frame.shape[0] // 2 :].mean()) - 8) / 12) for frame in frames]


VARYING = [*(round(n * 1000 / 30) for n in range(300)), *range(10_000, 20_000, 100)]
"""Times in milliseconds: 300 frames at 30 frames per second, then 100 at 10."""


def noise(frames: int) -> NDArray[np.uint8]:
    base = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return np.stack([np.roll(base, n, axis=1) for n in range(frames)])


def write(
    path: Path,
    frames: NDArray[np.uint8],
    codec: str,
    pixels: str = "yuv420p",
    *,
    times: list[int] | None = None,
    turn: tuple[int, bool] | None = None,
    movflags: str = "",
    **options: str,
) -> Path:
    """Write a video file; `times` in milliseconds give it a variable frame rate."""
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        if codec in ("mpeg4", "mpeg2video"):
            stream.bit_rate = 8_000_000
        if pixels == "gray":
            stream.codec_context.color_range = 2  # full, as FFmpeg converts and flags it
        if turn is not None:
            stream.set_display_rotation(turn[0], hflip=turn[1])
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if times is not None:
                picture.pts, picture.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path
