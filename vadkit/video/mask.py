"""Draws masks: regions of the picture that a model does not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vadkit.core.errors import DataError
from vadkit.core.values import ClipSpec
from vadkit.video.damage import Damages
from vadkit.video.images import images
from vadkit.video.resize import resize

_WHITE = 128  # the lowest value that counts as white


def draw_mask(
    clip: ClipSpec, image: Path | None, polygons: Sequence[Sequence[tuple[float, float]]]
) -> NDArray[np.bool_]:
    """Draw a mask at the size of a clip.

    Args:
        clip: geometry of the clip. The image is resized in the same way as the frames of a video.
        image: an image file. Its white pixels are left out.
        polygons: corners (x, y) as shares of the clip's width and height.

    Returns:
        (H, W) bool, True for the pixels that are left out.

    Raises:
        DataError: the image cannot be read, or the mask leaves out nothing or everything.
    """
    canvas = Image.new("1", (clip.width, clip.height))
    pen = ImageDraw.Draw(canvas)
    for corners in polygons:
        pen.polygon([(x * clip.width - 0.5, y * clip.height - 0.5) for x, y in corners], fill=1)
    mask = np.array(canvas.convert("L")) > 0  # a bool array of `canvas` has the byte 255 for True, which not all accept
    if image is not None:
        [pixels] = images((image,), "gray", Damages(strict=True))
        mask |= resize(pixels, replace(clip, color="gray"))[..., 0] >= _WHITE
    if mask.all() or not mask.any():
        what = f"leaves out {'everything' if mask.all() else 'nothing'}, at {clip.height}x{clip.width} pixels"
        raise DataError(what, where="data.mask", fix="draw it with 'vadkit data preview RECIPE', and correct it")
    return mask
