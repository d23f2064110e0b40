"""Reads one video and reports its frames, sizes, colours and problems."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.errors import DataError, join_names
from vadkit.core.folders import IMAGE_FORMATS
from vadkit.core.values import OnCorrupt, Split, VideoRef
from vadkit.data.tools.report import Finding, Severity
from vadkit.video.damage import Damages, unreadable
from vadkit.video.decode import decode, decode_timed
from vadkit.video.media import open_media
from vadkit.video.times import mean_rate, rate_varies
from vadkit.video.truncation import missing_bytes

_GRAY = frozenset({"1", "L", "LA", "I;16", "I"})
_MOST = 20  # largest number of findings about damaged frames of one video
_COLORS_EVERY = 50  # frames
_GRAY_LIMIT = 8  # of 255, difference of a pixel's channels; rounding makes gray videos slightly coloured
_USED = "fetch it again; until then a run warns and uses its readable frames (data.on_corrupt: error refuses it)"
_REFUSED = "fetch it again, or set data.on_corrupt: warn to use its readable frames"
_REPLACED = "extract or fetch it again; until then a neighbouring frame replaces it (data.on_corrupt: error refuses it)"
_NOT_REPLACED = "extract or fetch it again, or set data.on_corrupt: warn to use a neighbouring frame instead"
FLAT = 0
"""Print of a frame of one colour; such frames are not compared, because they occur in unrelated videos."""


@dataclass(slots=True)
class VideoFacts:
    """Properties and problems of one video."""

    video: VideoRef
    split: Split
    frames: int | None = None  # F as decoded, or from the header; None if unknown
    # (width, height) -> number of frames
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    fps: float | None = None  # frames per second, from the file's header, else from the data set
    # colour of the files, "gray" or "rgb" -> number of files
    stored: Counter[str] = field(default_factory=Counter[str])
    colorful: bool = False  # whether any of the sampled frames has colour
    prints: list[int] = field(default_factory=list[int])  # a hash of each frame; empty if nothing was decoded
    findings: list[Finding] = field(default_factory=list[Finding])
    refused: bool = False  # whether a run refuses a partly readable video

    @property
    def where(self) -> str:
        """The file or folder, or the name of a video drawn in code."""
        return self.video.where

    def report(self, where: str, what: str, fix: str) -> None:
        """Add an error about this video's files."""
        self.findings.append(Finding("error", "files", where, what, fix))

    def damage(self, where: str, what: str, *, image: bool = False) -> None:
        """Add damage, which a run refuses (an error) or tolerates (a warning)."""
        severity: Severity = "error" if self.refused else "warning"
        refused, used = (_NOT_REPLACED, _REPLACED) if image else (_REFUSED, _USED)
        self.findings.append(Finding(severity, "files", where, what, refused if self.refused else used))


def probe(video: VideoRef, split: Split, *, decoded: bool, on_corrupt: OnCorrupt = "warn") -> VideoFacts:
    """Read a video; every problem becomes a finding."""
    facts = VideoFacts(video, split, video.frames, fps=video.fps, refused=on_corrupt == "error")
    source = video.source
    if isinstance(source, tuple):
        _look_at_images(source, facts, decoded=decoded)
    elif isinstance(source, Path) and not _header(source, facts):
        facts.frames = 0
    elif decoded:
        _decode(facts)
    elif isinstance(source, Path):
        if missing := missing_bytes(source):
            facts.damage(str(source), f"breaks off: at least {missing} bytes are missing at the file's end")
    elif video.frames:
        height, width = source(0, 1).shape[1:3]
        facts.sizes[width, height] = video.frames
    return facts


def _header(path: Path, facts: VideoFacts) -> bool:
    """Read a video file's header; False if there is nothing to decode."""
    try:
        with open_media(path) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                facts.report(str(path), "has no video stream", "fetch the file again or remove it")
                return False
            facts.frames = facts.frames or stream.frames or None
            facts.fps = round(float(stream.average_rate), 3) if stream.average_rate else facts.fps
            facts.stored["gray" if (stream.pix_fmt or "").startswith("gray") else "rgb"] += 1
            if stream.width and stream.height:
                facts.sizes[stream.width, stream.height] += facts.frames or 1
    except (av.error.FFmpegError, OSError) as error:
        facts.findings.append(Finding.of(unreadable(path, error), "files", str(path)))
        return False
    return True


