"""The section `data.boxes`."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import PositiveInt

from vadkit.core.values import WeightsFile
from vadkit.recipe.grammar import Section


@dataclass(frozen=True, slots=True)
class Boxes(Section):
    """`data.boxes`: the boxes of objects, from a detector, for features of objects.

    Attributes:
        train: a table with the boxes of the training videos, one row for each box of a frame. Its columns are `video`,
            `frame` (from 0), and `x`, `y`, `w`, `h` or `x_min`, `y_min`, `x_max`, `y_max`, in pixels of the video.
            Other columns are ignored.
        test: such a table with the boxes of the test videos.
        most: largest number of boxes in a frame. More are an error.
    """

    train: WeightsFile
    test: WeightsFile
    most: PositiveInt = 32
