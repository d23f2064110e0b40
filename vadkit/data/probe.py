"""One video, looked at: its frames, sizes, colours, and what is wrong with its files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.data.report import Finding
from vadkit.errors import DataError, listed
from vadkit.values import Split, VideoRef
from vadkit.video.decode import decode

_GRAY = frozenset({"1", "L", "LA", "I;16", "I"})
_MOST = 20  # damaged frames named for one video
_COLORS_EVERY = 50  # frames
_GRAY_LIMIT = 8  # of 255, between a pixel's channels: rounding of a gray video's colour planes
FLAT = 0
"""Print of a frame of one colour, which tells nothing about where it is from."""


@dataclass(slots=True)
class Facts:
    """What one video turned out to be.

    Attributes:
        video: the video.
        split: where it belongs.
        frames: F as decoded, or as the headers say; None if neither tells.
        sizes: (width, height) -> frames of that size.
        fps: frames per second by the file's header, else by the data set.
        stored: "gray" or "rgb", how the files hold it.
        colorful: whether any of the frames looked at has colour.
        prints: one number a frame, equal for equal frames; empty if nothing was decoded.
        findings: what is wrong with it.
    """

    video: VideoRef
    split: Split
    frames: int | None = None
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    fps: float | None = None
    stored: Counter[str] = field(default_factory=Counter[str])
    colorful: bool = False
    prints: list[int] = field(default_factory=list[int])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def where(self) -> str:
        """The file or folder, or the name where the video is drawn."""
        return place(self.video)

    def report(self, where: str, what: str, fix: str) -> None:
        """Note an error of this video's files."""
        self.findings.append(Finding("error", "files", where, what, fix))


def place(video: VideoRef) -> str:
    """Where a video lies, for messages."""
    if isinstance(video.source, Path):
        return str(video.source)
    return str(video.source[0].parent) if isinstance(video.source, tuple) and video.source else f"video {video.name}"


def probe(video: VideoRef, split: Split, *, decoded: bool) -> Facts:
    """Look at a video; whatever is wrong with it becomes a finding."""
    facts = Facts(video, split, video.frames, fps=video.fps)
    readable = video
    if isinstance(video.source, Path):
        if not _file(video.source, facts):
            facts.frames = 0
            return facts
    elif isinstance(video.source, tuple):
        readable = _images(video.source, facts)
    if decoded:
        facts.sizes.clear()
        _decode(readable, facts)
    elif not isinstance(video.source, (Path, tuple)) and video.frames:
        height, width = video.source(0, 1).shape[1:3]
        facts.sizes[width, height] = video.frames
    return facts


def _file(path: Path, facts: Facts) -> bool:
    """Read the header; False if there is nothing to decode."""
    try:
        if path.stat().st_size == 0:
            facts.report(str(path), "the file is empty (0 bytes)", "fetch it again")
            return False
        with av.open(str(path)) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                facts.report(str(path), "holds no video stream", "fetch the file again or remove it")
                return False
            facts.frames = facts.frames or stream.frames or None
            facts.fps = round(float(stream.average_rate), 3) if stream.average_rate else facts.fps
            facts.stored["gray" if (stream.pix_fmt or "").startswith("gray") else "rgb"] += 1
            if stream.width and stream.height:
                facts.sizes[stream.width, stream.height] += facts.frames or 1
    except (av.error.FFmpegError, OSError) as error:
        what = f"cannot be opened as a video: {getattr(error, 'strerror', None) or error}"
        facts.report(str(path), what, "the file is damaged or is no video: fetch it again or remove it")
        return False
    return True


def _images(paths: tuple[Path, ...], facts: Facts) -> VideoRef:
    """Read the headers; the same video without the frames that are reported here."""
    empty: list[str] = []
    good: list[Path] = []
    for path in paths:
        try:
            if path.stat().st_size == 0:
                empty.append(path.name)
                continue
            with Image.open(path) as image:
                facts.sizes[image.size] += 1
                facts.stored["gray" if image.mode in _GRAY else "rgb"] += 1
            good.append(path)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            _damaged(facts, path, paths.index(path), getattr(error, "strerror", None) or "it is no image, or broken")
    if empty:
        what = f"{len(empty)} of {len(paths)} frames are empty files (0 bytes): {listed(empty)}"
        facts.report(str(paths[0].parent), what, "extract or fetch these frames again")
    if not paths:
        facts.report(facts.where, "holds no images", "extract the frames again or remove the folder")
    if len(facts.sizes) > 1:
        sizes = ", ".join(f"{width}x{height} ({n})" for (width, height), n in facts.sizes.most_common())
        fix = "every frame of a video must have the same size: extract them again"
        facts.report(str(paths[0].parent), f"frames of different sizes: {sizes}", fix)
    return replace(facts.video, source=tuple(good), frames=None)


def _damaged(facts: Facts, path: Path, index: int, why: str) -> None:
    if len(facts.findings) < _MOST:
        facts.report(str(path), f"frame {index} cannot be decoded: {why}", "extract or fetch this frame again")


def _decode(video: VideoRef, facts: Facts) -> None:
    """Decode every frame; in folders, also those behind a damaged one."""
    facts.frames = 0
    if not isinstance(video.source, tuple):
        try:
            for frame in decode(video, color="rgb"):
                _see(frame, facts)
        except DataError as error:
            facts.findings.append(Finding.of(error, "files", facts.where))
        return
    for path in video.source:
        try:
            for frame in decode(replace(video, source=(path,)), color="rgb"):
                _see(frame, facts)
        except DataError as error:
            original = facts.video.source
            index = original.index(path) if isinstance(original, tuple) else 0
            _damaged(facts, path, index, str(error.__cause__ or error.what))


def _see(frame: NDArray[np.uint8], facts: Facts) -> None:
    """Count a frame and remember what tells it from others."""
    assert facts.frames is not None
    facts.sizes[frame.shape[1], frame.shape[0]] += 1
    if not facts.colorful and facts.frames % _COLORS_EVERY == 0:
        small = frame[::4, ::4].astype(np.int16)
        facts.colorful = bool((np.ptp(small, axis=2) > _GRAY_LIMIT).any())
    facts.frames += 1
    # A sixteenth of the pixels tells two frames of a camera apart: sensors are noisy.
    pixels = np.ascontiguousarray(frame[::4, ::4])
    flat = pixels.min() == pixels.max()
    facts.prints.append(FLAT if flat else int.from_bytes(blake2b(pixels.data, digest_size=8).digest(), "big"))
