"""The frame cache: stores each video's resized frames on disk as one array, built once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL
from numpy.typing import NDArray
from platformdirs import user_cache_path

from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.video.cache_quota import CacheQuota, bytes_of
from vadkit.video.damage import RESTORE, Damage, Damages
from vadkit.video.decode import decode
from vadkit.video.frame_array import TRIES, MaskedFrames, StoredFrames, open_stored, read_damages, write, write_damages
from vadkit.video.resize import resize

# Increase it when decoding or resizing changes pixel values.
_VERSION = 3

Frames = NDArray[np.uint8] | StoredFrames | MaskedFrames
"""Frames (F, H, W, C) uint8 of a video, in memory or on disk; supports `len` and slices."""


def default_cache() -> Path:
    """`$VADKIT_CACHE`, else the system's cache folder; on Linux `$XDG_CACHE_HOME/vadkit` or `~/.cache/vadkit`."""
    if chosen := os.environ.get("VADKIT_CACHE"):
        return Path(chosen).expanduser()
    return user_cache_path("vadkit", appauthor=False)


@contextlib.contextmanager
def open_cache(*, keep: bool = True, limit: str | int | None = None) -> Iterator[FrameCache]:
    """The frame cache of one run.

    Without `keep`, the frames are in a temporary folder. `limit` is the largest size of the folder, such as 50GB; None
    means `$VADKIT_CACHE_LIMIT`, or no limit if it is unset.

    Raises:
        VadkitError: the limit is not a size, or is given for a temporary cache.
    """
    if not keep:
        if limit is not None:
            raise VadkitError("--no-cache and --cache-limit exclude each other", fix="give only one of them")
        temporary = tempfile.TemporaryDirectory(prefix="vadkit-frames-", ignore_cleanup_errors=True)
        with temporary as folder, contextlib.closing(FrameCache(Path(folder))) as cache:
            yield cache
        return
    variable = "VADKIT_CACHE_LIMIT"
    if limit is None and (text := os.environ.get(variable)):
        size = bytes_of(text, where=variable)
    else:
        size = None if limit is None else bytes_of(limit)
    with contextlib.closing(FrameCache(default_cache(), size)) as cache:
        yield cache


def fingerprint(videos: Sequence[VideoRef]) -> str:
    """SHA-256 of names and file sizes; the same data has the same fingerprint on every machine.

    Raises:
        DataError: a file is missing.
    """
    return _digest([[video.name, _identity(video, here=False)] for video in videos])


class FrameCache:
    """Read-only frames of videos, resized to a clip's size.

    Several processes may build the same video at once: each writes a temporary file and renames it. The last rename
    wins, and all files have the same content. Without a folder, the frames stay in memory. The `limit` is in bytes;
    None means no limit.
    """

    def __init__(self, folder: Path | None, limit: int | None = None) -> None:
        self.folder = folder
        self._quota = CacheQuota(folder, limit) if folder is not None else None
        self._used: set[str] = set()
        self._memory: dict[str, NDArray[np.uint8]] = {}
        self._damages: dict[str, tuple[Damage, ...]] = {}

    def reserve(self, videos: Sequence[VideoRef], clip: ClipSpec) -> None:
        """Keep these videos in the cache until `close`.

        Raises:
            DataError: a file is missing, or the limit is too small for these videos.
        """
        if self._quota is not None:
            self._quota.pin([_key(video, clip) for video in videos])

    def close(self) -> None:
        """Allow the removal of the reserved videos."""
        if self._quota is not None:
            self._quota.close()

    def frames(self, video: VideoRef, clip: ClipSpec) -> Frames:
        """(F, H, W, C) uint8, resized with antialiasing; built at the first call.

        For a damaged video, these are its readable frames; `damages` lists the problems.

        Raises:
            DataError: no frame can be read, or the cache's limit is too small.
            RunFolderError: the cache folder cannot be written, or the disk is full.
        """
        key = _key(video, clip)
        if self.folder is None:
            if key not in self._memory:
                damages = Damages()
                self._memory[key] = np.stack(list(_resized(video, clip, damages)))
                self._memory[key].flags.writeable = False
                self._damages[key] = tuple(damages.found)
            return self._memory[key]
        path = self.folder / f"{key}.npy"
        build, tries = partial(self._build, video, clip, path), 0
        while (cached := open_stored(path, _shape(clip), build)) is None:
            if tries == TRIES:
                raise DataError("the cached frames were removed or damaged", where=str(path), fix="run again")
            build()
            tries += 1
        if key not in self._used:
            self._used.add(key)
            with contextlib.suppress(OSError):  # another user's file
                os.utime(path)
        return cached

    def damages(self, video: VideoRef, clip: ClipSpec) -> tuple[Damage, ...]:
        """Problems of a video that `frames` has already read."""
        key = _key(video, clip)
        return self._damages[key] if self.folder is None else read_damages(self.folder / f"{key}.npy")

    def _build(self, video: VideoRef, clip: ClipSpec, path: Path) -> None:
        assert self._quota is not None

        def frames() -> Iterator[NDArray[np.uint8]]:
            damages = Damages()
            yield from _resized(video, clip, damages)
            write_damages(path, damages.found)  # before the array is renamed, so that an interrupt cannot lose them

        try:
            write(path, frames(), _shape(clip), self._quota.make_room)
        except RunFolderError as error:
            fix = "free some space there, or set VADKIT_CACHE to another folder"
            raise RunFolderError(error.what, where=str(path.parent), fix=fix) from error
        self._quota.make_room(0, refuse=False)  # other processes may have stored frames meanwhile


def _resized(video: VideoRef, clip: ClipSpec, damages: Damages) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, C) at the clip's size; at least one."""
    frame = None
    for frame in decode(video, color=clip.color, damages=damages):
        yield resize(frame, clip)
    if frame is None:
        raise DataError("the video has no frames", where=video.name)


def _key(video: VideoRef, clip: ClipSpec) -> str:
    return _digest([_VERSION, _identity(video, here=True), _shape(clip), clip.resize, *_decoder(video)])


def _decoder(video: VideoRef) -> list[Any]:
    """The versions of the libraries that decode the video: other versions give other pixels for some files."""
    if isinstance(video.source, tuple):
        return [f"Pillow {PIL.__version__}"]
    return [f"PyAV {av.__version__}", av.library_versions] if isinstance(video.source, Path) else []


def _shape(clip: ClipSpec) -> tuple[int, int, int]:
    return clip.height, clip.width, clip.channels


def _identity(video: VideoRef, *, here: bool) -> Any:
    """Identifies a source: with `here` by path, size and time on this machine, else by name and size."""
    if not isinstance(video.source, (Path, tuple)):
        if not video.fingerprint:
            fix = "set VideoRef.fingerprint in the data set, from everything that the frames depend on"
            raise DataError("a video drawn in code needs a fingerprint", where=video.name, fix=fix)
        return [video.name, video.fingerprint, video.frames]
    paths = video.source if isinstance(video.source, tuple) else (video.source,)
    known = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            what = "the file does not exist" if missing else f"cannot be read: {error.strerror}"
            raise DataError(what, where=str(path), fix=RESTORE) from error
        known.append([str(path.absolute()), stat.st_size, stat.st_mtime_ns] if here else [path.name, stat.st_size])
    return known


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
