"""The section `data.clip`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import PositiveInt

from vadkit.core.errors import ShapeError
from vadkit.core.values import ClipSpec, Color, Resize
from vadkit.recipe.grammar import PositiveFloat, Section


@dataclass(frozen=True, slots=True)
class ClipForm(Section):
    """`data.clip` as a recipe writes it.

    Attributes:
        frames: frames of a clip.
        size: height and width, pixels.
        color: "gray" or "rgb".
        input: the frames that the encoder sees, such as "0:4"; default all.
        target: the frames that the decoder must return; default all.
        step: distance of neighbouring frames of a clip, in frames of the video.
        resize: "stretch" resizes every picture to `size` and may change its proportions; "letterbox"
            keeps the proportions and adds black bars.
        flow: adds two channels of optical flow to the colours. The value is the motion that is 1 in them, in
            pixels between neighbouring frames of a clip; a larger motion is 1 too.
    """

    frames: PositiveInt
    size: tuple[PositiveInt, PositiveInt]
    color: Color = "rgb"
    input: str | None = None
    target: str | None = None
    step: PositiveInt = 1
    resize: Resize = "stretch"
    flow: PositiveFloat | None = None

    def meaning(self) -> ClipSpec:
        """The geometry of a clip.

        Raises:
            ShapeError: a range is malformed or leaves the clip.
        """
        spans = {"input": self.input, "target": self.target}
        ranges = {name: _span(name, text, self.frames) for name, text in spans.items() if text is not None}
        return ClipSpec(
            self.frames,
            *self.size,
            color=self.color,
            step=self.step,
            resize=self.resize,
            flow=self.flow or 0.0,
            **ranges,
        )


def _span(name: str, text: str, frames: int) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    if not found:
        raise ShapeError(f"{name} {text!r} is not 'start:stop'", fix=f"for example {name}: 0:{frames}")
    start, stop = int(found[1]), int(found[2])
    if start >= stop:
        raise ShapeError(f"{name} {text} contains no frame", fix=f"choose a range inside 0:{frames}")
    return start, stop
