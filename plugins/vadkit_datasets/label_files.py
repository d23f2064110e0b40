"""Files of labels in forms that one benchmark alone has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError


def check_length(labels: int, frames: int, *, where: str, source: str) -> None:
    """Raise DataError unless there is one label per frame."""
    if labels != frames:
        raise DataError(
            f"{source} labels {labels} frames, the video has {frames}",
            where=where,
            fix="extract the missing frames, or fetch the labels of this version of the video",
        )


def read_array(path: Path) -> NDArray[Any]:
    """A `.npy` array.

    Raises:
        DataError: unreadable.
    """
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        what = f"cannot be read as a .npy file: {error}"
        raise DataError(what, where=str(path), fix="fetch the file again") from error
