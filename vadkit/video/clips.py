"""Cuts videos into clips: numbered over all videos, and read in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadkit.core.errors import DataError
from vadkit.core.values import ClipSpec, Sampling, Short, TrainingClip
from vadkit.video.augmenter import Augmenter
from vadkit.video.boxes import FrameBoxes
from vadkit.video.cache import Frames
from vadkit.video.optical_flow import flow_channels


def window_count(frames: int, spec: ClipSpec, stride: int, *, where: str, short: Short = "error") -> int:
    """Number of windows of a video; a video shorter than a clip has one window if `short` is "repeat".

    Raises:
        DataError: the video is shorter than one clip and `short` is "error".
    """
    if frames < spec.span and short == "error":
        fix = "remove the video, lower data.clip.frames or data.clip.step, or set data.short: repeat, which repeats "
        raise too_short(frames, spec, where=where, fix=f"{fix}the last frame")
    return -(-max(frames - spec.span, 0) // stride) + 1


def too_short(frames: int, spec: ClipSpec, *, where: str, fix: str) -> DataError:
    """The error about a video that is shorter than one clip."""
    what = f"has {frames} frame{'s' if frames != 1 else ''}, but a clip spans {spec.span}"
    return DataError(what, where=where, fix=fix)


def window_starts(frames: int, spec: ClipSpec, stride: int, *, video: str, short: Short = "error") -> NDArray[np.int64]:
    """First frames of all windows of a video, as many as `window_count`; the last window ends with the video."""
    count = window_count(frames, spec, stride, where=f"video {video}", short=short)
    return np.minimum(np.arange(count) * stride, max(frames - spec.span, 0))


def window_frames(frames: int, spec: ClipSpec, start: int) -> NDArray[np.int64]:
    """(T,) frame numbers of a window; after the video's end, its last frame is repeated."""
    return np.minimum(start + np.arange(spec.frames) * spec.step, frames - 1)


def read_window(frames: Frames, spec: ClipSpec, start: int) -> NDArray[np.uint8]:
    """(T, H, W, C) the frames of `window_frames`."""
    found = frames[start : start + spec.span : spec.step]
    if len(found) == spec.frames:
        return found
    last = frames[len(frames) - 1 : len(frames)]
    return np.concatenate([found, np.repeat(last, spec.frames - len(found), axis=0)])


def to_clips(windows: Sequence[NDArray[np.uint8]], spec: ClipSpec) -> Tensor:
    """Windows (T, H, W, colours) uint8 -> (B, C, T, H, W) float32 in [-1, 1], with optical flow if `spec` has it.

    NumPy converts in this thread only. Torch would split this small work among its threads and, on a busy
    machine, wait for them much longer than the work takes.
    """
    clips = np.empty((len(windows), *spec.shape), np.float32)
    for window, clip in zip(windows, clips, strict=True):
        colors = clip[: spec.colors]
        np.divide(window.transpose(3, 0, 1, 2), np.float32(127.5), out=colors)
        colors -= 1
        if spec.flow:
            clip[spec.colors :] = flow_channels(window, spec.flow)
    return torch.from_numpy(clips)


class Batch(NamedTuple):
    """Training clips, and what the augmentations say about them.

    Attributes:
        clips: (B, C, T, H, W) float32 in [-1, 1].
        tags: name of a tag -> (B,), 0 for a clip without the tag.
        boxes: (B, 4, 1, 1, K) the boxes of objects; None if the videos have none.
    """

    clips: Tensor
    tags: dict[str, Tensor]
    boxes: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        tags = {name: values.to(device) for name, values in self.tags.items()}
        return Batch(self.clips.to(device), tags, None if self.boxes is None else self.boxes.to(device))


