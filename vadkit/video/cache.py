"""Keeps each video's resized frames as one array on disk, built once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.video.cache_quota import CacheQuota, bytes_of
from vadkit.video.damage import Damage, Damages
from vadkit.video.decode import decode
from vadkit.video.frame_array import TRIES, StoredFrames, open_stored, read_damages, write, write_damages
from vadkit.video.resize import at_size

# Raise it whenever decoding or resizing gives other pixels than before.
_VERSION = 3

Frames = NDArray[np.uint8] | StoredFrames
"""Frames (F, H, W, C) uint8 of a video, in memory or on disk: `len` and slices."""


def default_cache() -> Path:
    """`$VADKIT_CACHE`, else `$XDG_CACHE_HOME/vadkit`, else `~/.cache/vadkit`."""
    if chosen := os.environ.get("VADKIT_CACHE"):
        return Path(chosen).expanduser()
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "vadkit"


@contextlib.contextmanager
def open_cache(*, keep: bool = True, limit: str | int | None = None) -> Iterator[FrameCache]:
    """The cache of one run.

    Args:
        keep: store frames in the default folder for later runs too; otherwise in a temporary one.
        limit: size of the folder, such as 50GB; None takes `$VADKIT_CACHE_LIMIT`, else there is none.

    Raises:
        VadkitError: the limit is no size, or given for a cache that is not kept.
    """
    if not keep:
        if limit is not None:
            raise VadkitError("--no-cache and --cache-limit contradict each other", fix="give one of them")
        temporary = tempfile.TemporaryDirectory(prefix="vadkit-frames-", ignore_cleanup_errors=True)
        with temporary as folder, contextlib.closing(FrameCache(Path(folder))) as cache:
            yield cache
        return
    if limit is not None:
        size = bytes_of(limit)
    else:
        told = os.environ.get("VADKIT_CACHE_LIMIT")
        size = bytes_of(told, where="VADKIT_CACHE_LIMIT") if told else None
    with contextlib.closing(FrameCache(default_cache(), size)) as cache:
        yield cache


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
        limit: largest size of the folder, bytes; None sets none.
    """

    def __init__(self, folder: Path | None, limit: int | None = None) -> None:
        self.folder = folder
        self._room = CacheQuota(folder, limit) if folder is not None else None
        self._used: set[str] = set()
        self._memory: dict[str, NDArray[np.uint8]] = {}
        self._damages: dict[str, tuple[Damage, ...]] = {}

    def reserve(self, videos: Sequence[VideoRef], clip: ClipSpec) -> None:
        """These must stay in the cache until `close`.

        Raises:
            DataError: a file is missing, or the limit is too small for them.
        """
        if self._room is not None:
            self._room.claim([_key(video, clip) for video in videos])

    def close(self) -> None:
        """What was reserved may be removed again."""
        if self._room is not None:
            self._room.close()

    def frames(self, video: VideoRef, clip: ClipSpec) -> Frames:
        """(F, H, W, C) uint8, resized with antialiasing; built at the first call.

        A video that is damaged gives the frames that it has; `damages` tells what is wrong.

        Raises:
            DataError: no frame can be read, or the cache's limit is too small.
            RunFolderError: the cache folder cannot be written, or the disk is full.
        """
        key, shape = _key(video, clip), (clip.height, clip.width, clip.channels)
        if self.folder is None:
            if key not in self._memory:
                damages = Damages()
                self._memory[key] = np.stack(list(_resized(video, clip, damages)))
                self._memory[key].flags.writeable = False
                self._damages[key] = tuple(damages.found)
            return self._memory[key]
        path = self.folder / f"{key}.npy"

        def build() -> None:
            self._build(video, clip, path)

        cached = open_stored(path, shape, build)
        for _ in range(TRIES):
            if cached is not None:
                break
            build()
            cached = open_stored(path, shape, build)
        if cached is None:
            raise DataError("the cached frames vanished or were damaged", where=str(path), fix="run again")
        if key not in self._used:
            self._used.add(key)
            with contextlib.suppress(OSError):  # not ours, but readable
                os.utime(path)
        return cached

    def damages(self, video: VideoRef, clip: ClipSpec) -> tuple[Damage, ...]:
        """What is wrong with a video that `frames` has given all the same."""
        key = _key(video, clip)
        return self._damages[key] if self.folder is None else read_damages(self.folder / f"{key}.npy")

    def _build(self, video: VideoRef, clip: ClipSpec, path: Path) -> None:
        assert self._room is not None

        def frames() -> Iterator[NDArray[np.uint8]]:
            damages = Damages()
            yield from _resized(video, clip, damages)
            write_damages(path, damages.found)  # before the array is renamed: a kill never parts them

        try:
            write(path, frames(), (clip.height, clip.width, clip.channels), self._room.ask)
        except RunFolderError as error:
            fix = "free some space there, or set VADKIT_CACHE to another folder"
            raise RunFolderError(error.what, where=str(path.parent), fix=fix) from error
        self._room.ask(0, refuse=False)  # others may have stored something meanwhile


def _resized(video: VideoRef, clip: ClipSpec, damages: Damages) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, C) at the clip's size; at least one."""
    empty = True
    for frame in decode(video, color=clip.color, damages=damages):
        empty = False
        yield at_size(frame, clip)
    if empty:
        raise DataError("the video has no frames", where=video.name)


def _key(video: VideoRef, clip: ClipSpec) -> str:
    shape = (clip.height, clip.width, clip.channels)
    return _digest([_VERSION, _identity(video, here=True), shape, clip.resize])


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
            what = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be reached: {error.strerror}"
            raise DataError(what, where=str(path), fix="restore it, or correct the data set's folder") from error
        known.append([str(path.absolute()), stat.st_size, stat.st_mtime_ns] if here else [path.name, stat.st_size])
    return known


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
