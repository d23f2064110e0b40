"""One video's frames on disk: written during decoding, read on demand, also a sample of them or under a mask."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write, atomic_write_text
from vadkit.video.damage import Damage

TRIES = 8  # attempts to store frames that other processes remove at the cache limit
_ASK_EVERY = 1 << 26  # bytes written between two requests for room

HIDDEN = 0
"""The value of pixels that a mask leaves out: black."""


class StoredFrames:
    """Read-only frames (F, H, W, C) uint8 of a video. The file is open only during a read.

    A memory map would count as memory of the process and keep a file open for each video. Reading from the system's
    page cache is about as fast. The values start at `offset` bytes. `rebuild` writes the file again if another process
    has removed it.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], offset: int, rebuild: Callable[[], None]) -> None:
        self.path, self.shape, self._offset, self._rebuild = path, shape, offset, rebuild

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: int | slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        """A frame (H, W, C), or frames (F, H, W, C)."""
        if isinstance(where, np.ndarray):
            return self._read(where.tolist())
        if isinstance(where, slice):
            return self._read(range(*where.indices(len(self))))
        return self._read(range(len(self))[where : where + 1 or None])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All frames, in memory."""
        del copy
        return self[:].astype(dtype or np.uint8, copy=False)

    def _read(self, frames: Sequence[int]) -> NDArray[np.uint8]:
        for _ in range(TRIES):
            with contextlib.suppress(FileNotFoundError):
                return self._read_once(frames)
            self._rebuild()
        return self._read_once(frames)

    def _read_once(self, frames: Sequence[int]) -> NDArray[np.uint8]:
        found = np.empty((len(frames), *self.shape[1:]), np.uint8)
        size = found[:1].nbytes if len(frames) else 0
        # Consecutive frames are read in one call.
        successive = isinstance(frames, range) and frames.step == 1 and len(frames)
        pieces = [(frames[0], found)] if successive else zip(frames, found, strict=True)
        with self.path.open("rb") as file:
            for first, piece in pieces:
                file.seek(self._offset + first * size)
                if file.readinto(piece.reshape(-1).data) != piece.nbytes:
                    raise DataError("the cached frames were damaged", where=str(self.path), fix="delete the file")
        return found


class SampledFrames:
    """Some of the frames of a video, as frames (S, H, W, C) uint8.

    Args:
        frames: all frames, in memory or on disk.
        numbers: the numbers of the frames that are used, (S,), from 0, in order.

    Example:
        >>> sampled = SampledFrames(np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1), np.array([0, 2, 5]))
        >>> len(sampled), sampled[1:].ravel().tolist()
        (3, [2, 5])
    """

    def __init__(self, frames: NDArray[np.uint8] | StoredFrames, numbers: NDArray[np.int64]) -> None:
        self._frames, self._numbers, self.shape = frames, numbers, (len(numbers), *frames.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: int | slice) -> NDArray[np.uint8]:
        """A frame (H, W, C), or frames (F, H, W, C)."""
        chosen = self._numbers[where]
        return self._frames[chosen if isinstance(chosen, np.ndarray) else int(chosen)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All sampled frames, in memory."""
        del copy
        return self[:].astype(dtype or np.uint8, copy=False)


class MaskedFrames:
    """Frames (F, H, W, C) uint8 of a video, with black pixels where a mask leaves them out.

    Args:
        frames: the frames, in memory or on disk.
        mask: (H, W) bool, True for the pixels that are left out.
    """

    def __init__(
        self, frames: NDArray[np.uint8] | StoredFrames | SampledFrames | MaskedFrames, mask: NDArray[np.bool_]
    ) -> None:
        self._frames, self._mask, self.shape = frames, mask, frames.shape

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, where: int | slice) -> NDArray[np.uint8]:
        """A frame (H, W, C), or frames (F, H, W, C)."""
        found = np.array(self._frames[where])
        found[..., self._mask, :] = HIDDEN
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All frames, in memory."""
        del copy
        return self[:].astype(dtype or np.uint8, copy=False)


def write(
    path: Path,
    pieces: Iterable[NDArray[Any]],
    shape: tuple[int, ...],
    room: Callable[[int], None],
    dtype: str = "|u1",
) -> None:
    """Write an array (F, *shape) to `path` in pieces (f, *shape); the header is written again when F is known.

    `room` is called from time to time with the number of bytes needed, and raises if there is no room.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full.
    """
    with atomic_write(path) as aside, aside.open("wb") as file:
        start = written = _write_header(file, (0, *shape), dtype)
        count, asked = 0, 0
        for piece in pieces:
            file.write(piece.tobytes())
            count += len(piece)
            written += piece.nbytes
            if written - asked > _ASK_EVERY:
                room(written)
                asked = written
        file.seek(0)
        end = _write_header(file, (count, *shape), dtype)
        assert end == start, "NumPy pads the header for a longer first axis"
        room(written)


def _write_header(file: Any, shape: tuple[int, ...], dtype: str) -> int:
    npy.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.tell()


def open_stored(path: Path, shape: tuple[int, int, int], rebuild: Callable[[], None]) -> StoredFrames | None:
    """The array at `path`; None if it is absent, damaged or not of this shape."""
    try:
        array = npy.open_memmap(path, mode="r")
        fits = array.dtype == np.uint8 and array.ndim == 4 and array.shape[1:] == shape and len(array) > 0
        complete = fits and path.stat().st_size == array.offset + array.nbytes
    except (OSError, ValueError, EOFError, SyntaxError, TokenError):
        return None
    return StoredFrames(path, array.shape, array.offset, rebuild) if complete else None


@dataclass(frozen=True, slots=True)
class Notes:
    """What decoding found out about a video, besides its frames."""

    damages: tuple[Damage, ...] = ()
    times: tuple[float, ...] | None = None  # seconds of each frame, if the frame rate varies


def write_notes(path: Path, notes: Notes) -> None:
    """Store notes about a video next to its frames; without any note, no file."""
    file = path.with_suffix(".json")
    if notes == Notes():
        file.unlink(missing_ok=True)
    else:
        atomic_write_text(file, json.dumps(asdict(notes)))


def read_notes(path: Path) -> Notes:
    """The notes about a video, made when its frames were stored."""
    try:
        found = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Notes()
    times = None if found["times"] is None else tuple(found["times"])
    return Notes(tuple(Damage(**one) for one in found["damages"]), times)
