"""Where a recipe's videos lie on disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from vadkit.contracts import Dataset
from vadkit.errors import DataError
from vadkit.recipe.build import build
from vadkit.recipe.chosen import Chosen

DATA_ROOT = "VADKIT_DATA"
"""Environment variable: the folder that holds the data sets' folders."""


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


def open_dataset(chosen: Chosen, data_root: str | Path | None) -> Dataset:
    """A data set, at its place on disk.

    Raises:
        DataError: it needs files, and nobody said where they lie or they are not there.
    """
    found = chosen.component.load()
    default, layout = getattr(found, "default_root", ""), getattr(found, "layout", "")
    if not getattr(found, "needs_root", True):
        return build(chosen, None)
    base = data_root if data_root is not None else os.environ.get(DATA_ROOT)
    where = f"data set {chosen.component.name}"
    if not base:
        raise DataError(
            "nobody said where the data lies", where=where, fix=f"give --data-root or set {DATA_ROOT}.\n{layout}"
        )
    root = Path(base).expanduser()
    with reading(where):
        if not root.is_dir():
            fix = f"mend --data-root or {DATA_ROOT}.\n{layout}"
            raise DataError(f"there is no folder {root}", where=where, fix=fix)
        inner = bool(default) and (root / default).is_dir()
    return build(chosen, root / default if inner else root)
