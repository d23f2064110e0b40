"""The order of training clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def by_scene(scenes: Sequence[str], ends: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """As many clip numbers as there are clips; scenes take turns, so that each has an equal share.

    Each scene's clips are shuffled, and shuffled again after the last one. So an epoch repeats the clips
    of a small scene and skips some of a large one.

    Args:
        scenes: scene of each video.
        ends: for each video, one past the number of its last clip.
        random: the epoch's random generator.
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
