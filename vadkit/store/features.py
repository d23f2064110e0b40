"""Features of training clips in the folder of the frame cache, so that later fits and runs need not compute them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vadkit.core.errors import DataError, RunFolderError
from vadkit.core.files import atomic_write_text
from vadkit.core.progress import Progress
from vadkit.video.cache import FrameCache
from vadkit.video.cache_quota import CacheQuota, format_bytes
from vadkit.video.frame_array import write

LIMIT = 10 * 10**9  # bytes of all stored features; those that were not used for the longest time are removed
_PREFIX = "features-"


class StoredFeatures:
    """The samples of each clip, in a file that is open only during a read.

    Args:
        path: the file.
        shape: of one sample.
        dtype: of the values.
        offset: bytes before the first sample.
        counts: samples of each clip.
    """

    def __init__(self, path: Path, shape: Sequence[int], dtype: np.dtype[Any], offset: int, counts: list[int]) -> None:
        self.counts = np.array(counts, np.int64)
        self._path, self._shape, self._dtype, self._offset = path, tuple(shape), dtype, offset
        self._ends = np.cumsum(self.counts)

    def __getitem__(self, clip: int) -> NDArray[Any]:
        """The samples (N, *shape) of a clip.

        Raises:
            DataError: the file was removed or damaged.
        """
        count = int(self.counts[clip])
        values = count * int(np.prod(self._shape))
        first = int(self._ends[clip]) - count
        offset = self._offset + first * int(np.prod(self._shape)) * self._dtype.itemsize
        try:
            found = np.fromfile(self._path, self._dtype, values, offset=offset)
        except OSError as error:
            raise self._lost() from error
        if len(found) != values:
            raise self._lost()
        return found.reshape(count, *self._shape)

    def _lost(self) -> DataError:
        what, fix = "the stored features were removed or damaged", "continue with 'vadkit run --resume'"
        return DataError(what, where=str(self._path), fix=fix)


class FeatureFiles:
    """The stored features in the folder of the frame cache.

    A file is used only if its name is the key, and if its values have the hash that was noted when they were stored.

    Args:
        cache: its folder and its limit. A cache in memory stores no features.
        progress: receives a message if features cannot be stored.
    """

    def __init__(self, cache: FrameCache, progress: Progress) -> None:
        self._cache, self._progress = cache, progress

    def features(
        self, key: str, clips: int, shape: Sequence[int], size: int, pieces: Iterable[Sequence[NDArray[Any]]]
    ) -> StoredFeatures | None:
        """The stored features; they are computed and stored if there are none.

        Args:
            key: digest of everything that the features depend on.
            clips: number of clips.
            shape: of one sample.
            size: the largest number of bytes of the features.
            pieces: computes the samples (N, *shape) of some clips, in the order of the clips.

        Returns:
            None if they cannot be stored, because of the limit or the disk.
        """
        folder = self._cache.folder
        if folder is None:
            return None
        path = folder / f"{_PREFIX}{key}.npy"
        if (found := _read(path, clips, shape)) is not None:
            with contextlib.suppress(OSError, DataError):  # a read-only folder, from which nothing is removed
                self._cache.keep(path.stem)
                path.touch()
            return found
        try:
            self._make_room(path, size)
        except (DataError, OSError) as error:
            return self._not_stored(error)
        try:
            _write(path, shape, pieces)
        except RunFolderError as error:
            return self._not_stored(error)
        return _read(path, clips, shape)

    def _make_room(self, path: Path, size: int) -> None:
        folder = next(each for each in path.parents if each.exists())
        free = shutil.disk_usage(folder).free
        if size > free / 2:
            what = f"they need up to {format_bytes(size)}, more than half of the {format_bytes(free)} that are free"
            raise DataError(what, where=str(folder))
        CacheQuota(path.parent, LIMIT, f"{_PREFIX}*.npy").make_room(size)
        self._cache.keep(path.stem, size)

    def _not_stored(self, error: Exception) -> None:
        self._progress.message(f"the features are not stored on disk: {str(error).splitlines()[0]}")


def _read(path: Path, clips: int, shape: Sequence[int]) -> StoredFeatures | None:
    """The features at `path`; None if they are absent, damaged, or of other clips or another shape."""
    try:
        notes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        array: Any = npy.open_memmap(path, mode="r")
        found = StoredFeatures(path, shape, array.dtype, array.offset, notes["counts"])
        fits = array.shape == (found.counts.sum(), *shape) and len(found.counts) == clips
        intact = fits and _noted(hashlib.sha256(array), notes["counts"]) == notes
    except (OSError, ValueError, KeyError, TypeError, OverflowError, EOFError, SyntaxError, TokenError):
        return None
    return found if intact else None


def _write(path: Path, shape: Sequence[int], pieces: Iterable[Sequence[NDArray[Any]]]) -> None:
    counts, digest = list[int](), hashlib.sha256()
    groups = iter(pieces)
    first = next(groups)

    def joined() -> Iterator[NDArray[Any]]:
        for group in chain([first], groups):
            counts.extend(map(len, group))
            values = np.concatenate(group)
            digest.update(values.tobytes())
            yield values

    write(path, joined(), tuple(shape), lambda _: None, first[0].dtype.str)
    atomic_write_text(path.with_suffix(".json"), json.dumps(_noted(digest, counts)))


def _noted(digest: Any, counts: list[int]) -> dict[str, Any]:
    """What is noted about the features: the samples of each clip, and a hash of them and of the values."""
    digest.update(json.dumps(counts).encode())
    return {"counts": counts, "sha256": digest.hexdigest()}
