"""Problems of a video that can still be read in part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vadkit.core.errors import DataError

FETCH = "fetch the file again"
RESTORE = "restore it, or correct the data set's folder"
_CAUSES: Mapping[type[Exception], tuple[str, str]] = {
    FileNotFoundError: ("the file does not exist", RESTORE),
    PermissionError: ("no permission to read it", "allow reading: chmod u+r"),
    IsADirectoryError: ("is a folder, not a file", "give the file, or a folder of images"),
}


@dataclass(frozen=True, slots=True)
class Damage:
    """Frames that are damaged or missing."""

    first: int  # index of the first such frame
    last: int  # index of the last one
    what: str  # what is wrong with them

    def __str__(self) -> str:
        which = f"frame {self.first}" if self.first == self.last else f"frames {self.first} to {self.last}"
        return f"{which}: {self.what}"


class Damages:
    """Collects the damages of one video, or raises the first one if it is strict."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.found: list[Damage] = []

    def note(self, frame: int, what: str, *, where: Path | str) -> None:
        """Record a damaged frame.

        Raises:
            DataError: `strict` is set.
        """
        if self.strict:
            fix = f"{FETCH}, or remove the video and its labels: it is unknown which of its frames are lost"
            raise DataError(f"is damaged at frame {frame}: {what}", where=str(where), fix=fix)
        before = self.found[-1] if self.found else None
        if before is not None and before.what == what and before.last <= frame <= before.last + 1:
            self.found[-1] = replace(before, last=frame)
        else:
            self.found.append(Damage(frame, frame, what))


def unreadable(path: Path, error: Exception, *, index: int | None = None) -> DataError:
    """The error for a file without any readable frame: its cause and the fix. `index` numbers an image as a frame."""
    for kind, (what, fix) in _CAUSES.items():
        if isinstance(error, kind):
            return DataError(what, where=str(path), fix=fix)
    frame = "" if index is None else f" (frame {index})"
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as reading:
        return DataError(f"cannot be read: {reading.strerror or reading}", where=str(path), fix=FETCH)
    if not head:
        what, fix = f"the file is empty (0 bytes){frame}", FETCH
    elif (text := _text(head)) is not None:
        what = f"contains text, not images{frame}: {text!r}"
        fix = f"{FETCH}; a failed download often leaves an error page under the video's name"
    else:
        # Without error number and file name.
        message = getattr(error, "strerror", None) or str(error) or type(error).__name__
        what, fix = f"cannot be decoded{frame}: {message}", f"{FETCH}; it is damaged, or is not a video or image"
    return DataError(what, where=str(path), fix=fix)


def _text(head: bytes) -> str | None:
    """The start of a text file, on one line; None for any other file."""
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return None
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore")
    except UnicodeDecodeError:
        return None
    return " ".join(text.split())[:60]
