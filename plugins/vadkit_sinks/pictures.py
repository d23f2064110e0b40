"""Pictures of frames: boxes, JPEG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vadkit.api import PluginError

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
_BOX = (255, 255, 255)


def rgb(picture: NDArray[np.uint8]) -> Picture:
    """A picture (H, W, C) with C = 1 or 3 as (H, W, 3)."""
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


def with_box(picture: Picture, box: tuple[int, int, int, int]) -> Picture:
    """Draw a box (x0, y0, x1, y1), without x1 and y1."""
    import cv2

    x0, y0, x1, y1 = box
    return np.asarray(cv2.rectangle(picture.copy(), (x0, y0), (x1 - 1, y1 - 1), _BOX, 1), np.uint8)


def jpeg(picture: Picture, quality: int = 90) -> bytes:
    """A picture as JPEG."""
    import cv2

    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise PluginError("the picture cannot be encoded as JPEG")
    return data.tobytes()
