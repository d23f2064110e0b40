"""Limits the size of the frame cache: removes the least recently used videos, but none that a run needs."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import ByteSize, TypeAdapter, ValidationError

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.files import LEFTOVERS

_FORGOTTEN = 24 * 3600.0  # seconds after which a file that a killed writer left is removed
_CLAIM, _LOCK = ".claim", ".lock"  # a claim's lock is a second file: on Windows a locked file cannot be read


def bytes_of(limit: str | int, *, where: str = "--cache-limit") -> int:
    """A size such as 50GB or 500MiB, in bytes.

    Raises:
        VadkitError: it is not a size.
    """
    try:
        size = int(TypeAdapter(ByteSize).validate_python(limit))
    except ValidationError:
        size = 0
    if size <= 0:
        raise VadkitError(f"{str(limit)!r} is not a size", where=where, fix="write for example 50GB or 500MiB")
    return size


def format_bytes(size: int) -> str:
    """A number of bytes in readable form, such as 1.5GB."""
    return ByteSize(size).human_readable(decimal=True)


class CacheQuota:
    """Limits the size of a cache folder, and keeps the entries that a run needs.

    A run lists the entries that it needs in a claim file and holds a lock next to that file. When the run ends, for
    whatever reason, the system frees the lock and the claim no longer counts. The `limit` is in bytes; None means no
    limit. It applies to the entries with file names that match `pattern`.
    """

    def __init__(self, folder: Path, limit: int | None, pattern: str = "*.npy") -> None:
        self.folder, self.limit, self.pattern = folder, limit, pattern
        self._mine: frozenset[str] = frozenset()
        self._path = folder / f"{uuid4().hex[:12]}{_CLAIM}"
        # Any thread may close the claim.
        self._lock = FileLock(f"{self._path}{_LOCK}", blocking=False, thread_local=False)

    def pin(self, keys: Collection[str]) -> None:
        """Keep these entries until `close`; replaces an earlier claim.

        Raises:
            DataError: those of them that are already stored exceed the limit.
        """
        self.close()
        self._mine = frozenset(keys)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder):
                _entries(self.folder, self.pattern)  # this and the next line remove files of ended runs
                _claimed(self.folder, but=self._path)
                self._lock.acquire()
                self._path.write_text("\n".join(keys), encoding="utf-8")
        except OSError:  # a cache that cannot be written can be read all the same
            self.close()
        self.make_room(0)

    def add(self, key: str) -> None:
        """Keep one more entry until `close`."""
        self.pin(self._mine | {key})

    def close(self) -> None:
        """Give the claim up."""
        if self._lock.is_locked:
            self._path.unlink(missing_ok=True)
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def make_room(self, size: int, *, refuse: bool = True) -> None:
        """Make room for another `size` bytes: remove the least recently used entries that no run needs.

        Raises:
            DataError: this does not make enough room, and `refuse` is set.
        """
        if self.limit is None or not os.access(self.folder, os.W_OK):
            return  # nothing can be removed from a read-only folder
        with _locked(self.folder):
            entries = _entries(self.folder, self.pattern)
            total = sum(used for _, used, _ in entries)
            others = _claimed(self.folder, but=self._path)
            for path, used, _ in sorted(entries, key=lambda entry: entry[2]):
                if total + size <= self.limit:
                    return
                if path.stem not in others and path.stem not in self._mine:
                    path.with_suffix(".json").unlink(missing_ok=True)
                    path.unlink(missing_ok=True)
                    total -= used
            if total + size <= self.limit or not refuse:
                return
            mine = [used for path, used, _ in entries if path.stem in self._mine]
            rest = sum(used for path, used, _ in entries if path.stem in others - self._mine)
        limit, least = format_bytes(self.limit), format_bytes(size + sum(mine))
        what = f"the limit of {limit} is too small for this run, which needs at least {least}"
        fix = "raise --cache-limit (VADKIT_CACHE_LIMIT), or lower data.clip.size"
        if len(self._mine) > len(mine):
            what += f" (with {len(mine)} of its {len(self._mine)} videos stored)"
        if rest:
            what += f"; other active runs need {format_bytes(rest)}"
            fix += ", or wait for the other runs"
        raise DataError(what, where=str(self.folder), fix=fix)


def _entries(folder: Path, pattern: str) -> list[tuple[Path, int, float]]:
    """Path, bytes and time of last use of each stored entry; removes old partial files of killed processes."""
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            stat = path.stat()
            if path.match(LEFTOVERS):
                if time.time() - stat.st_mtime > _FORGOTTEN:
                    path.unlink()
            elif path.match(pattern):
                found.append((path, stat.st_size, stat.st_mtime))
    return found


def _claimed(folder: Path, *, but: Path) -> frozenset[str]:
    """Entries that other runs need; removes the claims of ended runs."""
    keys: set[str] = set()
    for path in folder.glob(f"*{_CLAIM}{_LOCK}"):
        claim = path.with_suffix("")
        if claim == but:
            continue
        try:
            with FileLock(path, blocking=False):
                claim.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        except (Timeout, PermissionError):  # held, or another user's: its entries stay
            with contextlib.suppress(FileNotFoundError):
                keys.update(claim.read_text(encoding="utf-8").split("\n"))
    return frozenset(keys)


def _locked(folder: Path) -> contextlib.AbstractContextManager[object]:
    """Take the folder's lock: one process at a time claims entries or removes some."""
    return FileLock(folder / _LOCK).acquire(poll_interval=0.01)
