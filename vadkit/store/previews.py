"""Previews: a small video of each test video, for reports, and the pictures that it is made of.

`RUN/scores/previews/NAME.mp4` shows frame, decoder's output and anomaly map side by side; `NAME.npz` describes it.
`previews/parts/` has what the model gave: a `.npz` file with anomaly maps in 8 bits, and an `.mp4` file with the
frames of the decoder. Both are limited in size: of a long test set, every k-th frame is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
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

_PREVIEW, _PARTS = "vadkit preview", "vadkit preview parts"
_LEVELS = 255
_QUALITY = 20  # nearly without visible loss
_DEFAULT_FPS = 25.0  # of a file of outputs; nothing depends on it


@dataclass(frozen=True, slots=True)
class PreviewParts:
    """What the model made of some frames of a video.

    Attributes:
        numbers: the numbers of these frames in the video, (K,), from 0, in order.
        maps: their anomaly maps, (K, h, w). None if no scorer gives maps.
        outputs: gives the K frames of the decoder in order, each (H, W, 3) uint8; black where the decoder gives none.
            None without a decoder.
    """

    numbers: NDArray[np.int64]
    maps: NDArray[np.float32] | None = None
    outputs: Callable[[], Iterator[NDArray[np.uint8]]] | None = None


def step_of(frames: int) -> int:
    """The distance between pictured frames, for a test set of so many frames."""
    return max(1, -(-frames // MOST_FRAMES))


def parts_file(folder: Path, name: str) -> Path:
    """Path of the parts of the video `name`; `folder` holds the score files. The `.mp4` file has the same stem."""
    return score_file(folder / "previews" / "parts", name)


class PartsWriter:
    """Writes the parts of one video while the video is scored. Use it as a context manager.

    Args:
        folder: the folder of the score files.
        name: name of the video.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = parts_file(folder, name)
        self._stack = ExitStack()
        self._outputs: VideoWriter | None = None

    def __enter__(self) -> PartsWriter:
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
            self._outputs = self._stack.enter_context(VideoWriter(temporary, fps=_DEFAULT_FPS, quality=_QUALITY))
        self._outputs.write(frame)

    def close(self, numbers: NDArray[np.int64], maps: NDArray[np.float32] | None) -> None:
        """Write the numbers of the frames (K,) and their anomaly maps (K, h, w)."""
        self._stack.close()
        arrays: dict[str, NDArray[Any]] = {"numbers": numbers, "outputs": np.array(self._outputs is not None)}
        if maps is not None:
            low, high = float(maps.min()), float(maps.max())
            scaled = (maps - low) * (_LEVELS / (high - low) if high > low else 0.0)
            arrays |= {"maps": np.rint(scaled).astype(np.uint8), "range": np.array([low, high])}
        write_arrays(self._path, _PARTS, arrays, compressed=True)


def read_parts(folder: Path, name: str) -> PreviewParts:
    """Read the parts of a video.

    Raises:
        DataError: they are missing or damaged.
    """
    path = parts_file(folder, name)
    with opened_arrays(path, _PARTS) as arrays:
        numbers, maps = arrays["numbers"], None
        if "maps" in arrays:
            low, high = arrays["range"].tolist()
            maps = (low + arrays["maps"].astype(np.float32) * ((high - low) / _LEVELS)).astype(np.float32)
        outputs = partial(read_written, path.with_suffix(".mp4")) if bool(arrays["outputs"]) else None
        return PreviewParts(numbers, maps, outputs)


def write_previews(folder: Path, previews: Mapping[str, Preview]) -> None:
    """Replace the previews of a run; `folder` holds the score files."""
    for path in (folder / "previews").glob("*"):
        if path.is_file():
            path.unlink()
    for name, preview in previews.items():
        path = score_file(folder / "previews", name)
        with atomic_write(path.with_suffix(".mp4")) as temporary:
            temporary.write_bytes(preview.video)
        arrays: dict[str, NDArray[Any]] = {"numbers": preview.numbers, "fps": np.array(preview.fps)}
        arrays |= {"parts": np.array(preview.parts, np.str_), "heat": np.array(preview.heat or ())}
        write_arrays(path, _PREVIEW, arrays)


def has_previews(folder: Path, names: Iterable[str]) -> bool:
    """Whether all videos of these names have previews; `folder` holds the score files."""
    return all(score_file(folder / "previews", name).is_file() for name in names)


def find_preview(folder: Path, name: str) -> Callable[[], Preview] | None:
    """The function that reads a video's preview; None if there is none. `folder` holds the score files."""
    path = score_file(folder / "previews", name)
    return partial(_read_preview, path) if path.is_file() else None


def _read_preview(path: Path) -> Preview:
    film = path.with_suffix(".mp4")
    with opened_arrays(path, _PREVIEW) as arrays:
        low, high = arrays["heat"].tolist() or (None, None)
        heat = (float(low), float(high)) if low is not None and high is not None else None
        parts, fps = tuple(str(part) for part in arrays["parts"]), float(arrays["fps"])
        return Preview(film.read_bytes(), arrays["numbers"], fps, parts, heat)
