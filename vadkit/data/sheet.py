"""A contact sheet drawn with Pillow: one strip of frames a video, a bar of its labels below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vadkit.values import Split, VideoRef

Box = tuple[int, int, int, int]

_PAPER, _INK, _FAINT = (255, 255, 255), (28, 28, 30), (128, 128, 134)
_RED, _RULE = (214, 40, 40), (204, 204, 210)
_MASK, _TRACK = (255, 214, 10), (0, 200, 255)
_WIDTH = 208  # pixels of a frame on the sheet, about
_TALLEST = 240
_GAP, _EDGE, _FRAME = 10, 24, 4
_TITLE, _TEXT, _SMALL, _TINY = 19, 16, 13, 11
_BAR = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """One frame.

    Attributes:
        pixels: (H, W, C) uint8.
        number: of the frame, counted from 0.
        abnormal: by the frame labels.
        mask: (H', W') bool at the source's size, or None.
        boxes: identity and box of each track, in pixels of the source.
    """

    pixels: NDArray[np.uint8]
    number: int
    abnormal: bool
    mask: NDArray[np.bool_] | None
    boxes: tuple[tuple[str, Box], ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """The frames of one video.

    Attributes:
        split: where it belongs.
        video: the video.
        frames: F, all of its frames.
        labels: (F,) bool, or None.
        cells: the frames drawn.
        size: (H', W') of the source.
    """

    split: Split
    video: VideoRef
    frames: int
    labels: NDArray[np.bool_] | None
    cells: Sequence[Cell]
    size: tuple[int, int]

    @property
    def head(self) -> str:
        """What stands above it."""
        parts = [f"{self.frames} frames", f"{self.size[1]}x{self.size[0]}"]
        if self.video.fps:
            parts.append(f"{self.video.fps:g} frames/s")
        if self.labels is not None:
            parts.append(f"{int(self.labels.sum())} abnormal")
        elif self.split == "test":
            parts.append("no labels")
        return ", ".join(parts)


def draw_sheet(title: str, strips: Sequence[Strip], *, columns: int) -> Image.Image:
    """The whole sheet; strips of more frames than columns are wrapped."""
    width = _EDGE * 2 + columns * _WIDTH + (columns - 1) * _GAP
    parts = [_heading(title, width, any(cell.mask is not None for strip in strips for cell in strip.cells), strips)]
    split = ""
    for strip in strips:
        parts.append(_draw_strip(strip, columns, width, first=strip.split != split))
        split = strip.split
    sheet = Image.new("RGB", (width, sum(part.height for part in parts) + _EDGE), _PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def _heading(title: str, width: int, masks: bool, strips: Sequence[Strip]) -> Image.Image:
    image = Image.new("RGB", (width, _EDGE + 64), _PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((_EDGE, _EDGE - 4), _fitting(pen, title, width - 2 * _EDGE, _TITLE), _INK, _font(_TITLE))
    key: list[tuple[tuple[int, int, int], str]] = []
    if any(strip.labels is not None for strip in strips):
        key.append((_RED, "abnormal frame, and span on the bar"))
    if masks:
        key.append((_MASK, "outline of the mask"))
    if any(cell.boxes for strip in strips for cell in strip.cells):
        key.append((_TRACK, "track"))
    left, top = _EDGE, _EDGE + 30
    for color, text in key:
        pen.rectangle((left, top + 3, left + 12, top + 15), color, outline=_FAINT)
        pen.text((left + 20, top), text, _FAINT, _font(_SMALL))
        left += int(pen.textlength(text, _font(_SMALL))) + 48
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
        pen.line((_EDGE, 6, width - _EDGE, 6), _RULE)
        pen.text((_EDGE, 12), "training videos" if strip.split == "train" else "test videos", _FAINT, _font(_TEXT))
    pen.text((_EDGE, above - 26), strip.video.name, _INK, _font(_TEXT))
    after = _EDGE + int(pen.textlength(strip.video.name, _font(_TEXT))) + 12
    pen.text((after, above - 23), strip.head, _FAINT, _font(_SMALL))
    for index, cell in enumerate(strip.cells):
        left = _EDGE + (index % columns) * (_WIDTH + _GAP)
        top = above + (index // columns) * row
        _draw_cell(image, cell, (left, top), shown, strip.size)
    _draw_bar(pen, strip, (_EDGE, above + rows * row + 2, width - _EDGE))
    return image


def _draw_cell(
    sheet: Image.Image, cell: Cell, at: tuple[int, int], shown: tuple[int, int], size: tuple[int, int]
) -> None:
    pixels = cell.pixels[..., 0] if cell.pixels.shape[2] == 1 else cell.pixels
    enlarged = shown[0] > cell.pixels.shape[1]
    # Enlarged pixels stay pixels: one is to see how little the model sees.
    way = Image.Resampling.NEAREST if enlarged else Image.Resampling.BILINEAR
    image = Image.fromarray(pixels).convert("RGB").resize(shown, way)
    if cell.mask is not None and cell.mask.any():
        image = Image.fromarray(_outlined(np.array(image), cell.mask))
    _draw_boxes(image, cell, size)
    left, top = at
    sheet.paste(image, at)
    pen = ImageDraw.Draw(sheet)
    right, bottom = left + shown[0] - 1, top + shown[1] - 1
    if cell.abnormal:
        around = (left - _FRAME, top - _FRAME, right + _FRAME, bottom + _FRAME)  # outside: it hides no pixel
        pen.rectangle(around, outline=_RED, width=_FRAME)
    else:
        pen.rectangle((left, top, right, bottom), outline=_RULE, width=1)
    pen.text((left, bottom + _FRAME + 2), f"frame {cell.number}", _RED if cell.abnormal else _FAINT, _font(_SMALL))


def _draw_boxes(image: Image.Image, cell: Cell, size: tuple[int, int]) -> None:
    """Tracks, each with its name above it, or below where there is no room."""
    pen, shown = ImageDraw.Draw(image), image.size
    for name, box in cell.boxes:
        across, down = shown[0] / size[1], shown[1] / size[0]
        place = (box[0] * across, box[1] * down, max(box[2] * across - 1, 1), max(box[3] * down - 1, 1))
        pen.rectangle(place, outline=_TRACK, width=1)
        label = pen.textbbox((0, 0), name, _font(_TINY))
        left = min(place[0], shown[0] - label[2] - 4)
        top = place[1] - label[3] - 3 if place[1] > label[3] + 3 else place[3] + 1
        pen.rectangle((left, top, left + label[2] + 4, top + label[3] + 2), _INK)
        pen.text((left + 2, top), name, _TRACK, _font(_TINY))


def _outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The mask's outline, two pixels wide whatever the scale."""
    height, width = image.shape[:2]
    fitted = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
    padded = np.pad(fitted, 2)
    inner = np.ones_like(fitted)
    outer = np.zeros_like(fitted)
    for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        moved = padded[2 + down : 2 + down + height, 2 + across : 2 + across + width]
        inner &= moved
        outer |= moved
    image[(fitted & ~inner) | (outer & ~fitted)] = _MASK
    return image


def _draw_bar(pen: ImageDraw.ImageDraw, strip: Strip, place: tuple[int, int, int]) -> None:
    """The whole video from left to right: abnormal spans, and where the frames shown are from."""
    left, top, right = place
    if strip.labels is None:
        return
    pen.rectangle((left, top, right, top + _BAR), (236, 236, 240))
    step = (right - left) / strip.frames
    edges = np.flatnonzero(np.diff(np.concatenate([[0], strip.labels.astype(np.int8), [0]])))
    for start, stop in edges.reshape(-1, 2):
        pen.rectangle(
            (left + start * step, top, max(left + start * step + 1, left + stop * step - 1), top + _BAR), _RED
        )
    for cell in strip.cells:
        middle = left + (cell.number + 0.5) * step
        pen.line((middle, top - 2, middle, top + _BAR + 2), _INK, width=1)


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _fitting(pen: ImageDraw.ImageDraw, text: str, room: int, size: int) -> str:
    while pen.textlength(text, _font(size)) > room and len(text) > 8:
        text = text[:-2].rstrip(" .") + "…"
    return text
