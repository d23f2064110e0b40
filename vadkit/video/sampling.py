"""Orders of training clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def by_scene(scenes: Sequence[str], ends: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """As many clip numbers as there are clips, scenes in turn, so that each has an equal share.

    A scene's clips come shuffled; when all have come they are shuffled again. So those of a
    small scene come several times in a pass, and of a large one some do not come.

    Args:
        scenes: of each video.
        ends: of each video, one past the number of its last clip.
        random: of the pass.
    """
    clips = np.repeat(np.unique(scenes, return_inverse=True)[1], np.diff(ends, prepend=0))  # scene of each clip
    groups = [np.flatnonzero(clips == scene) for scene in range(int(clips.max()) + 1)]
    turns = random.permutation(len(groups))
    order = np.empty(len(clips), np.int64)
    for place, scene in enumerate(turns):
        where = np.arange(place, len(clips), len(groups))
        rounds = -(-len(where) // len(groups[scene])) if len(where) else 0
        drawn = [random.permutation(groups[scene]) for _ in range(rounds)]
        order[where] = np.concatenate(drawn)[: len(where)] if drawn else ()
    return order
