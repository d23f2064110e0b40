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
from vadkit.video.decode import decode_timed
from vadkit.video.frame_array import (
    TRIES,
    MaskedFrames,
    Notes,
    SampledFrames,
    StoredFrames,
    open_stored,
    read_notes,
    write,
    write_notes,
)
from vadkit.video.resize import resize
from vadkit.video.sampling import Sampling, drops_frames
from vadkit.video.times import rate_varies

# Increase it when decoding or resizing changes pixel values.
_VERSION = 3

FileFrames = NDArray[np.uint8] | StoredFrames
"""All frames (F, H, W, C) uint8 of a video, in memory or on disk."""

Frames = FileFrames | SampledFrames | MaskedFrames
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
        self._notes: dict[str, Notes] = {}

    def reserve(self, videos: Sequence[VideoRef], clip: ClipSpec) -> None:
        """Keep these videos in the cache until `close`.

        Raises:
            DataError: a file is missing, or the limit is too small for these videos.
        """
        if self._quota is not None:
            self._quota.pin([_key(video, clip) for video in videos])

    def keep(self, key: str, size: int = 0) -> None:
        """Keep another entry than frames until `close`, and make room for the bytes that it still needs.

        Raises:
            DataError: the limit is too small for it.
        """
        if self._quota is not None:
            self._quota.add(key)
            self._quota.make_room(size)

    def video_key(self, video: VideoRef, clip: ClipSpec) -> str:
        """Identifies the stored frames of a video on this machine.

        Raises:
            DataError: a file is missing.
        """
        return _key(video, clip)

    def close(self) -> None:
        """Allow the removal of the reserved videos."""
        if self._quota is not None:
            self._quota.close()

    def holds(self, video: VideoRef, clip: ClipSpec) -> bool:
        """Whether the frames of a video are stored.

        Raises:
            DataError: a file is missing.
        """
        key = _key(video, clip)
        return key in self._memory if self.folder is None else (self.folder / f"{key}.npy").is_file()

    def frames(self, video: VideoRef, clip: ClipSpec) -> FileFrames:
        """(F, H, W, C) uint8, resized with antialiasing; built at the first call.

        For a damaged video, these are its readable frames; `damages` lists the problems.

        Raises:
            DataError: no frame can be read, or the cache's limit is too small.
            RunFolderError: the cache folder cannot be written, or the disk is full.
        """
        key = _key(video, clip)
        if self.folder is None:
            if key not in self._memory:
                decoding = _Decoding(video, clip)
                self._memory[key] = np.stack(list(decoding.frames()))
                self._memory[key].flags.writeable = False
                self._notes[key] = decoding.notes()
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
        return self._notes_of(video, clip).damages

    def times(self, video: VideoRef, clip: ClipSpec) -> NDArray[np.float64] | None:
        """Seconds of each frame of a video that `frames` has already read, (F,), if the frame rate varies; else None.

        They are None too if the time stamps of the file do not count, see `VideoRef.time_stamps`.
        """
        times = self._notes_of(video, clip).times if video.time_stamps else None
        return None if times is None else np.array(times)

    def sampling(self, video: VideoRef, clip: ClipSpec, fps: float | None) -> Sampling | None:
        """Which frames of a video a model sees at `fps` frames per second; None if it sees all of them."""
        if fps is None or video.fps is None or not drops_frames(video.fps, fps):
            return None
        length, times = len(self.frames(video, clip)), self.times(video, clip)
        return Sampling.of(np.arange(length) / video.fps if times is None else times, fps)

    def _notes_of(self, video: VideoRef, clip: ClipSpec) -> Notes:
        key = _key(video, clip)
        return self._notes[key] if self.folder is None else read_notes(self.folder / f"{key}.npy")

    def _build(self, video: VideoRef, clip: ClipSpec, path: Path) -> None:
        assert self._quota is not None

        def frames() -> Iterator[NDArray[np.uint8]]:
            decoding = _Decoding(video, clip)
            yield from (frame[None] for frame in decoding.frames())
            write_notes(path, decoding.notes())  # before the array is renamed, so that an interrupt cannot lose them

        try:
            write(path, frames(), _shape(clip), self._quota.make_room)
        except RunFolderError as error:
            fix = "free some space there, or set VADKIT_CACHE to another folder"
            raise RunFolderError(error.what, where=str(path.parent), fix=fix) from error
        self._quota.make_room(0, refuse=False)  # other processes may have stored frames meanwhile


class _Decoding:
    """Decodes a video once, and notes its damages and times."""

    def __init__(self, video: VideoRef, clip: ClipSpec) -> None:
        self._video, self._clip = video, clip
        self._damages = Damages()
        self._seconds: list[float] = []

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Frames (H, W, C) at the clip's size; at least one."""
        frame = None
        for frame, seconds in decode_timed(self._video, color=self._clip.color, damages=self._damages):
            if seconds is not None:
                self._seconds.append(seconds)
            yield resize(frame, self._clip)
        if frame is None:
            raise DataError("the video has no frames", where=self._video.where)

    def notes(self) -> Notes:
        """The notes, after the last frame."""
        times = np.array(self._seconds)
        return Notes(tuple(self._damages.found), tuple(self._seconds) if rate_varies(times) else None)


def _key(video: VideoRef, clip: ClipSpec) -> str:
    return _digest([_VERSION, _identity(video, here=True), _shape(clip), clip.resize, *_decoder(video)])


def _decoder(video: VideoRef) -> list[Any]:
    """The versions of the libraries that decode the video: other versions give other pixels for some files."""
    if isinstance(video.source, tuple):
        return [f"Pillow {PIL.__version__}"]
    return [f"PyAV {av.__version__}", av.library_versions] if isinstance(video.source, Path) else []


def _shape(clip: ClipSpec) -> tuple[int, int, int]:
    return clip.height, clip.width, clip.colors


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