def _decode(facts: VideoFacts) -> None:
    """Decode every frame of a video file or of a video drawn in code."""
    facts.frames, damages = 0, Damages()
    facts.sizes.clear()
    seconds: list[float] = []
    try:
        for frame, at in decode_timed(facts.video, color="rgb", damages=damages):
            _see(frame, facts)
            facts.frames += 1
            seconds += [] if at is None else [at]
    except DataError as error:
        facts.findings.append(Finding.of(error, "files", facts.where))
    for one in damages.found[:_MOST]:
        facts.damage(facts.where, f"is damaged at {one}")
    times = np.array(seconds)
    if facts.video.time_stamps and (rate := mean_rate(times)) and rate_varies(times):
        facts.fps = round(rate, 3)  # the header of a Matroska file states the rate of its beginning
        low, high = (1 / step for step in np.quantile(np.diff(times), (0.95, 0.05)))
        digits = 3 if f"{low:.3g}" != f"{high:.3g}" else 5
        what = f"the frame rate varies, from about {low:.{digits}g} to {high:.{digits}g} frames/s"
        fix = "note that a clip sees motion at the rate of its part; times follow the time stamps of the file"
        facts.findings.append(Finding("note", "rates", facts.where, what, fix))


def _look_at_images(paths: tuple[Path, ...], facts: VideoFacts, *, decoded: bool) -> None:
    """Read every image, or its header. A damaged image counts as a frame, because a neighbour replaces it."""
    empty: list[str] = []
    broken: dict[int, str] = {}
    refused: list[DataError] = []  # images that no neighbour replaces
    facts.frames = len(paths)
    for index, path in enumerate(paths):
        try:
            if path.stat().st_size == 0:
                empty.append(path.name)
                continue
            with Image.open(path, formats=IMAGE_FORMATS) as image:
                size, stored = image.size, "gray" if image.mode in _GRAY else "rgb"
            if decoded:
                (frame,) = decode(VideoRef(facts.video.name, (path,)), color="rgb")
                _see(frame, facts)
            else:
                facts.sizes[size] += 1
            facts.stored[stored] += 1
        except PermissionError as error:
            facts.findings.append(Finding.of(unreadable(path, error), "files", str(path)))
        except (DataError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            if isinstance(error, DataError) and error.__cause__ is None:
                refused.append(error)
                continue
            said = error.__cause__ if isinstance(error, DataError) else getattr(error, "strerror", None)
            broken[index] = str(said or "it is not an image, or damaged")
    facts.findings += [Finding.of(error, "files", error.where) for error in refused[:_MOST]]
    if not paths:
        facts.report(facts.where, "contains no images", "extract the frames again or remove the folder")
    facts.refused = facts.refused or len(empty) + len(broken) == len(paths)
    if empty:
        what = f"{len(empty)} of {len(paths)} frames are empty files (0 bytes): {join_names(empty)}"
        facts.damage(facts.where, what, image=True)
    for index, why in list(broken.items())[:_MOST]:
        facts.damage(str(paths[index]), f"frame {index} cannot be decoded: {why}", image=True)
    if len(facts.sizes) > 1:
        sizes = ", ".join(f"{width}x{height} ({n})" for (width, height), n in facts.sizes.most_common())
        fix = "extract them again: all frames of a video must have the same size"
        facts.report(facts.where, f"frames of different sizes: {sizes}", fix)


def _see(frame: NDArray[np.uint8], facts: VideoFacts) -> None:
    """Record a frame's size, colour and hash."""
    if not facts.colorful and len(facts.prints) % _COLORS_EVERY == 0:
        small = frame[::4, ::4].astype(np.int16)
        facts.colorful = bool((np.ptp(small, axis=2) > _GRAY_LIMIT).any())
    facts.sizes[frame.shape[1], frame.shape[0]] += 1
    # Because of sensor noise, a sixteenth of the pixels is enough to distinguish two frames.
    pixels = np.ascontiguousarray(frame[::4, ::4])
    flat = pixels.min() == pixels.max()
    facts.prints.append(FLAT if flat else int.from_bytes(blake2b(pixels.data, digest_size=8).digest(), "big"))
