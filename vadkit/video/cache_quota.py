"""Keeps the frame cache below a size: what was used longest ago goes first, what a run needs stays."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO
from uuid import uuid4

from pydantic import ByteSize, TypeAdapter, ValidationError

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.files import LEFTOVERS

_FORGOTTEN = 24 * 3600.0  # seconds after which a file that a killed writer left is removed
_CLAIM = ".claim"


def bytes_of(limit: str | int, *, where: str = "--cache-limit") -> int:
    """A size such as 50GB or 500MiB, in bytes.

    Raises:
        VadkitError: it is none.
    """
    try:
        size = int(TypeAdapter(ByteSize).validate_python(limit))
    except ValidationError:
        size = 0
    if size <= 0:
        raise VadkitError(f"{str(limit)!r} is not a size", where=where, fix="for example 50GB, or 500MiB")
    return size


def shown(size: int) -> str:
    """Bytes as a reader counts them: 1.5GB."""
    return ByteSize(size).human_readable(decimal=True)


class CacheQuota:
    """What may be stored in a cache folder, and what must stay there.

    The entries that a run needs are claimed in a file that the run keeps locked: when it ends,
    by whatever cause, the lock is gone and the claim counts no more.

    Args:
        folder: of the cache.
        limit: bytes; None sets none.
    """

    def __init__(self, folder: Path, limit: int | None) -> None:
        self.folder, self.limit = folder, limit
        self._mine: frozenset[str] = frozenset()
        self._claim: IO[str] | None = None
        self._path = folder / f"{uuid4().hex[:12]}{_CLAIM}"

    def claim(self, keys: Collection[str]) -> None:
        """Entries that must stay until `close`, in place of those claimed before.

        Raises:
            DataError: those of them that are there are larger than the limit already.
        """
        self.close()
        self._mine = frozenset(keys)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder):
                _entries(self.folder)  # both clear away what the dead left
                _claimed(self.folder, but=self._path)
                self._claim = self._path.open("w", encoding="utf-8")
                fcntl.flock(self._claim, fcntl.LOCK_EX)
                self._claim.write("\n".join(keys))
                self._claim.flush()
        except OSError:  # a cache that cannot be written can be read all the same
            self.close()
        self.ask(0)

    def close(self) -> None:
        """Give the claim up."""
        if self._claim is not None:
            self._path.unlink(missing_ok=True)
            self._claim.close()
            self._claim = None

    def ask(self, size: int, *, refuse: bool = True) -> None:
        """Make room for so many bytes more.

        Raises:
            DataError: even without all that no run needs there is none, and `refuse` is set.
        """
        if self.limit is None or not os.access(self.folder, os.W_OK):
            return  # where nothing can be written, nothing can be removed either
        with _locked(self.folder):
            entries = _entries(self.folder)
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
        raise self._refusal(size + sum(mine), len(mine), rest)

    def _refusal(self, needed: int, stored: int, others: int) -> DataError:
        assert self.limit is not None
        what = f"the limit of {shown(self.limit)} is too small for this run, whose frames take at least {shown(needed)}"
        if len(self._mine) > stored:
            what += f" (with {stored} of its {len(self._mine)} videos stored)"
        if others:
            what += f"; other runs that are going on need {shown(others)}"
        fix = "raise --cache-limit (VADKIT_CACHE_LIMIT), or make data.clip.size smaller"
        return DataError(what, where=str(self.folder), fix=fix + ("; or wait for the other runs" if others else ""))


def _entries(folder: Path) -> list[tuple[Path, int, float]]:
    """Path, bytes and time of the last use of each stored video; what killed writers left long ago is removed."""
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            stat = path.stat()
            if path.match(LEFTOVERS):
                if time.time() - stat.st_mtime > _FORGOTTEN:
                    path.unlink()
            elif path.suffix == ".npy":
                found.append((path, stat.st_size, stat.st_mtime))
    return found


def _claimed(folder: Path, *, but: Path) -> frozenset[str]:
    """Entries that other runs need; claims of runs that have ended are removed."""
    keys: set[str] = set()
    for path in folder.glob(f"*{_CLAIM}"):
        if path == but:
            continue
        with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                keys.update(file.read().split("\n"))
    return frozenset(keys)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time claims entries or removes some."""
    file = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