class Clips:
    """All clips of some videos at a stride. Its memory grows with the number of videos, not with their length.

    The frames of a video are (F, H, W, C) uint8, on disk or in memory. `scenes` has the scene of each video, for the
    sampling by scene; by default all videos are one scene. `boxes` has the boxes of objects in each video.

    Raises:
        DataError: there are no videos, or one is shorter than a clip.
    """

    def __init__(
        self,
        videos: Sequence[tuple[str, Frames]],
        spec: ClipSpec,
        stride: int = 1,
        *,
        scenes: Sequence[str] = (),
        sampling: Sampling = "random",
        augmenter: Augmenter | None = None,
        short: Short = "error",
        boxes: Sequence[FrameBoxes] | None = None,
    ) -> None:
        if not videos:
            raise DataError("there are no videos")
        self.spec, self.stride, self.sampling = spec, stride, sampling
        self.augmenter = augmenter or Augmenter()
        self._frames, self._boxes = [frames for _, frames in videos], boxes
        self._scenes = list(scenes) or [""] * len(videos)
        counts = [
            window_count(len(frames), spec, stride, where=f"video {name}", short=short) for name, frames in videos
        ]
        self._ends = np.cumsum(counts)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, numbers: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Clips by number -> (B, C, T, H, W) float32 in [-1, 1], without augmentation."""
        return to_clips([self._clip(int(number)).frames for number in numbers], self.spec)

    def read_augmented(
        self, numbers: Sequence[int] | NDArray[np.int64], *, seed: int, epoch: int, normal: bool = False
    ) -> Batch:
        """As `read`, but augmented; the change depends only on seed, epoch and clip.

        With `normal`, only augmentations that keep a clip normal are applied.
        """
        augmenter, generator = self.augmenter.of_normal if normal else self.augmenter, np.random.default_rng
        clips = [augmenter(self._clip(n), generator([seed, epoch, n, 1])) for n in map(int, numbers)]
        tags = {name: torch.tensor([float(clip.tags.get(name, 0)) for clip in clips]) for name in augmenter.tags}
        return Batch(to_clips([clip.frames for clip in clips], self.spec), tags, self.boxes(numbers))

    def boxes(self, numbers: Sequence[int] | NDArray[np.int64]) -> Tensor | None:
        """The boxes of objects in clips, (B, 4, 1, 1, K); None if the videos have none."""
        if self._boxes is None:
            return None
        places = [self._place(int(number)) for number in numbers]
        found = [self._boxes[video].of([self._boxed(video, start)]) for video, start in places]
        return torch.from_numpy(np.concatenate(found))

    def _boxed(self, video: int, start: int) -> int:
        return int(window_frames(len(self._frames[video]), self.spec, start)[self.spec.middle])

    def _place(self, number: int) -> tuple[int, int]:
        """The video of a clip, and its first frame."""
        video = int(np.searchsorted(self._ends, number, side="right"))
        within = number - (int(self._ends[video - 1]) if video else 0)
        return video, min(within * self.stride, max(len(self._frames[video]) - self.spec.span, 0))

    def _clip(self, number: int) -> TrainingClip:
        video, start = self._place(number)
        frames = self._frames[video]
        found = read_window(frames, self.spec, start)
        return TrainingClip(found, lambda first, stop, step: frames[first:stop:step], start, len(frames))

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """Clip numbers of one epoch, as many as there are clips; seed and epoch fix them."""
        if self.sampling == "sequential":
            return np.arange(len(self))
        random = np.random.default_rng([seed, epoch])
        if self.sampling == "scene":
            return _by_scene(self._scenes, self._ends, random)
        return random.permutation(len(self))

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        start: int = 0,
        ahead: bool = False,
        share: Callable[[NDArray[np.int64]], NDArray[np.int64]] = lambda numbers: numbers,
    ) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on; the last batch may be smaller.

        Seed and epoch fix the order and the augmentation. With `ahead`, a thread reads the next batch while the caller
        uses this one. `share` chooses the clips of a batch that are read, by their numbers.
        """
        order, firsts = self.order(seed, epoch), range(start * batch_size, len(self), batch_size)
        parts = (share(order[first : first + batch_size]) for first in firsts)
        if not ahead:
            yield from (self.read_augmented(part, seed=seed, epoch=epoch) for part in parts)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: Future[Batch] | None = None
            for part in parts:
                done, waiting = waiting, pool.submit(self.read_augmented, part, seed=seed, epoch=epoch)
                if done is not None:
                    yield done.result()
            if waiting is not None:
                yield waiting.result()


def _by_scene(scenes: Sequence[str], ends: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """As many clip numbers as there are clips; scenes take turns, so that each has an equal share.

    Each scene's clips are shuffled, and shuffled again after the last one. So an epoch repeats the clips
    of a small scene and skips some of a large one. `ends` is one past the last clip of each video.
    """
    clips = np.repeat(np.unique(scenes, return_inverse=True)[1], np.diff(ends, prepend=0))  # each clip's scene
    groups = [np.flatnonzero(clips == scene) for scene in range(int(clips.max()) + 1)]
    turns = random.permutation(len(groups))
    order = np.empty(len(clips), np.int64)
    for place, scene in enumerate(turns):
        where = np.arange(place, len(clips), len(groups))
        rounds = -(-len(where) // len(groups[scene])) if len(where) else 0
        drawn = [random.permutation(groups[scene]) for _ in range(rounds)]
        order[where] = np.concatenate(drawn)[: len(where)] if drawn else ()
    return order
