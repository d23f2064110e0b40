"""Keeps each video's resized frames as one memory-mapped array, built once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from vadkit.errors import DataError, RunFolderError
from vadkit.files import write_aside
from vadkit.values import ClipSpec, VideoRef
from vadkit.video.decode import decode

# Raise it whenever decoding or resizing gives other pixels than before.
_VERSION = 1


def default_cache() -> Path:
    """`$VADKIT_CACHE`, else `$XDG_CACHE_HOME/vadkit`, else `~/.cache/vadkit`."""
    if chosen := os.environ.get("VADKIT_CACHE"):
        return Path(chosen).expanduser()
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "vadkit"


def fingerprint(videos: Sequence[VideoRef]) -> str:
    """SHA-256 over names and file sizes: the same for the same data on another machine.

    Raises:
        DataError: a file is missing.
    """
    return _digest([[video.name, _identity(video, here=False)] for video in videos])


class FrameCache:
    """Frames of videos at a clip's size, read-only.

    Safe when several processes build the same video at once: each writes its own file
    aside, the last rename wins, and all have the same content.

    Args:
        folder: where the arrays go; None keeps them in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._memory: dict[str, NDArray[np.uint8]] = {}

    def frames(self, video: VideoRef, clip: ClipSpec) -> NDArray[np.uint8]:
        """(F, H, W, C) uint8, resized with antialiasing; built at the first call.

        Raises:
            DataError: the video cannot be read.
            RunFolderError: the cache folder cannot be written, or the disk is full.
        """
        shape = (clip.height, clip.width, clip.channels)
        key = _digest([_VERSION, _identity(video, here=True), shape])
        if self.folder is None:
            if key not in self._memory:
                self._memory[key] = np.stack(list(_resized(video, clip)))
                self._memory[key].flags.writeable = False
            return self._memory[key]
        path = self.folder / f"{key}.npy"
        cached = _open(path, shape)
        if cached is None:
            _build(video, clip, path)
            cached = _open(path, shape)
        if cached is None:
            raise DataError("the cached frames vanished or were damaged", where=str(path), fix="run again")
        return cached


def _resized(video: VideoRef, clip: ClipSpec) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, C) at the clip's size; at least one."""
    empty = True
    for frame in decode(video, color=clip.color):
        empty = False
        image = Image.fromarray(frame[..., 0] if clip.channels == 1 else frame)
        # Pillow's bilinear filter widens with the scale: it averages instead of skipping pixels.
        small = np.asarray(image.resize((clip.width, clip.height), Image.Resampling.BILINEAR))
        yield small.reshape(clip.height, clip.width, clip.channels)
    if empty:
        raise DataError("the video has no frames", where=video.name)


def _build(video: VideoRef, clip: ClipSpec, path: Path) -> None:
    """Stream the frames to `path`; the header is written again once F is known."""
    try:
        with write_aside(path) as aside, aside.open("wb") as file:
            start = _write_header(file, clip, frames=0)
            count = 0
            for frame in _resized(video, clip):
                file.write(frame.tobytes())
                count += 1
            file.seek(0)
            end = _write_header(file, clip, frames=count)
            assert end == start, "NumPy pads the first axis so that arrays can grow in place"
    except RunFolderError as error:
        fix = "free some space there, or set VADKIT_CACHE to another folder"
        raise RunFolderError(error.what, where=str(path.parent), fix=fix) from error


def _write_header(file: Any, clip: ClipSpec, *, frames: int) -> int:
    shape = (frames, clip.height, clip.width, clip.channels)
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()


def _open(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    """Map a cached array; None if it is absent, damaged or not of this shape."""
    try:
        array = npy.open_memmap(path, mode="r")
        fits = array.dtype == np.uint8 and array.ndim == 4 and array.shape[1:] == shape and len(array) > 0
        complete = fits and path.stat().st_size == array.offset + array.nbytes
    except (OSError, ValueError, EOFError, SyntaxError, TokenError):
        return None
    return array if complete else None


def _identity(video: VideoRef, *, here: bool) -> Any:
    """What tells a source from another: on this machine with path and time, else by name and size."""
    if not isinstance(video.source, (Path, tuple)):
        if not video.fingerprint:
            fix = "set VideoRef.fingerprint in the data set, from all that the drawing depends on"
            raise DataError("a drawn video must have a fingerprint", where=video.name, fix=fix)
        return [video.name, video.fingerprint, video.frames]
    paths = video.source if isinstance(video.source, tuple) else (video.source,)
    known = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError as error:
            fix = "restore it, or correct the data set's folder"
            raise DataError("no such file, or not readable", where=str(path), fix=fix) from error
        known.append([str(path.absolute()), stat.st_size, stat.st_mtime_ns] if here else [path.name, stat.st_size])
    return known


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
