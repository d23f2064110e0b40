"""A contact sheet, drawn with Pillow: for each video a strip of frames, with a bar of its labels below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vadkit.core.alarms import intervals_of
from vadkit.core.values import Split, VideoRef
from vadkit.data.tools.cell import FAINT, INK, LEFT_OUT, MASK, RED, RULE, SMALL, TRACK, Cell, draw_cell, font

_PAPER = (255, 255, 255)
_WIDTH = 208  # approximate width of a frame on the sheet, pixels
_TALLEST = 240
_GAP, _EDGE = 10, 24
_TITLE, _TEXT = 19, 16
_BAR = 7


@dataclass(frozen=True, slots=True)
class Strip:
    """The frames of one video."""

    split: Split
    video: VideoRef
    frames: int  # F, the number of all its frames
    labels: NDArray[np.bool_] | None  # (F,)
    cells: Sequence[Cell]  # the frames drawn
    size: tuple[int, int]  # (H', W') of the source

    @property
    def head(self) -> str:
        """The text above the strip."""
        rate = f"{self.video.fps:g} frames/s" if self.video.fps else ""
        labels = "no labels" if self.split == "test" else ""
        if self.labels is not None:
            labels = f"{int(self.labels.sum())} abnormal"
        return ", ".join(filter(None, (f"{self.frames} frames", f"{self.size[1]}x{self.size[0]}", rate, labels)))


def draw_sheet(title: str, strips: Sequence[Strip], *, columns: int) -> Image.Image:
    """Draw the sheet; strips with more frames than columns are wrapped."""
    width = _EDGE * 2 + columns * _WIDTH + (columns - 1) * _GAP
    parts = [_heading(title, width, strips)]
    for strip, before in zip(strips, (None, *strips), strict=False):
        parts.append(_draw_strip(strip, columns, width, first=before is None or strip.split != before.split))
    sheet = Image.new("RGB", (width, sum(part.height for part in parts) + _EDGE), _PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def _heading(title: str, width: int, strips: Sequence[Strip]) -> Image.Image:
    image = Image.new("RGB", (width, _EDGE + 64), _PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((_EDGE, _EDGE - 4), _fitting(pen, title, width - 2 * _EDGE, _TITLE), INK, font(_TITLE))
    cells = [cell for strip in strips for cell in strip.cells]
    key = (
        (RED, "abnormal frame, and span on the bar", any(strip.labels is not None for strip in strips)),
        (MASK, "outline of the mask", any(cell.mask is not None for cell in cells)),
        (TRACK, "track", any(cell.boxes for cell in cells)),
        (LEFT_OUT, "left out by data.mask", any(cell.left_out is not None for cell in cells)),
    )
    left, top = _EDGE, _EDGE + 30
    for color, text, shown in key:
        if not shown:
            continue
        pen.rectangle((left, top + 3, left + 12, top + 15), color, outline=FAINT)
        pen.text((left + 20, top), text, FAINT, font(SMALL))
        left += int(pen.textlength(text, font(SMALL))) + 48
    return image


def _draw_strip(strip: Strip, columns: int, width: int, *, first: bool) -> Image.Image:
    height, across = strip.cells[0].pixels.shape[:2]
    scale = min(_WIDTH / across, _TALLEST / height)
    shown = (max(1, round(across * scale)), max(1, round(height * scale)))
    rows = -(-len(strip.cells) // columns)
    row = shown[1] + 28
    above = (34 if first else 0) + 28
    below = _BAR + 20 if strip.labels is not None else 10
    image = Image.new("RGB", (width, above + rows * row + below), _PAPER)
    pen = ImageDraw.Draw(image)
    if first:
        pen.line((_EDGE, 6, width - _EDGE, 6), RULE)
        pen.text((_EDGE, 12), "training videos" if strip.split == "train" else "test videos", FAINT, font(_TEXT))
    pen.text((_EDGE, above - 26), strip.video.name, INK, font(_TEXT))
    after = _EDGE + int(pen.textlength(strip.video.name, font(_TEXT))) + 12
    pen.text((after, above - 23), strip.head, FAINT, font(SMALL))
    for index, cell in enumerate(strip.cells):
        down, right = divmod(index, columns)
        draw_cell(image, cell, (_EDGE + right * (_WIDTH + _GAP), above + down * row), shown, strip.size)
    _draw_bar(pen, strip, _EDGE, above + rows * row + 2, width - _EDGE)
    return image


def _draw_bar(pen: ImageDraw.ImageDraw, strip: Strip, left: int, top: int, right: int) -> None:
    """Draw a time line of the video: abnormal spans, and the positions of the drawn frames."""
    if strip.labels is None:
        return
    pen.rectangle((left, top, right, top + _BAR), (236, 236, 240))
    step = (right - left) / strip.frames
    for start, stop in intervals_of(strip.labels):
        pen.rectangle((left + start * step, top, max(left + start * step + 1, left + stop * step - 1), top + _BAR), RED)
    for cell in strip.cells:
        middle = left + (cell.number + 0.5) * step
        pen.line((middle, top - 2, middle, top + _BAR + 2), INK, width=1)


def _fitting(pen: ImageDraw.ImageDraw, text: str, room: int, size: int) -> str:
    while pen.textlength(text, font(size)) > room and len(text) > 8:
        text = text[:-2].rstrip(" .") + "…"
    return text
