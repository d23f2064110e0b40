"""Strips: small videos with frame, decoder's output and anomaly map side by side, within a budget of bytes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.report.page import Strip
from vadkit.report.pictures import HeatScale, Picture, fitted, heated, resized, side_by_side
from vadkit.video.encode import VideoWriter

FRAME, OUTPUT, HEAT = "frame", "decoder output", "anomaly map"
"""What the pictures of a strip show."""

ReadFrames = Callable[[Sequence[int]], Sequence[NDArray[np.uint8]]]
"""Frame numbers -> frames, each (H, W, C) uint8."""

_LEVELS = ((240, 29), (180, 30), (128, 31))
"""Height of a picture in pixels, and quality of the video, from the best. The first one that fits is taken."""

_WIDEST = 360  # pixels of a picture
_SAMPLE = 24  # frames of a video whose size is measured
_SAMPLED = 3  # videos
_MARGIN = 1.1  # how much larger than the sample the strips may be
_CHUNK = 32  # frames that are read at a time
_DEFAULT_FPS = 10.0


@dataclass(frozen=True, slots=True)
class Reel:
    """The pictures that there are of a video.

    Attributes:
        name: name of the video.
        numbers: their frame numbers in the video, (K,).
        frames: reads the frames. None if the videos are not there.
        maps: anomaly maps, (K, h, w). None if there are none.
        outputs: gives the K frames of the decoder in order. None without a decoder.
        fps: frames per second of the video. None if unknown.
    """

    name: str
    numbers: NDArray[np.int64]
    frames: ReadFrames | None
    maps: NDArray[np.float32] | None
    outputs: Callable[[], Iterator[NDArray[np.uint8]]] | None
    fps: float | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """What its pictures show."""
        known = {FRAME: self.frames, OUTPUT: self.outputs, HEAT: self.maps}
        return tuple(part for part, source in known.items() if source is not None)

    def pictures(self, scale: HeatScale | None, tallest: int, every: int = 1) -> Iterator[Picture]:
        """Every `every`-th picture: its parts side by side, each at most `tallest` pixels high."""
        outputs = islice(self.outputs(), 0, None, every) if self.outputs is not None else None
        size: tuple[int, int] | None = None
        indices = np.arange(0, self.numbers.size, every)
        for chunk in (indices[start : start + _CHUNK] for start in range(0, indices.size, _CHUNK)):
            frames = self.frames(self.numbers[chunk].tolist()) if self.frames is not None else None
            for place, index in enumerate(chunk):
                shown: dict[str, NDArray[np.uint8]] = {}
                if frames is not None:
                    shown[FRAME] = frames[place]
                if outputs is not None and (output := next(outputs, None)) is not None:
                    shown[OUTPUT] = output
                anomaly_map = self.maps[index] if self.maps is not None else None
                size = size or fitted(*_size(shown, anomaly_map), tallest, _WIDEST)
                yield compose(shown, self.parts, anomaly_map, scale, size)


def compose(
    shown: Mapping[str, NDArray[np.uint8]],
    parts: Iterable[str],
    anomaly_map: NDArray[np.floating] | None,
    scale: HeatScale | None,
    size: tuple[int, int],
) -> Picture:
    """The parts of one picture side by side, each of `size` (height, width). A missing part is black."""
    height, width = size
    black = np.zeros((height, width, 3), np.uint8)
    made = {part: resized(picture, height, width) for part, picture in shown.items()}
    if anomaly_map is not None and scale is not None:
        made[HEAT] = heated(made.get(FRAME, made.get(OUTPUT, black)), anomaly_map, scale)
    return side_by_side([made.get(part, black) for part in parts])


def _size(shown: Mapping[str, NDArray[np.uint8]], anomaly_map: NDArray[np.floating] | None) -> tuple[int, int]:
    for picture in shown.values():
        return picture.shape[0], picture.shape[1]
    assert anomaly_map is not None
    factor = max(1, _LEVELS[-1][0] // max(anomaly_map.shape[0], 1))
    return factor * anomaly_map.shape[0], factor * anomaly_map.shape[1]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the strips of all videos are made: height of a picture, quality, and distance between shown pictures."""

    tallest: int
    quality: int
    every: int


def make_strips(reels: Sequence[Reel], scale: HeatScale | None, budget: int) -> dict[str, Strip]:
    """Strips of videos, as many as fit the budget.

    The first videos of the sequence come first. Size, quality and the number of frames are those that fit a sample.

    Args:
        reels: the videos, the most important ones first.
        scale: colours of anomaly maps.
        budget: bytes of all strips together.

    Returns:
        Name of the video -> its strip.

    Raises:
        DataError: frames cannot be read.
    """
    reels = [reel for reel in reels if reel.parts and reel.numbers.size]
    if not reels or budget <= 0:
        return {}
    plan, strips, used = _plan(reels, scale, budget), dict[str, Strip](), 0
    with tempfile.TemporaryDirectory() as folder:
        for reel in reels:
            fps = max((reel.fps or _DEFAULT_FPS) / max(_distance(reel.numbers) * plan.every, 1), 1.0)
            video = _encode(reel.pictures(scale, plan.tallest, plan.every), Path(folder), fps, plan.quality)
            if used + len(video) > budget:
                break
            strips[reel.name] = Strip(video, reel.numbers[:: plan.every], fps, reel.parts)
            used += len(video)
    return strips


def _plan(reels: Sequence[Reel], scale: HeatScale | None, budget: int) -> Plan:
    total = sum(reel.numbers.size for reel in reels)
    size = math.inf
    with tempfile.TemporaryDirectory() as folder:
        for tallest, quality in _LEVELS:
            made = sampled = 0
            for reel in reels[:_SAMPLED]:
                pictures = list(islice(reel.pictures(scale, tallest), _SAMPLE))
                made += len(_encode(pictures, Path(folder), _DEFAULT_FPS, quality))
                sampled += len(pictures)
            size = _MARGIN * made / sampled * total
            if size <= budget:
                return Plan(tallest, quality, 1)
    tallest, quality = _LEVELS[-1]
    return Plan(tallest, quality, math.ceil(size / budget))


def _encode(pictures: Iterable[Picture], folder: Path, fps: float, quality: int) -> bytes:
    path = folder / "strip.mp4"
    with VideoWriter(path, fps=fps, quality=quality) as video:
        for picture in pictures:
            video.write(picture)
    return path.read_bytes()


def _distance(numbers: NDArray[np.int64]) -> int:
    return int(numbers[1] - numbers[0]) if numbers.size > 1 else 1
