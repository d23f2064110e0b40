"""Checks of reporters: they write only into their folder, and only complete files."""

from __future__ import annotations

import contextlib
import errno
import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.files import LEFTOVERS
from vadkit.testing.outcome import failing, require
from vadkit.testing.subject import Subject
from vadkit.testing.toy_results import result

_BUGS = KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError
ODD = ("../outside", "a/b", "sp ace", "ü-1")


def check_stays_inside(subject: Subject) -> None:
    """It writes only into the folder that it gets, whatever the names of the videos."""
    with _room() as room:
        folder = room / "run"
        _report(subject.build(), folder, names=ODD)
        outside = [path for path in _files(room) if not path.startswith("run/")]
        require(not outside, f"it writes outside of its folder: {outside}", "write into 'folder', and quote file names")


def check_unlabelled(subject: Subject) -> None:
    """Without labels, and so without metrics, it reports the scores or raises a DataError with the reason."""
    with _room() as room, contextlib.suppress(DataError):
        _report(subject.build(), room / "new" / "run", bare=True)


def check_atomic_write(subject: Subject) -> None:
    """If a file cannot be completed, the old file stays intact and no partial file remains."""
    with _room() as room:
        folder, reporter = room / "run", subject.build()
        _report(reporter, folder)
        before = _files(folder)
        _refuse_leftovers(before)
        _report(reporter, folder)
        fix = "replace the files of the first report"
        require(set(_files(folder)) == set(before), "a second report adds or removes files", fix)
        full = OSError(errno.ENOSPC, "No space left on device")
        with (
            mock.patch("os.replace", side_effect=full),
            mock.patch("os.rename", side_effect=full),
            contextlib.suppress(VadkitError, OSError),
        ):
            _report(reporter, folder, value=0.6)
        after = _files(folder)
        fix = "use vadkit.api.atomic_write, which writes a temporary file and renames it"
        for name, content in before.items():
            require(after.get(name) == content, f"{name} is overwritten before the new one is complete", fix)
        _refuse_leftovers(after)


def _refuse_leftovers(files: Mapping[str, bytes]) -> None:
    left = [name for name in files if Path(name).match(LEFTOVERS) or name.endswith((".tmp", ".part"))]
    require(not left, f"it leaves partial files: {left}", "remove incomplete files, as atomic_write does")


def _report(reporter: Any, folder: Path, **changes: Any) -> None:
    found = result(folder, anomaly_maps=bool(getattr(reporter, "needs_anomaly_maps", False)), **changes)
    with contextlib.redirect_stdout(io.StringIO()):
        kind = f"of {len(found.videos)} videos" if found.metrics else "without labels"
        fix = "look up facts with a default, and raise a DataError for missing values"
        with failing(f"reporting a run {kind} fails", fix, *_BUGS):
            reporter.report(found, folder)


@contextlib.contextmanager
def _room() -> Iterator[Path]:
    """A temporary folder with an empty working folder in it."""
    with tempfile.TemporaryDirectory() as made:
        room = Path(made).resolve()
        (room / "cwd").mkdir()
        with contextlib.chdir(room / "cwd"):
            yield room


def _files(folder: Path) -> dict[str, bytes]:
    """Relative name -> content."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
