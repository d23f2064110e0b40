"""Decodes frames that are image files, with Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vadkit.core.errors import DataError
from vadkit.core.folders import IMAGE_FORMATS
from vadkit.core.values import Color
from vadkit.video.damage import Damages, unreadable

_STACKS = frozenset({"TIFF", "PNG"})
_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})


def images(paths: tuple[Path, ...], color: Color, damages: Damages) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, C), one for each image.

    The image before (at the start, the one after) replaces an image that cannot be decoded, so that
    every frame keeps its number.

    Raises:
        DataError: an image is missing, has several pages or does not have 8 bits per channel, or none can be
            decoded; or the first damage, if `damages` is strict.
    """
    before: NDArray[np.uint8] | None = None
    waiting = 0
    for index, path in enumerate(paths):
        try:
            frame = _read(path, color, index)
        # Pillow's decoders report damage with SyntaxError and ValueError as well.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            refusal = unreadable(path, error, index=index)
            if damages.strict or isinstance(error, (FileNotFoundError, PermissionError)) or waiting == len(paths) - 1:
                raise refusal from error
            damages.note(index, "the image cannot be decoded; a neighbouring one replaces it", where=path)
            if before is None:
                waiting += 1
            else:
                yield before
            continue
        for _ in range(waiting + 1):
            yield frame
        before, waiting = frame, 0


def _read(path: Path, color: Color, index: int) -> NDArray[np.uint8]:
    with Image.open(path, formats=IMAGE_FORMATS) as image:
        # A JPEG may have more pictures than one too: previews that cameras add.
        if image.format in _STACKS and (pages := getattr(image, "n_frames", 1)) > 1:
            what = f"has {pages} pages, but an image file is one frame"
            fix = "write each page to its own file, or all of them to a video file"
            raise DataError(what, where=str(path), fix=fix)
        if image.mode not in _EIGHT_BIT:
            what = f"frame {index} has pixels of mode {image.mode!r}, not 8 bits per channel"
            fix = "convert the images to 8 bits; vadkit does not, because it cannot know the scale"
            raise DataError(what, where=str(path), fix=fix)
        upright = ImageOps.exif_transpose(image)
        pixels = np.asarray(_opaque(upright).convert("L" if color == "gray" else "RGB"))
    return pixels.reshape(*pixels.shape[:2], -1)  # (H, W, C)


def _opaque(image: Image.Image) -> Image.Image:
    """The image over black: a viewer does not show the colour of transparent pixels."""
    if not image.has_transparency_data:
        return image
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    black.alpha_composite(image.convert("RGBA"))
    return black
