"""Makes previews: small videos that show frame, decoder output and anomaly map side by side, within a size limit."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.progress import Progress
from vadkit.core.values import Preview
from vadkit.report.pictures import FRAME, HEAT, OUTPUT, HeatScale, Picture, fitted, heated, resized
from vadkit.video.cache import Frames
from vadkit.video.encode import VideoWriter

BUDGET = 7_000_000
"""Largest size of all previews of a run, bytes."""

_LEVELS = ((240, 29), (180, 30), (128, 31))
"""Height of a picture in pixels and quality of the video, best first. The first pair that fits is used."""

_WIDEST = 360  # pixels of a picture
_SAMPLE = 24  # frames per video in the sample that measures the size
_SAMPLED = 3  # videos in this sample, about
_MARGIN = 1.1  # factor for frames that need more bytes than those of the sample
_DEFAULT_FPS = 10.0
_MAPS = 400  # anomaly maps that the scale of the colours is found from


@dataclass(frozen=True, slots=True)
class PreviewSource:
    """The available pictures of a video.

    Attributes:
        name: name of the video.
        numbers: the frame numbers of the pictures in the video, (K,).
        frames: gives the frames of the video, indexable by number, each (H, W, C) uint8.
        maps: anomaly maps, (K, h, w). None if there are none.
        outputs: gives the K frames of the decoder in order. None without a decoder.
        fps: frames per second of the video. None if unknown.
    """

    name: str
    numbers: NDArray[np.int64]
    frames: Callable[[], Frames]
    maps: NDArray[np.float32] | None = None
    outputs: Callable[[], Iterator[NDArray[np.uint8]]] | None = None
    fps: float | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """What its pictures show."""
        rest = {OUTPUT: self.outputs, HEAT: self.maps}
        return FRAME, *(part for part, source in rest.items() if source is not None)

    def pictures(self, scale: HeatScale | None, tallest: int, every: int = 1) -> Iterator[Picture]:
        """Every `every`-th picture: its parts side by side, each at most `tallest` pixels high."""
        frames = self.frames()
        outputs = islice(self.outputs(), 0, None, every) if self.outputs is not None else None
        for index in range(0, self.numbers.size, every):
            frame = np.asarray(frames[int(self.numbers[index])])
            height, width = fitted(*frame.shape[:2], tallest, _WIDEST)
            made = [resized(frame, height, width)]
            if outputs is not None:
                made.append(resized(next(outputs, frame), height, width))
            if self.maps is not None:
                made.append(heated(made[0], self.maps[index], scale) if scale is not None else made[0])
            yield np.concatenate(made, axis=1)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How all previews are made."""

    tallest: int  # pixels of a picture
    quality: int  # of the video
    every: int  # pictures from one shown picture to the next


def make_previews(reels: Sequence[PreviewSource], progress: Progress, budget: int = BUDGET) -> Mapping[str, Preview]:
    """Make previews of videos: name -> preview. Their size, quality and number of frames depend on the budget.

    A video that would still exceed the budget has no preview.

    Args:
        reels: the videos.
        progress: receives the progress.
        budget: bytes of all previews together.

    Raises:
        DataError: the parts of a preview are damaged.
    """
    reels = [reel for reel in reels if reel.numbers.size]
    if not reels:
        return {}
    scale = HeatScale.of(_some_maps(reels))
    plan, made, used, done = _plan(reels, scale, budget), dict[str, Preview](), 0, 0
    progress.begin("previews", sum(reel.numbers.size for reel in reels), unit="frames")
    with tempfile.TemporaryDirectory() as folder:
        for reel in reels:
            distance = plan.every * (float(np.diff(reel.numbers).mean()) if reel.numbers.size > 1 else 1.0)
            fps = max((reel.fps or _DEFAULT_FPS) / distance, 1.0)
            video = _encode(reel.pictures(scale, plan.tallest, plan.every), Path(folder), fps, plan.quality)
            if used + len(video) <= budget:
                heat = (scale.low, scale.high) if scale is not None and reel.maps is not None else None
                made[reel.name] = Preview(video, reel.numbers[:: plan.every], fps, reel.parts, heat)
                used += len(video)
            done += reel.numbers.size
            progress.advance(done, amount=reel.numbers.size)
    progress.end()
    return made


def _plan(reels: Sequence[PreviewSource], scale: HeatScale | None, budget: int) -> _Plan:
    total = sum(reel.numbers.size for reel in reels)
    size = math.inf
    with tempfile.TemporaryDirectory() as folder:
        for tallest, quality in _LEVELS:
            size = pictures = 0
            for reel in reels[:: -(-len(reels) // _SAMPLED)]:
                sample = list(islice(reel.pictures(scale, tallest), _SAMPLE))
                size += len(_encode(sample, Path(folder), _DEFAULT_FPS, quality))
                pictures += len(sample)
            size *= _MARGIN * total / pictures
            if size <= budget:
                return _Plan(tallest, quality, 1)
    return _Plan(*_LEVELS[-1], math.ceil(size / budget))


def _encode(pictures: Iterable[Picture], folder: Path, fps: float, quality: int) -> bytes:
    path = folder / "preview.mp4"
    with VideoWriter(path, fps=fps, quality=quality) as video:
        for picture in pictures:
            video.write(picture)
    return path.read_bytes()


def _some_maps(reels: Sequence[PreviewSource]) -> list[NDArray[np.float32]]:
    """A few hundred maps, at equal distances over all videos."""
    having = [reel.maps for reel in reels if reel.maps is not None]
    step = max(1, sum(map(len, having)) // _MAPS)
    return [one for maps in having for one in maps[::step]]
