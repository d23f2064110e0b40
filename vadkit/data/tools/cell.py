"""One frame of a contact sheet, with its labels, mask and tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Box = tuple[int, int, int, int]

INK, FAINT, RULE = (28, 28, 30), (128, 128, 134), (204, 204, 210)
RED, MASK, TRACK = (214, 40, 40), (255, 214, 10), (0, 200, 255)
LEFT_OUT = (200, 90, 220)
SMALL = 13
_TINY = 11
_FRAME = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One frame of a contact sheet."""

    pixels: NDArray[np.uint8]  # (H, W, C) uint8
    number: int  # frame number, from 0
    abnormal: bool  # whether its frame label is abnormal
    mask: NDArray[np.bool_] | None  # (H', W') bool at the source's size, or None
    boxes: tuple[tuple[str, Box], ...]  # identity and box of each track, in pixels of the source
    left_out: NDArray[np.bool_] | None = None  # (H, W) bool, pixels that the recipe's mask leaves out, or None


def font(size: int) -> Any:
    """Pillow's default font, at a size in pixels."""
    return ImageFont.load_default(size)


def draw_cell(
    sheet: Image.Image, cell: Cell, at: tuple[int, int], shown: tuple[int, int], size: tuple[int, int]
) -> None:
    """Paste a frame into the sheet, with a border if it is abnormal, the outline of its mask, and its boxes.

    `at` is left and top, and `shown` width and height on the sheet; `size` is (H', W') of the source, the units of
    boxes.
    """
    pixels = cell.pixels[..., 0] if cell.pixels.shape[2] == 1 else cell.pixels
    enlarged = shown[0] > cell.pixels.shape[1]
    # Nearest shows the pixels that the model gets.
    way = Image.Resampling.NEAREST if enlarged else Image.Resampling.BILINEAR
    image = Image.fromarray(pixels).convert("RGB").resize(shown, way)
    if cell.left_out is not None:
        image = Image.fromarray(_hatched(np.array(image), cell.left_out))
    if cell.mask is not None and cell.mask.any():
        image = Image.fromarray(_outlined(np.array(image), cell.mask))
    _draw_boxes(image, cell, size)
    left, top = at
    sheet.paste(image, at)
    pen = ImageDraw.Draw(sheet)
    right, bottom = left + shown[0] - 1, top + shown[1] - 1
    edge = _FRAME if cell.abnormal else 0  # outside, so that it hides no pixels
    around = (left - edge, top - edge, right + edge, bottom + edge)
    pen.rectangle(around, outline=RED if cell.abnormal else RULE, width=edge or 1)
    pen.text((left, bottom + _FRAME + 2), f"frame {cell.number}", RED if cell.abnormal else FAINT, font(SMALL))


def _draw_boxes(image: Image.Image, cell: Cell, size: tuple[int, int]) -> None:
    """Draw the tracks' boxes, each with its name above, or below if there is no room."""
    pen, shown = ImageDraw.Draw(image), image.size
    for name, box in cell.boxes:
        across, down = shown[0] / size[1], shown[1] / size[0]
        place = (box[0] * across, box[1] * down, max(box[2] * across - 1, 1), max(box[3] * down - 1, 1))
        pen.rectangle(place, outline=TRACK, width=1)
        label = pen.textbbox((0, 0), name, font(_TINY))
        left = min(place[0], shown[0] - label[2] - 4)
        top = place[1] - label[3] - 3 if place[1] > label[3] + 3 else place[3] + 1
        pen.rectangle((left, top, left + label[2] + 4, top + label[3] + 2), INK)
        pen.text((left + 2, top), name, TRACK, font(_TINY))


def _hatched(image: NDArray[np.uint8], left_out: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw diagonal lines over the pixels that are left out."""
    height, width = image.shape[:2]
    fitted = np.asarray(Image.fromarray(left_out).resize((width, height), Image.Resampling.NEAREST))
    diagonal = np.add.outer(np.arange(height), np.arange(width)) % 8 < 3
    image[fitted & diagonal] = LEFT_OUT
    return image


def _outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw the outline of the mask, two pixels wide at any scale."""
    height, width = image.shape[:2]
    fitted = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
    padded = np.pad(fitted, 2)
    inner = np.ones_like(fitted)
    outer = np.zeros_like(fitted)
    for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        moved = padded[2 + down : 2 + down + height, 2 + across : 2 + across + width]
        inner &= moved
        outer |= moved
    image[(fitted & ~inner) | (outer & ~fitted)] = MASK
    return image
