"""Atomic writing of files, and what the operating system refuses as a message."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from vadkit.core.errors import DataError, RunFolderError

LEFTOVERS = ".*.part*"
"""Pattern of the files that `atomic_write` writes; one that stays is a killed writer's."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: OSError, path: Path) -> RunFolderError:
    """An operating-system error on writing `path`, as a message that says what to do."""
    if error.errno in _NO_SPACE:
        return RunFolderError("the disk is full", where=str(path), fix="free some space, then run again with --resume")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return RunFolderError("no permission to write here", where=str(path), fix="choose another folder with --out")
    return RunFolderError(f"cannot write: {error.strerror or error}", where=str(path))


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on a clean exit, rename it to `path`.

    The suffix stays, since some writers choose their format by it.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full; `path` is untouched.
    """
    aside = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        aside.replace(path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def atomic_write_text(path: Path, text: str) -> None:
    """Write a whole text file, aside then renamed."""
    with atomic_write(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """What the operating system refuses while a data set is read, as a message.

    Args:
        where: what is being read, if the system does not name it.

    Raises:
        DataError: no permission, most of the time.
    """
    try:
        yield
    except OSError as error:
        fix = "give yourself the right to read it (chmod), or move it out of the data set's folder"
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=str(error.filename or where), fix=fix
        ) from error
