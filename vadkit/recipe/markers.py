"""What the fields of `vadkit.recipe.model` are annotated with to make a grammar of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, PositiveInt

from vadkit.core.errors import ShapeError
from vadkit.core.values import ClipSpec, Color, Resize

FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Kind:
    """Marks a field that takes a component of this kind."""

    name: str


@dataclass(frozen=True, slots=True)
class Beside(Kind):
    """Marks the component whose `use` and keys stand among the section's own keys."""


@dataclass(frozen=True, slots=True)
class Written:
    """Marks a field that is written as another dataclass, whose `meaning()` is the value."""

    form: type


@dataclass(frozen=True, slots=True)
class ClipForm:
    """`data.clip` as it is written.

    Attributes:
        frames: frames of a clip.
        size: height and width, pixels.
        color: "gray" or "rgb".
        input: the frames that the encoder sees, such as "0:4"; all if left out.
        target: the frames that the decoder must give; all if left out.
        step: distance of neighbouring frames of a clip, in frames of the video.
        resize: "stretch" brings every picture to `size`, whatever its proportions; "letterbox" keeps
            them and fills up with black bars.
    """

    frames: PositiveInt
    size: tuple[PositiveInt, PositiveInt]
    color: Color = "rgb"
    input: str | None = None
    target: str | None = None
    step: PositiveInt = 1
    resize: Resize = "stretch"

    def meaning(self) -> ClipSpec:
        """The geometry.

        Raises:
            ShapeError: a range that is malformed or leaves the clip.
        """
        spans = {"input": self.input, "target": self.target}
        ranges = {name: _span(name, text, self.frames) for name, text in spans.items() if text is not None}
        return ClipSpec(self.frames, *self.size, color=self.color, step=self.step, resize=self.resize, **ranges)


def _span(name: str, text: str, frames: int) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    if not found:
        raise ShapeError(f"{name} {text!r} is not 'start:stop'", fix=f"for example {name}: 0:{frames}")
    start, stop = int(found[1]), int(found[2])
    if start >= stop:
        raise ShapeError(f"{name} {text} holds no frame", fix=f"choose a range inside 0:{frames}")
    return start, stop
