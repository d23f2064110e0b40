"""Small data sets made by hand, intact and damaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vadkit.api import Dataset, Labels, Split, VideoRef
from vadkit.data.tools import Finding, Report

HEIGHT, WIDTH = 24, 32
Images = Callable[..., VideoRef]


def noise(frames: int, seed: int, size: tuple[int, int] = (HEIGHT, WIDTH), channels: int = 1) -> np.ndarray:
    """(F, H, W, C) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (frames, *size, channels), np.uint8)


def write_images(folder: Path, frames: np.ndarray, suffix: str = ".png", start: int = 0) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + i:03d}{suffix}" for i in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame).save(path)
    return tuple(paths)


def write_video(path: Path, frames: np.ndarray, *, rate: int = 25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            rgb = np.ascontiguousarray(np.repeat(frame, 3 // frame.shape[2], axis=2))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path


@dataclass
class Made(Dataset):
    """A data set with the videos and labels of a test."""

    train: Sequence[VideoRef]
    test: Sequence[VideoRef] = ()
    truth: Mapping[str, Labels | Exception] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)

    def videos(self, split: Split) -> Sequence[VideoRef]:
        return self.train if split == "train" else self.test

    def labels(self, video: VideoRef) -> Labels | None:
        found = self.truth.get(video.name) if video in self.test else None
        if isinstance(found, Exception):
            raise found
        return found

    def expected(self) -> Mapping[str, int]:
        return self.totals


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., VideoRef]:
    """Write a folder of frames: name, frames, seed -> VideoRef."""

    def write(name: str, frames: int = 6, seed: int | None = None, **how: object) -> VideoRef:
        size, channels = how.pop("size", (HEIGHT, WIDTH)), how.pop("channels", 1)
        pictures = noise(frames, len(name) * 7 + ord(name[-1]) if seed is None else seed, size, channels)  # type: ignore[arg-type]
        paths = write_images(tmp_path / name, pictures, **how)  # type: ignore[arg-type]
        return VideoRef(name, paths, frames=frames, fps=25.0)

    return write


def spans(frames: int, *abnormal: tuple[int, int], source: str = "made") -> Labels:
    """Labels with these half-open spans abnormal."""
    labels = np.zeros(frames, bool)
    for start, stop in abnormal:
        labels[start:stop] = True
    return Labels(labels, source=source)


def told(report: Report, topic: str, severity: str = "error") -> list[Finding]:
    return [finding for finding in report.findings if (finding.topic, finding.severity) == (topic, severity)]


def only(report: Report, topic: str, severity: str = "error") -> Finding:
    found = told(report, topic, severity)
    assert len(found) == 1, report.findings
    assert found[0].fix
    return found[0]
