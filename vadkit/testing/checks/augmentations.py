"""Checks of augmentations: the clip keeps its shape, all chance comes from the generator, and tags are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import join_names
from vadkit.core.values import TrainingClip
from vadkit.testing.outcome import ConformityError, require
from vadkit.testing.subject import Subject

DRAWS = 32  # random generators of a check


def check_clips(subject: Subject) -> None:
    """It returns a TrainingClip of the same shape in uint8, for ordinary, black and white videos."""
    augmentation: Any = subject.build()
    for kind, level in (("an ordinary", None), ("a black", 0), ("a white", 255)):
        video = _Video(subject, augmentation)
        if level is not None:
            video.frames[:] = level
        clip = video.clip(3)
        for changed in _draws(augmentation, clip):
            what = f"it returns a {type(changed).__name__}, not a TrainingClip"
            require(isinstance(changed, TrainingClip), what, "return dataclasses.replace(clip, frames=...)")
            _check_frames(changed, clip, f"from {kind} video")


def check_video_end(subject: Subject) -> None:
    """It works at the end of a video, and in a video that is only as long as a clip, and reads only existing frames."""
    augmentation: Any = subject.build()
    for length in (None, subject.toy.clip.span):
        video = _Video(subject, augmentation, length)
        clip = video.clip(len(video.frames) - subject.toy.clip.span)
        for changed in _draws(augmentation, clip):
            _check_frames(changed, clip, f"at the end of a video of {len(video.frames)} frames")


def check_draws(subject: Subject) -> None:
    """The same clip and the same random generator give the same result, whatever the earlier calls.

    Otherwise a resumed run would not equal a run without interruption.
    """
    clip = _Video(subject, subject.build()).clip(3)
    one, two = subject.build(), subject.build()
    first = [one(clip, np.random.default_rng(seed)) for seed in range(DRAWS)]
    again = [two(clip, np.random.default_rng(seed)) for seed in reversed(range(DRAWS))]
    for a, b in zip(first, reversed(again), strict=True):
        same = a.tags == b.tags and np.array_equal(a.frames, b.frames)
        what = "the same clip and random generator give another result in another order of calls"
        require(same, what, "draw all random numbers from 'random', and keep nothing between calls")


def check_input(subject: Subject) -> None:
    """It does not write into the frames of the clip or of the video."""
    augmentation: Any = subject.build()
    video = _Video(subject, augmentation)
    clip, before = video.clip(3), video.frames.copy()
    frames, tags = clip.frames.copy(), dict(clip.tags)
    for _ in _draws(augmentation, clip):
        same = np.array_equal(clip.frames, frames) and np.array_equal(video.frames, before) and clip.tags == tags
        require(same, "it changes the clip or the video that it gets", "work on a copy: clip.frames.copy()")


def check_marks(subject: Subject) -> None:
    """It sets only tags that it declares, each with one finite number, and keeps the tags of earlier augmentations."""
    augmentation: Any = subject.build()
    for changed in _draws(augmentation, _Video(subject, augmentation).clip(3)):
        require("earlier" in changed.tags, "it removes the tags of the clip", "return tags={**clip.tags, ...}")
        unknown = sorted(changed.tags.keys() - {"earlier", *augmentation.tags})
        require(not unknown, f"it sets undeclared tags: {join_names(unknown)}", "name them in 'tags'")
        for name, value in changed.tags.items():
            finite = isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))
            what = f"the tag {name} is {value!r}, not one finite number"
            require(finite, what, "give a tag one number for each clip")


def check_reads_video(subject: Subject) -> None:
    """If it reads the video, it sets `reads_video = True`, so that it does not undo the other augmentations."""
    augmentation: Any = subject.build()
    video = _Video(subject, augmentation)
    for _ in _draws(augmentation, video.clip(3)):
        require(augmentation.reads_video or not video.was_read, "it calls clip.read", "set reads_video = True")


class _Video:
    """A video of noise over a brightness gradient."""

    def __init__(self, subject: Subject, augmentation: Any, length: int | None = None) -> None:
        spec = self.spec = subject.toy.clip
        count = max(augmentation.video_frames, spec.span) + 7 if length is None else length
        noise = np.random.default_rng(0).integers(0, 120, (count, spec.height, spec.width, spec.colors))
        gradient = np.linspace(0, 120, spec.width, dtype=np.int64)[:, None]
        self.frames: NDArray[np.uint8] = (noise + gradient).astype(np.uint8)
        self.was_read = False

    def clip(self, start: int) -> TrainingClip:
        found = self.frames[start : start + self.spec.span : self.spec.step].copy()
        return TrainingClip(found, self.read, start, len(self.frames), {"earlier": 1.0})

    def read(self, start: int, stop: int, step: int) -> NDArray[np.uint8]:
        self.was_read = True
        wanted = range(start, stop, step)
        if not wanted or wanted[0] < 0 or wanted[-1] >= len(self.frames):
            what = f"it reads the frames {start} to {stop} of a video with {len(self.frames)} frames"
            raise ConformityError(what, fix="stay within the frames 0 to clip.length - 1")
        return self.frames[start:stop:step]


def _draws(augmentation: Any, clip: TrainingClip) -> Iterator[TrainingClip]:
    for seed in range(DRAWS):
        yield augmentation(clip, np.random.default_rng(seed))


def _check_frames(changed: TrainingClip, clip: TrainingClip, when: str) -> None:
    right = changed.frames.shape == clip.frames.shape and changed.frames.dtype == np.uint8
    found, wanted = f"{changed.frames.shape} of {changed.frames.dtype}", f"{clip.frames.shape} of uint8"
    require(
        right,
        f"{when}, it returns frames {found}, not {wanted}",
        "keep the number and the size of the frames, and round intensities to uint8",
    )
