"""Folders of one's own video that tests write: files, images, and what is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from vadkit.api import VideoRef
from vadkit_datasets.folder.dataset import Folder


def film(path: Path, frames: int = 20, fps: int = 10, *, jump: int = -1, recorded: str = "") -> Path:
    """A square that drifts over gray; from frame `jump` on it is white and large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = recorded
        stream: Any = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for n in range(frames):
            picture = np.full((32, 48, 3), 90, np.uint8)
            size = 14 if 0 <= jump <= n else 6
            picture[8 : 8 + size, n % 40 : n % 40 + size] = 255 if size == 14 else 160
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def images(folder: Path, count: int, *, white: Sequence[int] = (), suffix: str = ".png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        pixels = np.zeros((6, 8), np.uint8)
        pixels[2:4, 3:6] = 255 * (n in white)
        Image.fromarray(pixels).save(folder / f"{n}{suffix}")


def two_videos(root: Path) -> Path:
    """One training video and two test videos of 8 images each."""
    touch(root, "train/normal.mp4")
    images(root / "test/door", 8)
    images(root / "test/gate", 8)
    return root


def names(videos: Sequence[VideoRef]) -> list[str]:
    return [video.name for video in videos]


def abnormal(dataset: Folder) -> dict[str, list[int] | None]:
    """Test video -> its abnormal frames, None if it is unlabelled."""
    found = {video.name: dataset.labels(video) for video in dataset.videos("test")}
    return {name: np.flatnonzero(one.frames).tolist() if one else None for name, one in found.items()}
