"""Labels of one video as a file states them: intervals, one value per frame, or one mask per frame.

NumPy is imported where it is used: `vadkit.api` imports this module, and `vadkit list` must start fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.core.errors import DataError
from vadkit.core.folders import IMAGE_FORMATS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDING = 1e-6  # frames: 0.28 s at 25 fps is frame 7, not 7.000000000000001
_MAX_FRAMES = 10**9  # frames: a year of video at 30 fps
_VALUES_FIX = "write 1 for an abnormal frame and 0 for a normal one"


class VideoLabels(ABC):
    """The labels of one video in a label file, not yet compared with the video.

    `read_label_file` and `mask_labels` create them. A data set calls `frames` with the length of the video.

    Attributes:
        where: file and video, for messages.
        source: name of the label set, if the file states it.
        pixels: a function that returns the masks, (F, H, W) bool. None if there are no masks.

    Example:
        >>> from vadkit.api import IntervalLabels, VideoLabels
        >>> labels: VideoLabels = IntervalLabels("labels.csv, video 01", in_frames=[(2, 3)])
        >>> labels.frames(length=5).tolist()
        [False, False, True, True, False]
    """

    where: str
    source: str = ""
    pixels: Callable[[], NDArray[np.bool_]] | None = None

    @property
    def needs_times(self) -> bool:
        """Whether the labels are in seconds."""
        return False

    @abstractmethod
    def length(self) -> int | None:
        """Return F, or None if the file does not state it."""

    @abstractmethod
    def frames(
        self, length: int, fps: float | None = None, times: NDArray[np.float64] | None = None
    ) -> NDArray[np.bool_]:
        """Return (F,) bool, True for abnormal frames.

        Args:
            length: F of the video. Needed for intervals.
            fps: frames per second of the video. Needed for intervals in seconds.
            times: seconds of each frame, (F,), for intervals in seconds. None if `fps` gives them.
        """


@dataclass(slots=True)
class IntervalLabels(VideoLabels):
    """Labels as intervals of abnormal frames or seconds.

    An interval in frames includes its last frame. An interval in seconds excludes its end.

    Attributes:
        where: file and video, for messages.
        base: number of the first frame, 0 or 1.
        in_frames: first and last frame of each interval, counted from `base`.
        in_seconds: start and end of each interval, in seconds.
        stated: F, if the file states it.
        fps: frames per second, if the file states them. Used if the frame rate of the video is unknown.

    Example:
        >>> from vadkit.api import IntervalLabels
        >>> labels = IntervalLabels("labels.csv, video 01")
        >>> labels.add(0.1, 0.2, seconds=True, where="labels.csv, line 2")
        >>> labels.frames(length=6, fps=20.0).tolist()
        [False, False, True, True, False, False]
    """

    where: str
    base: int = 0
    in_frames: list[tuple[int, int]] = field(default_factory=list)
    in_seconds: list[tuple[float, float]] = field(default_factory=list)
    stated: int | None = None
    fps: float | None = None

    def add(self, first: float, last: float, *, seconds: bool, where: str) -> None:
        """Add an interval.

        Args:
            first: first frame, or start in seconds.
            last: last frame, or end in seconds.
            seconds: whether the interval is in seconds.
            where: file and line, for messages.

        Raises:
            DataError: the interval is empty or reversed, or an end is not a frame number.
        """
        if not 0 <= first <= last <= _MAX_FRAMES or (first == last if seconds else first % 1 or last % 1):
            unit = "seconds" if seconds else "frames"
            fix = "write the start first; frames are whole numbers and can be equal, seconds cannot"
            raise DataError(f"{unit} {first:g} to {last:g} are not an interval", where=where, fix=fix)
        if seconds:
            self.in_seconds.append((first, last))
        else:
            self.in_frames.append((int(first), int(last)))

    @property
    def needs_times(self) -> bool:
        """Whether an interval is in seconds."""
        return bool(self.in_seconds)

    def state(self, frames: float, *, where: str) -> None:
        """Set the number of frames that the file states.

        Raises:
            DataError: `frames` is not a number of frames, or differs from an earlier statement.
        """
        if not (1 <= frames <= _MAX_FRAMES and frames == int(frames)):
            fix = "write the number of frames of the video, a whole number above 0"
            raise DataError(f"'frames' is {frames:g}, not a number of frames", where=where, fix=fix)
        if self.stated not in (None, int(frames)):
            fix = "write the same number of frames in each row of the video"
            raise DataError(f"'frames' is {frames:g} here, but {self.stated} before", where=where, fix=fix)
        self.stated = int(frames)

    def length(self) -> int | None:
        """Return F if the file states it."""
        return self.stated

    def frames(
        self, length: int, fps: float | None = None, times: NDArray[np.float64] | None = None
    ) -> NDArray[np.bool_]:
        """Return (F,) bool. A frame is abnormal if an interval contains any moment of its display.

        Raises:
            DataError: an interval in frames ends after the video, or an interval in seconds ends more than a
                second after it. Or the intervals are in seconds and the frame rate is unknown.
        """
        import numpy as np

        abnormal = np.zeros(length, np.bool_)
        for first, last in self.in_frames:
            if not self.base <= first <= last < self.base + length:
                what = f"frames {first} to {last} are labelled abnormal, but the video has the frames {self.base} to "
                from_1 = not self.base and 1 <= first <= last == length
                fix = "if the labels count from 1, subtract 1 from both ends of each interval; otherwise "
                raise self._misfit(f"{what}{self.base + length - 1}", fix if from_1 else "")
            abnormal[first - self.base : last - self.base + 1] = True
        fps = fps or self.fps
        for start, end in self.in_seconds:
            if not fps:
                what = "the intervals are in seconds, but the frame rate is unknown"
                fix = "set 'fps' in the label file or data.fps in the recipe, or write frames (start_frame, end_frame)"
                raise DataError(what, where=self.where, fix=fix)
            seconds = length / fps if times is None else float(times[-1] + max(1 / fps, *np.diff(times[-2:])))
            if start >= seconds or end > seconds + 1:  # players round up to whole seconds
                what = f"seconds {start:g} to {end:g} are labelled abnormal, but the video is {seconds:.2f} s long"
                raise self._misfit(f"{what} ({length} frames at {fps:g} fps)")
            if times is None:
                abnormal[floor(start * fps + _ROUNDING) : ceil(end * fps - _ROUNDING)] = True
            else:  # the last frame that begins until the start is still on screen
                first = max(int(np.searchsorted(times, start + _ROUNDING, "right")) - 1, 0)
                abnormal[first : int(np.searchsorted(times, end - _ROUNDING, "left"))] = True
        return abnormal

    def _misfit(self, what: str, fix: str = "") -> DataError:
        fix += "correct the interval, or check whether the labels belong to another version of the video"
        return DataError(what, where=self.where, fix=fix)


@dataclass(frozen=True)
class FrameLabels(VideoLabels):
    """Labels as one value per frame: 1 for abnormal, 0 for normal.

    Attributes:
        where: file and video, for messages.
        load: a function that returns the values. Only one axis can have more than one entry.
        source: name of the label set, if the file states it.
        pixels: a function that returns the masks, (F, H, W) bool. None if there are no masks.
        count: F, if it is known before loading.

    Example:
        >>> import numpy as np
        >>> labels = FrameLabels("01.npy", load=lambda: np.array([[0, 1, 1]]))
        >>> labels.frames(length=3).tolist()
        [False, True, True]
    """

    where: str
    load: Callable[[], NDArray[np.generic]]
    source: str = ""
    pixels: Callable[[], NDArray[np.bool_]] | None = None
    count: int | None = None

    def length(self) -> int:
        """Return the number of values.

        Raises:
            DataError: the file cannot be read, or the values are not one 0 or 1 per frame.
        """
        return self.count or len(self._values)

    def frames(
        self, length: int, fps: float | None = None, times: NDArray[np.float64] | None = None
    ) -> NDArray[np.bool_]:
        """Return (F,) bool. The arguments have no effect."""
        del length, fps, times
        return self._values

    @cached_property
    def _values(self) -> NDArray[np.bool_]:
        import numpy as np

        values = self.load()
        if values.dtype.kind not in "biuf" or values.size != max(values.shape, default=0) or not values.size:
            what = f"must contain one 0 or 1 per frame, not an array of shape {values.shape} and type {values.dtype}"
            raise DataError(what, where=self.where, fix=_VALUES_FIX)
        values = values.ravel()
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if wrong.size:
            shown = "empty" if np.isnan(values[wrong[0]]) else f"{values[wrong[0]]:g}"
            what = f"frame {wrong[0]} is {shown}, not 0 or 1 ({wrong.size} of {values.size} frames)"
            raise DataError(what, where=self.where, fix=_VALUES_FIX)
        return values != 0


def mask_labels(where: str, count: int, masks: Callable[[], Iterable[NDArray[np.bool_]]]) -> VideoLabels:
    """Return labels from pixel masks. A frame is abnormal if any pixel of its mask is True.

    Args:
        where: file and video, for messages.
        count: F, number of masks.
        masks: a function that returns the masks in order, each (H, W) bool.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import mask_labels
        >>> labels = mask_labels("masks/01", 2, lambda: [np.zeros((4, 4), bool), np.eye(4, dtype=bool)])
        >>> labels.frames(length=2).tolist()
        [False, True]
    """
    import numpy as np

    return FrameLabels(
        where,
        lambda: np.array([mask.any() for mask in masks()], np.bool_),
        pixels=lambda: np.stack(list(masks())),
        count=count,
    )


def mask_images(paths: Sequence[Path]) -> Iterator[NDArray[np.bool_]]:
    """Yield mask images, each (H, W) bool. A pixel is True if it is not black.

    In a JPEG image, a pixel is True if its intensity is above 127, because JPEG leaves noise in black areas.

    Args:
        paths: the images, in the order of the frames.

    Raises:
        DataError: an image cannot be decoded, or its size differs from the first image.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from vadkit.api import mask_images
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "001.png"
        ...     Image.new("L", (4, 3), 255).save(path)
        ...     [mask.shape for mask in mask_images([path])]
        [(3, 4)]
    """
    import numpy as np
    from PIL import Image  # only masks need it

    shape = None
    for path in paths:
        black = 127 if path.suffix.lower() in {".jpg", ".jpeg"} else 0
        try:
            with Image.open(path, formats=IMAGE_FORMATS) as image:
                mask = np.asarray(image.convert("L")) > black
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"cannot be decoded: {error}", where=str(path), fix="fetch the file again") from error
        shape = shape or mask.shape
        if mask.shape != shape:
            raise DataError("differs in size from the masks before it", where=str(path), fix="fetch the file again")
        yield mask
