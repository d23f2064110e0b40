"""Numbers of channels that a recipe may give."""

from __future__ import annotations

from collections.abc import Sequence

from vadkit.api import ShapeError


def refuse_empty(**keys: int | Sequence[int]) -> None:
    """Keys and their widths: every layer needs a channel.

    Raises:
        ShapeError: a width is below 1; torch would build such a layer and fail once it is used.
    """
    for key, given in keys.items():
        widths = [given] if isinstance(given, int) else list(given)
        if min(widths) < 1:
            raise ShapeError(f"'{key}' must be at least 1 channel a layer, not {', '.join(map(str, widths))}")
