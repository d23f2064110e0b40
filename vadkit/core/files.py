"""Atomic writing of files, and errors of the operating system as messages."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from vadkit.core.errors import DataError, RunFolderError

DISK_FULL = "the disk is full"
LEFTOVERS = ".*.part*"
"""Pattern of the temporary files of `atomic_write`. Such a file stays only if the writer was killed."""

_RESERVED = frozenset('/\\:*?"<>|%')
_LONGEST_NAME = 180  # bytes; file systems allow 255, and the names of temporary files are longer
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: OSError, path: Path) -> RunFolderError:
    """Turn an operating-system error on writing `path` into a message with a fix."""
    if error.errno in _NO_SPACE:
        return RunFolderError(DISK_FULL, where=str(path), fix="free some space, then run again with --resume")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return RunFolderError("no permission to write here", where=str(path), fix="choose another folder with --out")
    return RunFolderError(f"cannot write: {error.strerror or error}", where=str(path))


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file completely or not at all: after a crash, `path` is either the old file or the new one.

    The context gives a temporary path in the same folder. When it ends without an error, the temporary
    file is renamed to `path`. The temporary path has the suffix of `path`, because some writers choose
    their format by the suffix. Missing folders are created.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full. `path` is unchanged.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from vadkit.api import atomic_write
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "table.csv"
        ...     with atomic_write(path) as temporary:
        ...         _ = temporary.write_text("video,score")
        ...     path.read_text()
        'video,score'
    """
    temporary = path.with_name(f".{path.stem}.{uuid4().hex[:8]}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """Return the content of a text file in UTF-8. Replace bytes that are not UTF-8, and skip a byte-order mark.

    Raises:
        DataError: the file cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from vadkit.api import DataError, read_text
        >>> try:
        ...     read_text(Path("no-such-file.csv"))
        ... except DataError as error:
        ...     print(error)
        no-such-file.csv: cannot be read: No such file or directory
    """
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def atomic_write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 with `atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def shorten(name: str) -> str:
    """Return the name, or if it is too long for a file system, its start and a hash of it."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: _LONGEST_NAME - 17].decode('utf-8', 'ignore')}-{digest}"


def safe_name(text: str) -> str:
    """Return a file name, without a suffix, for the name of a video.

    Letters of all languages stay. Characters that a file system may not allow are escaped as in a URL.

    Example:
        >>> from vadkit.api import safe_name
        >>> safe_name("cam1/Tür 2")
        'cam1%2FTür 2'
    """
    kept = [c if c.isprintable() and c not in _RESERVED else quote(c, safe="", errors="surrogatepass") for c in text]
    if kept and kept[0] == ".":  # a leading dot marks temporary files
        kept[0] = "%2E"
    return shorten("".join(kept))


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn operating-system errors on reading a data set into messages with a fix.

    Args:
        where: what is read. It is used if the system does not name a file.

    Raises:
        DataError: a file cannot be read, usually because of its permissions.
    """
    try:
        yield
    except OSError as error:
        fix = "make it readable (chmod), or move it out of the data set's folder"
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=str(error.filename or where), fix=fix
        ) from error
