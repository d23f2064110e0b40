"""Augmentations: random changes of training clips, and pseudo-anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vadkit.api import Augmentation, ClipSpec, ShapeError, TrainingClip


def _checked(probability: float) -> float:
    if not 0 <= probability <= 1:
        raise ShapeError(f"probability must be from 0 to 1, but it is {probability}")
    return probability


class Flip(Augmentation):
    """Mirrors clips horizontally.

    Args:
        clip: geometry of a clip.
        probability: probability that a clip is mirrored.

    Raises:
        ShapeError: the probability is not from 0 to 1.

    Example:
        >>> frames = np.arange(3, dtype=np.uint8).reshape(1, 1, 3, 1)
        >>> clip = TrainingClip(frames, lambda start, stop, step: frames[start:stop:step], start=0, length=1)
        >>> flip = Flip(ClipSpec(1, 1, 3, "gray"), probability=1.0)
        >>> flip(clip, np.random.default_rng(0)).frames.ravel().tolist()
        [2, 1, 0]
    """

    def __init__(self, clip: ClipSpec, *, probability: float = 0.5) -> None:
        del clip
        self.probability = _checked(probability)

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        """Return the clip, mirrored or unchanged."""
        if random.random() < self.probability:
            return replace(clip, frames=clip.frames[:, :, ::-1])
        return clip


class Brightness(Augmentation):
    """Multiplies the intensities of a clip by a random factor, and rounds them to 8 bits.

    Args:
        clip: geometry of a clip.
        amount: b. The factor is from 1 - b to 1 + b.

    Raises:
        ShapeError: the amount is not from 0 to below 1.

    Example:
        >>> frames = np.full((1, 1, 1, 1), 100, np.uint8)
        >>> clip = TrainingClip(frames, lambda start, stop, step: frames[start:stop:step], start=0, length=1)
        >>> brightness = Brightness(ClipSpec(1, 1, 1, "gray"), amount=0.2)
        >>> brightness(clip, np.random.default_rng(0)).frames.item()
        105
    """

    def __init__(self, clip: ClipSpec, *, amount: float = 0.1) -> None:
        del clip
        if not 0 <= amount < 1:
            raise ShapeError(f"amount must be from 0 to below 1, but it is {amount}")
        self.amount = amount

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        """Return the clip with other intensities; all frames have the same factor."""
        factor = 1 + self.amount * random.uniform(-1, 1)
        if not self.amount:
            return clip
        return replace(clip, frames=np.rint(np.arange(256) * factor).clip(0, 255).astype(np.uint8)[clip.frames])


class SkipFrames(Augmentation):
    """Makes a pseudo-anomaly of a clip: the clip skips frames, so that everything moves faster.

    A changed clip has the tag `pseudo`. The loss `steal` reads it.

    The frames of a changed clip are s times as far apart as usual. Each clip draws s from `steps`. If the changed
    clip would end after the video, it starts earlier. If a video is too short for a step, it uses the smaller ones.

    Source: Astrid, Zaheer and Lee, "Synthetic temporal anomaly guided end-to-end video anomaly detection", ICCV
    Workshops 2021 (STEAL Net), and the authors' code (github.com/aseuteurideu/STEAL). They change 1 % of the clips,
    with s from 2 to 5. There, the changed clip comes from another window of the training videos.

    Args:
        clip: geometry of a clip.
        probability: probability that a clip is changed.
        steps: factors of the distance between frames, one of which is drawn for each changed clip. Each is at least 2.

    Raises:
        ShapeError: the probability is not from 0 to 1, a step is below 2, or there are no steps.

    Example:
        >>> video = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1)
        >>> clip = TrainingClip(video[10:14], lambda start, stop, step: video[start:stop:step], start=10, length=50)
        >>> changed = SkipFrames(ClipSpec(4, 1, 1, "gray"), probability=1.0, steps=[3])(clip, np.random.default_rng(0))
        >>> changed.frames.ravel().tolist(), changed.tags
        ([10, 13, 16, 19], {'pseudo': 1.0})
    """

    tags = ("pseudo",)
    normal = False
    reads_video = True

    def __init__(self, clip: ClipSpec, *, probability: float = 0.01, steps: Sequence[int] = (2, 3, 4, 5)) -> None:
        self.probability, self.steps = _checked(probability), tuple(steps)
        if not self.steps or min(self.steps) < 2:
            what = "steps is empty" if not self.steps else f"a step must be at least 2, but one is {min(self.steps)}"
            raise ShapeError(what, fix="for example steps: [2, 3, 4, 5]; a step of 1 does not skip a frame")
        if clip.frames < 2:
            raise ShapeError("a clip of one frame cannot skip frames", fix="set data.clip.frames: 2 or more")
        self.clip = clip
        self.video_frames = self._span(max(self.steps))

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        """Return the clip unchanged, or with skipped frames and the tag."""
        changes, drawn = random.random() < self.probability, random.random()
        fitting = [step for step in self.steps if self._span(step) <= clip.length]
        if not changes or not fitting:
            return clip
        step = fitting[int(drawn * len(fitting))]
        start = min(clip.start, clip.length - self._span(step))
        frames = clip.read(start, start + self._span(step), step * self.clip.step)
        return replace(clip, frames=frames, start=start, tags={**clip.tags, "pseudo": 1.0})

    def _span(self, step: int) -> int:
        """Number of video frames from the first to the last frame of a changed clip."""
        return (self.clip.frames - 1) * self.clip.step * step + 1
