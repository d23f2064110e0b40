"""The frames with the worst scores: normal frames with high scores, and abnormal frames with low scores."""

from __future__ import annotations

from collections.abc import Sequence

from vadkit.core.values import VideoResult


def worst_frames(
    videos: Sequence[VideoResult], *, abnormal: bool, count: int, apart: int
) -> list[tuple[VideoResult, int]]:
    """Return the frames of one class with the worst final scores, worst first: video, and index in its scores.

    These are abnormal frames with the lowest scores, or normal ones with the highest. Two frames of a video are at
    least `apart` frames apart.

    Args:
        videos: the videos; those without labels are ignored.
        abnormal: the class.
        count: maximum number of frames.
        apart: minimum distance of two frames of one video, frames.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import VideoResult, worst_frames
        >>> video = VideoResult("01", np.array([0.9, 0.1, 0.2]), {}, np.array([False, False, True]))
        >>> [index for _, index in worst_frames([video], abnormal=False, count=1, apart=1)]
        [0]
    """
    import numpy as np  # here, so that `vadkit list` does not import it

    found: list[tuple[float, int, int]] = []
    for number, video in enumerate(videos):
        if video.labels is None:
            continue
        scores = video.fused if abnormal else -video.fused
        left = np.where(video.labels == abnormal, scores, np.inf)
        for _ in range(count):
            index = int(np.argmin(left)) if left.size else 0
            if not left.size or left[index] == np.inf:
                break
            found.append((float(left[index]), number, index))
            left[max(index - apart + 1, 0) : index + apart] = np.inf
    return [(videos[number], index) for _, number, index in sorted(found)[:count]]
