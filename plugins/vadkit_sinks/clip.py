"""Videos of alarms, with the seconds before them."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.api import (
    AlarmEvent,
    FrameScore,
    Sink,
    SourceStatus,
    VadkitError,
    WatchedSource,
    WatchSummary,
    atomic_write,
    video_writer,
)
from vadkit_sinks.folder import Folder
from vadkit_sinks.pictures import rgb

_USUAL_FPS = 25.0  # of a source with an unknown frame rate
_MEASURED = 2.0  # seconds over which the rate of the frames is measured
_MEMORY = 256 * 2**20  # bytes of the pictures that are kept
_GONE = frozenset({"waiting", "lost", "ended"})  # states without frames


class Clip(Sink):
    """Saves an MP4 video (H.264) of each alarm, with the seconds before and after it.

    The sink keeps the pictures of the seconds before an alarm in memory, up to 256 MiB. With large pictures, or a long
    `min_duration`, the video begins later. If an alarm begins before the video of the previous alarm is complete, it
    becomes a part of that video. If the connection to the source breaks, the video ends there.

    Args:
        folder: where to save.
        before: seconds before the alarm.
        after: seconds after the alarm.
        longest: longest video in seconds. A longer alarm is cut off there.
        quality: constant rate factor of x264, from 0 (lossless) to 51. A lower value gives a larger file.
        quota: largest total size of all videos. The oldest are removed first.

    Raises:
        VadkitError: a number is out of range, or the quota is not a size.

    Example:
        >>> try:
        ...     Clip(folder=Path("clips"), before=-1)
        ... except VadkitError as error:
        ...     print(error)
        'before' must be from 0 to 60 s, 'after' from 0 to 600 s, and 'longest' above 0 s
    """

    needs_frames = True
    needs_pictures = True

    def __init__(
        self,
        *,
        folder: Path,
        before: float = 5.0,
        after: float = 3.0,
        longest: float = 120.0,
        quality: int = 26,
        quota: str = "5GB",
    ) -> None:
        if not (0 <= before <= 60 and 0 <= after <= 600 and longest > 0):
            raise VadkitError("'before' must be from 0 to 60 s, 'after' from 0 to 600 s, and 'longest' above 0 s")
        if not 0 <= quality <= 51:
            raise VadkitError(f"'quality' is {quality}, but must be from 0 to 51")
        self._folder, self._before, self._after = Folder(folder, ".mp4", quota), before, after
        self._longest, self._quality = longest, quality
        self._recent: deque[tuple[float, NDArray[np.uint8]]] = deque()  # seconds, picture: what a new video needs
        self._size = 0  # bytes of these pictures
        self._keep, self._fps = before, _USUAL_FPS
        self._recording: _Recording | None = None

    def open(self, source: WatchedSource) -> None:
        """Note the frame rate, and remove incomplete files of an earlier process."""
        self._fps = source.fps or _USUAL_FPS
        # An alarm is raised when it has lasted long enough, but its video starts before its first frame.
        self._keep = max(min(self._before + source.rules.min_duration, self._longest), _MEASURED)
        self._folder.remove_leftovers()

    def frame(self, score: FrameScore) -> None:
        """Keep the picture, and write it if an alarm is recorded."""
        if score.picture is not None:
            self._remember(score.seconds, score.picture)
        recording, self._recording = self._recording, None  # if writing fails, no later frame is added
        if recording is not None:
            if score.picture is not None:
                recording.write(score.picture)
            self._recording = recording
            if recording.is_complete(score.seconds):
                self._finish()

    def alarm(self, event: AlarmEvent) -> None:
        """Start a video, or set its end.

        Raises:
            RunFolderError: the file cannot be written.
        """
        if not event.begins:
            if self._recording is not None:
                self._recording.stop = event.seconds + self._after
            return
        if self._recording is None:
            start = event.alarm.seconds - self._before
            pictures = [(seconds, picture) for seconds, picture in self._recent if seconds >= start]
            limit = (pictures[0][0] if pictures else start) + self._longest
            recording = _Recording(self._folder.file(event), self._rate(), self._quality, limit)
            for _, picture in pictures:
                recording.write(picture)
            self._recording = recording
        self._recording.stop = None

    def status(self, status: SourceStatus) -> None:
        """Complete the video when no more frames come: the connection may never return."""
        if status.state in _GONE:
            self._finish()
            self._recent.clear()
            self._size = 0

    def close(self, summary: WatchSummary) -> None:
        """Complete the current video."""
        del summary
        self._finish()

    def _remember(self, seconds: float, picture: NDArray[np.uint8]) -> None:
        """Keep a picture, and drop those that are too old or do not fit the memory."""
        self._recent.append((seconds, picture))
        self._size += picture.nbytes
        while self._recent[0][0] < seconds - self._keep or (self._size > _MEMORY and len(self._recent) > 1):
            self._size -= self._recent.popleft()[1].nbytes

    def _rate(self) -> float:
        """Frames per second of the last seconds: a live source can have another rate than training."""
        if not self._recent:
            return self._fps
        first, last = self._recent[0][0], self._recent[-1][0]
        return (len(self._recent) - 1) / (last - first) if last - first >= _MEASURED / 2 else self._fps

    def _finish(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close()
            self._folder.clean()


class _Recording:
    """A video that is not complete yet."""

    def __init__(self, path: Path, fps: float, quality: int, limit: float) -> None:
        self.stop: float | None = None  # time of the last frame; None while the alarm lasts
        self._limit = limit
        self._context = ExitStack()
        temporary = self._context.enter_context(atomic_write(path))
        self._video = self._context.enter_context(video_writer(temporary, fps=fps, quality=quality))

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Add a picture. After an error, nothing of the video remains."""
        try:
            self._video.write(rgb(picture))
        except BaseException as error:
            self._context.__exit__(type(error), error, error.__traceback__)
            raise

    def is_complete(self, seconds: float) -> bool:
        return seconds >= self._limit or (self.stop is not None and seconds >= self.stop)

    def close(self) -> None:
        self._context.close()
