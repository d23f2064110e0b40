"""Reporters: they write into the folder that they are given, whole files or none."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.files import LEFTOVERS
from vadkit.testing.subject import Subject
from vadkit.testing.toy_results import result
from vadkit.testing.verdict import ConformityError, require

ODD = ("../outside", "a/b", "sp ace", "ü-1")


def check_stays_inside(subject: Subject) -> None:
    """It writes into the folder that it is given and nowhere else, whatever the videos are called."""
    with _room() as room:
        folder = room / "run"
        _report(subject.build(), folder, names=ODD)
        outside = [path for path in _files(room) if not path.startswith("run/")]
        require(not outside, f"it writes outside of its folder: {outside}", "write below 'folder', names quoted")


def check_unlabelled(subject: Subject) -> None:
    """Scores without labels, of which nothing is measured, are reported, or refused with a DataError that says why."""
    with _room() as room, contextlib.suppress(DataError):
        _report(subject.build(), room / "new" / "run", bare=True)


def check_atomic_write(subject: Subject) -> None:
    """Where a file cannot be completed the old one stays whole, and nothing half-written is left."""
    with _room() as room:
        folder, reporter = room / "run", subject.build()
        _report(reporter, folder)
        before = _files(folder)
        _refuse_leftovers(before)
        _report(reporter, folder)
        require(
            set(_files(folder)) == set(before), "a second report leaves other files", "replace the files of the first"
        )
        full = OSError(errno.ENOSPC, "No space left on device")
        with (
            mock.patch("os.replace", side_effect=full),
            mock.patch("os.rename", side_effect=full),
            contextlib.suppress(VadkitError, OSError),
        ):
            _report(reporter, folder, value=0.6)
        after = _files(folder)
        changed = [name for name in before if before[name] != after.get(name)]
        require(
            not changed,
            f"{changed[:1]} is overwritten before the new one is complete",
            "write with vadkit.api.atomic_write: aside, then renamed",
        )
        _refuse_leftovers(after)


def _refuse_leftovers(files: Mapping[str, bytes]) -> None:
    left = [name for name in files if Path(name).match(LEFTOVERS) or name.endswith((".tmp", ".part"))]
    require(not left, f"it leaves {left}", "remove what could not be completed, as atomic_write does")


def _report(reporter: Any, folder: Path, **changes: Any) -> None:
    found = result(folder, anomaly_maps=bool(getattr(reporter, "needs_anomaly_maps", False)), **changes)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            reporter.report(found, folder)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as error:
            what = f"of {len(found.videos)} videos" if found.metrics else "without labels"
            raise ConformityError(
                f"it cannot report a run {what}: {type(error).__name__}: {error}",
                fix="look up facts with a default, and raise a DataError for what is not there",
            ) from error


@contextlib.contextmanager
def _room() -> Iterator[Path]:
    """An empty place that is also the working folder."""
    with tempfile.TemporaryDirectory() as made:
        room, before = Path(made).resolve(), Path.cwd()
        (room / "cwd").mkdir()
        os.chdir(room / "cwd")
        try:
            yield room
        finally:
            os.chdir(before)


def _files(folder: Path) -> dict[str, bytes]:
    """Relative name -> content."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
