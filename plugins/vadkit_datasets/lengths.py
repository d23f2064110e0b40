"""The number of frames of videos that must be decoded to count them."""

from __future__ import annotations

from pathlib import Path

from vadkit.api import VideoRef, count_frames


class Lengths:
    """Counts frames of videos; decodes each file once."""

    def __init__(self) -> None:
        self._known: dict[Path, int] = {}

    def __call__(self, video: VideoRef) -> int:
        """F, from the data set or else counted.

        Raises:
            DataError: the file cannot be decoded.
        """
        if video.frames is not None:
            return video.frames
        assert isinstance(video.source, Path)
        if video.source not in self._known:
            self._known[video.source] = count_frames(video.source)
        return self._known[video.source]
