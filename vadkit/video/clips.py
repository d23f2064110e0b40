"""Clips cut from frames: indexed by video and start, read in an order fixed by a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadkit.errors import DataError
from vadkit.values import ClipSpec


def window_starts(frames: int, spec: ClipSpec, stride: int, *, video: str) -> NDArray[np.int64]:
    """First frames of all windows of a video, the last one flush with its end.

    Raises:
        DataError: the video is shorter than one clip.
    """
    last = frames - spec.span
    if last < 0:
        raise DataError(
            f"has {frames} frames, but one clip reaches over {spec.span}",
            where=f"video {video}",
            fix="remove the video, or lower data.clip.frames or data.clip.step",
        )
    starts = np.arange(0, last + 1, stride)
    return starts if starts[-1] == last else np.append(starts, last)


def to_clip(frames: NDArray[np.uint8]) -> Tensor:
    """(T, H, W, C) uint8 -> (C, T, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.array(frames)).permute(3, 0, 1, 2).float() / 127.5 - 1


class Clips:
    """All clips of some videos at a stride.

    Args:
        videos: name and frames (F, H, W, C) uint8 of each, memory-mapped or in memory.
        spec: geometry of a clip.
        stride: frames between neighbouring starts.

    Raises:
        DataError: there is no video, or one is shorter than a clip.
    """

    def __init__(self, videos: Sequence[tuple[str, NDArray[np.uint8]]], spec: ClipSpec, stride: int = 1) -> None:
        if not videos:
            raise DataError("there are no videos to cut clips from")
        self.spec = spec
        self._frames = [frames for _, frames in videos]
        self._index = np.concatenate(
            [
                np.stack([np.full_like(starts, number), starts], axis=1)
                for number, (name, frames) in enumerate(videos)
                for starts in [window_starts(len(frames), spec, stride, video=name)]
            ]
        )

    def __len__(self) -> int:
        return len(self._index)

    def read(self, numbers: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Clips by number -> (B, C, T, H, W) float32 in [-1, 1]."""
        spec = self.spec
        return torch.stack(
            [
                to_clip(self._frames[video][start : start + spec.span : spec.step])
                for video, start in self._index[np.asarray(numbers)]
            ]
        )

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """A permutation of all clip numbers, the same for the same seed and epoch."""
        return np.random.default_rng([seed, epoch]).permutation(len(self))

    def batches(self, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Iterator[Tensor]:
        """One shuffled pass, from batch `start` on; the last batch may be smaller."""
        order = self.order(seed, epoch)
        for first in range(start * batch_size, len(order), batch_size):
            yield self.read(order[first : first + batch_size])
