"""Preview files: small pictures of what the model made of each test video, for reports.

`RUN/scores/previews/` has a `.npz` file for each test video, with anomaly maps in 8 bits, and an `.mp4` file with the
frames that the decoder gave. The size of all previews of a run is limited: of long test sets, every k-th frame is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.files import atomic_write
from vadkit.core.values import Preview
from vadkit.store.scores import opened_arrays, score_file, write_arrays
from vadkit.video.encode import VideoWriter, read_written

MOST_FRAMES = 4000
"""Largest number of pictured frames of a run."""

_KIND = "vadkit preview"
_LEVELS = 255
_QUALITY = 20  # nearly without visible loss


def step_of(frames: int) -> int:
    """The distance between pictured frames, for a test set of so many frames."""
    return max(1, -(-frames // MOST_FRAMES))


def preview_file(folder: Path, name: str) -> Path:
    """Path of the preview of the video `name`; `folder` holds the score files. Its `.mp4` file has the same stem."""
    return score_file(folder / "previews", name)


class PreviewWriter:
    """Writes the preview of one video while the video is scored. Use it as a context manager.

    Args:
        folder: the folder of the score files.
        name: name of the video.
        fps: frames per second of the file of outputs; any number if unknown.
    """

    def __init__(self, folder: Path, name: str, fps: float | None) -> None:
        self._path = preview_file(folder, name)
        self._fps = fps or 25.0
        self._stack = ExitStack()
        self._outputs: VideoWriter | None = None

    def __enter__(self) -> PreviewWriter:
        """Return the writer."""
        self._stack.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Complete the file of outputs; after an error, leave no file."""
        self._stack.__exit__(*error)

    def add_output(self, frame: NDArray[np.uint8]) -> None:
        """Add the next frame of the decoder, (H, W, 3) uint8."""
        if self._outputs is None:
            temporary = self._stack.enter_context(atomic_write(self._path.with_suffix(".mp4")))
            self._outputs = self._stack.enter_context(VideoWriter(temporary, fps=self._fps, quality=_QUALITY))
        self._outputs.write(frame)

    def close(self, numbers: NDArray[np.int64], maps: NDArray[np.float32] | None) -> None:
        """Write what `Preview` has: the numbers of the frames (K,) and their anomaly maps (K, h, w)."""
        self._stack.close()
        arrays: dict[str, NDArray[Any]] = {"numbers": numbers, "outputs": np.array(self._outputs is not None)}
        if maps is not None:
            low, high = float(maps.min()), float(maps.max())
            scaled = (maps - low) * (_LEVELS / (high - low) if high > low else 0.0)
            arrays |= {"maps": np.rint(scaled).astype(np.uint8), "range": np.array([low, high])}
        write_arrays(self._path, _KIND, arrays, compressed=True)


def find_preview(folder: Path, name: str) -> Callable[[], Preview] | None:
    """The function that reads a video's preview; None if there is none. `folder` holds the score files."""
    path = preview_file(folder, name)
    return partial(_read, path) if path.is_file() else None


def _read(path: Path) -> Preview:
    """Read a preview.

    Raises:
        DataError: the file is damaged.
    """
    with opened_arrays(path, _KIND) as arrays:
        numbers, maps = arrays["numbers"], None
        if "maps" in arrays:
            low, high = arrays["range"].tolist()
            maps = (low + arrays["maps"].astype(np.float32) * ((high - low) / _LEVELS)).astype(np.float32)
        film = path.with_suffix(".mp4")
        outputs = partial(read_written, film) if bool(arrays["outputs"]) and film.is_file() else None
        return Preview(numbers, maps, outputs)
