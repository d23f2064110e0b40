"""Clips cut from frames: numbered through all videos, read in an order fixed by a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadkit.core.errors import DataError
from vadkit.core.values import Augment, ClipSpec, Sampling, Short
from vadkit.video.cache import Frames
from vadkit.video.sampling import by_scene


def window_count(frames: int, spec: ClipSpec, stride: int, *, video: str, short: Short = "error") -> int:
    """How many windows a video has; one that is shorter than a clip has one if `short` is "repeat".

    Raises:
        DataError: the video is shorter than one clip and `short` is "error".
    """
    if frames < spec.span and short == "error":
        raise DataError(
            f"has {frames} frame{'s' if frames != 1 else ''}, but one clip reaches over {spec.span}",
            where=f"video {video}",
            fix="remove the video, lower data.clip.frames or data.clip.step, or fill it up: data.short: repeat",
        )
    return -(-max(frames - spec.span, 0) // stride) + 1


def window_starts(frames: int, spec: ClipSpec, stride: int, *, video: str, short: Short = "error") -> NDArray[np.int64]:
    """First frames of all windows of a video, the last one flush with its end.

    Raises:
        DataError: as `window_count`.
    """
    count = window_count(frames, spec, stride, video=video, short=short)
    return np.minimum(np.arange(count) * stride, max(frames - spec.span, 0))


def window_frames(frames: int, spec: ClipSpec, start: int) -> NDArray[np.int64]:
    """(T,) the frames that a window shows; past the video's end its last one is repeated."""
    return np.minimum(start + np.arange(spec.frames) * spec.step, frames - 1)


def read_window(frames: Frames, spec: ClipSpec, start: int) -> NDArray[np.uint8]:
    """(T, H, W, C) as `window_frames` says."""
    found = frames[start : start + spec.span : spec.step]
    if len(found) == spec.frames:
        return found
    last = frames[len(frames) - 1 : len(frames)]
    return np.concatenate([found, np.repeat(last, spec.frames - len(found), axis=0)])


def to_clips(windows: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Windows (T, H, W, C) uint8 -> (B, C, T, H, W) float32 in [-1, 1].

    NumPy converts in this thread alone: torch would share so little work among all its threads,
    and on a busy machine wait for them much longer than the work takes.
    """
    frames, height, width, channels = windows[0].shape
    clips = np.empty((len(windows), channels, frames, height, width), np.float32)
    for window, clip in zip(windows, clips, strict=True):
        np.divide(window.transpose(3, 0, 1, 2), np.float32(127.5), out=clip)
        clip -= 1
    return torch.from_numpy(clips)


class Clips:
    """All clips of some videos at a stride. What it holds grows with the number of videos, not with their length.

    Args:
        videos: name and frames (F, H, W, C) uint8 of each, on disk or in memory.
        spec: geometry of a clip.
        stride: frames between neighbouring starts.
        scenes: of each video, for `sampling` "scene"; all one if left out.
        sampling: order of the clips in a pass.
        augment: how clips are changed where a pass is read.
        short: what to do with videos shorter than a clip.

    Raises:
        DataError: there is no video, or one is shorter than a clip.
    """

    def __init__(
        self,
        videos: Sequence[tuple[str, Frames]],
        spec: ClipSpec,
        stride: int = 1,
        *,
        scenes: Sequence[str] = (),
        sampling: Sampling = "random",
        augment: Augment | None = None,
        short: Short = "error",
    ) -> None:
        if not videos:
            raise DataError("there are no videos to cut clips from")
        self.spec, self.stride, self.sampling = spec, stride, sampling
        self.augment = augment if augment != Augment() else None
        self._frames = [frames for _, frames in videos]
        self._scenes = list(scenes) or [""] * len(videos)
        counts = [window_count(len(frames), spec, stride, video=name, short=short) for name, frames in videos]
        self._ends = np.cumsum(counts)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, numbers: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Clips by number -> (B, C, T, H, W) float32 in [-1, 1], as they are."""
        return to_clips([self._window(int(number)) for number in numbers])

    def read_pass(self, numbers: Sequence[int] | NDArray[np.int64], *, seed: int, epoch: int) -> Tensor:
        """The same, changed as `augment` says; the change depends on seed, pass and clip alone."""
        if self.augment is None:
            return self.read(numbers)
        randoms = [np.random.default_rng([seed, epoch, int(number), 1]) for number in numbers]
        return to_clips(
            [
                augmented(self._window(int(number)), self.augment, random)
                for number, random in zip(numbers, randoms, strict=True)
            ]
        )

    def _window(self, number: int) -> NDArray[np.uint8]:
        video = int(np.searchsorted(self._ends, number, side="right"))
        frames = self._frames[video]
        within = number - (int(self._ends[video - 1]) if video else 0)
        start = min(within * self.stride, max(len(frames) - self.spec.span, 0))
        return read_window(frames, self.spec, start)

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The clip numbers of one pass, as many as there are clips, the same for the same seed and epoch."""
        if self.sampling == "sequential":
            return np.arange(len(self))
        random = np.random.default_rng([seed, epoch])
        if self.sampling == "scene":
            return by_scene(self._scenes, self._ends, random)
        return random.permutation(len(self))

    def batches(
        self, batch_size: int, *, seed: int, epoch: int, start: int = 0, ahead: bool = False
    ) -> Iterator[Tensor]:
        """One pass, from batch `start` on; the last batch may be smaller.

        Args:
            batch_size: B.
            seed: fixes the order and the changes.
            epoch: number of the pass.
            start: batches to leave out.
            ahead: read the next batch in a thread while this one is worked on.
        """
        order = self.order(seed, epoch)
        parts = (order[first : first + batch_size] for first in range(start * batch_size, len(order), batch_size))
        if not ahead:
            yield from (self.read_pass(part, seed=seed, epoch=epoch) for part in parts)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: Future[Tensor] | None = None
            for part in parts:
                done, waiting = waiting, pool.submit(self.read_pass, part, seed=seed, epoch=epoch)
                if done is not None:
                    yield done.result()
            if waiting is not None:
                yield waiting.result()


def augmented(frames: NDArray[np.uint8], augment: Augment, random: np.random.Generator) -> NDArray[np.uint8]:
    """A clip (T, H, W, C), mirrored and brightened as one, in whole steps of intensity."""
    flip, factor = random.random() < augment.flip, 1 + augment.brightness * random.uniform(-1, 1)
    if flip:
        frames = frames[:, :, ::-1]
    if augment.brightness:
        frames = np.rint(np.arange(256) * factor).clip(0, 255).astype(np.uint8)[frames]
    return frames
