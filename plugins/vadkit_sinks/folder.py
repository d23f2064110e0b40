"""A folder of pictures or videos that stays within a quota."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from vadkit.api import AlarmEvent, bytes_of, safe_name

_PREFIX = "vadkit_"
_FORGOTTEN = 3600.0  # seconds after which an incomplete file of a killed process is removed


class Folder:
    """Names the files of a sink and removes its oldest files. Other files in the folder are never removed.

    Args:
        path: the folder.
        suffix: suffix of the sink's files, such as ".jpg".
        quota: largest total size of these files, such as "5GB".

    Raises:
        VadkitError: the quota is not a size.
    """

    def __init__(self, path: Path, suffix: str, quota: str) -> None:
        self.path, self._suffix, self._quota = path, suffix, bytes_of(quota, where="'quota'")

    def file(self, event: AlarmEvent) -> Path:
        """The file of an alarm. Begin and end of an alarm have the same file."""
        began = event.source.time(event.alarm.seconds)
        if began is None:
            minutes, seconds = divmod(int(event.alarm.seconds), 60)
            when = f"{minutes // 60:02}h{minutes % 60:02}m{seconds:02}s"
        else:
            when = f"{began:%Y%m%dT%H%M%SZ}"
        name = event.source.name
        address = name.partition("?")[0] if "://" in name else name  # without the query of a URL
        source = address.rstrip("/").rpartition("/")[2]
        return self.path / f"{safe_name(f'{_PREFIX}{when}_{event.number:04}_{source}')}{self._suffix}"

    def clean(self) -> None:
        """Remove the oldest files of the sink until the rest fits the quota, but never the newest file."""
        found: list[tuple[float, int, Path]] = []
        for path in self.path.glob(f"{_PREFIX}*{self._suffix}"):
            with contextlib.suppress(FileNotFoundError):  # another process can remove it
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
        found.sort()
        total = sum(size for _, size, _ in found)
        for _, size, path in found[:-1]:
            if total <= self._quota:
                break
            path.unlink(missing_ok=True)
            total -= size

    def remove_leftovers(self) -> None:
        """Remove incomplete files that a killed process left."""
        for path in self.path.glob(f".{_PREFIX}*.part{self._suffix}"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _FORGOTTEN:
                    path.unlink()
