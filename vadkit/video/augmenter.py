"""Applies the augmentations of a recipe to training clips."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from vadkit.core.contracts import Augmentation
from vadkit.core.errors import DataError, PluginError, join_names
from vadkit.core.values import TrainingClip


class Augmenter:
    """Augmentations in the order of the recipe, but first those that read the video.

    Args:
        named: where each augmentation is in the recipe, and the augmentation.

    Attributes:
        tags: names of the tags that they can set.
    """

    def __init__(self, named: Sequence[tuple[str, Augmentation]] = ()) -> None:
        self._named = sorted(named, key=lambda each: not each[1].reads_video)
        self.tags = tuple(dict.fromkeys(name for _, augmentation in self._named for name in augmentation.tags))

    def __bool__(self) -> bool:
        return bool(self._named)

    @cached_property
    def of_normal(self) -> Augmenter:
        """Only the augmentations that keep a clip normal."""
        return Augmenter([each for each in self._named if each[1].normal])

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        """Change a clip.

        Raises:
            PluginError: an augmentation returns frames of another shape or type, or a tag that it does not declare.
        """
        shape = clip.frames.shape
        for where, augmentation in self._named:
            clip = augmentation(clip, random)
            if clip.frames.shape != shape or clip.frames.dtype != np.uint8:
                what = f"returns frames {clip.frames.shape} of {clip.frames.dtype}, but a clip is {shape} of uint8"
                raise PluginError(what, where=where, fix="correct the component")
            if unknown := sorted(clip.tags.keys() - set(self.tags)):
                what = f"sets the tag {join_names(unknown)}, which it does not declare"
                raise PluginError(what, where=where, fix="name it in the component's 'tags'")
        return clip

    def check_videos(self, lengths: Sequence[int]) -> None:
        """Check that an augmentation is possible in at least one training video.

        Args:
            lengths: number of frames of each training video.

        Raises:
            DataError: all videos are too short.
        """
        for where, augmentation in self._named:
            if augmentation.video_frames > max(lengths):
                raise DataError(
                    f"needs a video of {augmentation.video_frames} frames,"
                    f" but the longest training video has {max(lengths)}",
                    where=where,
                    fix="change its keys or data.clip, use longer videos, or remove it",
                )
