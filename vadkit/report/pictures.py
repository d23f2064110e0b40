"""Pictures for pages: anomaly maps as heat over a frame, JPEG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.values import Preview
from vadkit.video.encode import read_written
from vadkit.video.overlay import draw_heat_map

Picture = NDArray[np.uint8]  # (H, W, 3)

FRAME, OUTPUT, HEAT = "frame", "decoder output", "anomaly map"
"""What the pictures of a preview show."""

_JPEG_QUALITY = 72
_CARD = (120, 180)  # height and width of each picture on a card


@dataclass(frozen=True, slots=True)
class HeatScale:
    """The values of an anomaly map that are drawn without colour (`low`) and with the brightest one (`high`)."""

    low: float
    high: float

    @classmethod
    def of(cls, maps: Sequence[NDArray[np.floating]]) -> HeatScale | None:
        """The scale of some maps: from their median to the value that one in a thousand exceeds; None without maps."""
        if not maps:
            return None
        values = np.concatenate([one.ravel() for one in maps])
        values = values[np.isfinite(values)]
        if not values.size:
            return None
        low, high = np.quantile(values, [0.5, 0.999])
        return cls(float(low), float(max(high, low)))


def resized(picture: NDArray[np.uint8], height: int, width: int) -> Picture:
    """A picture (H, W, C) as RGB in another size."""
    rgb = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture[..., :3]
    if rgb.shape[:2] == (height, width):
        return np.ascontiguousarray(rgb)
    return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).resize((width, height), Image.Resampling.BILINEAR))


def heated(picture: Picture, anomaly_map: NDArray[np.floating], scale: HeatScale) -> Picture:
    """A picture (H, W, 3) in gray, with its anomaly map (h, w) as heat over it."""
    gray = np.asarray(Image.fromarray(picture).convert("L").convert("RGB"))
    return draw_heat_map(gray, anomaly_map, low=scale.low, high=scale.high)


def jpeg(picture: Picture) -> bytes:
    """A JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def fitted(height: int, width: int, tallest: int, widest: int) -> tuple[int, int]:
    """The largest size with even sides and the same aspect ratio, within the original size and the limits."""
    factor = min(1.0, tallest / height, widest / width)
    high, wide = (max(2, int(side * factor) // 2 * 2) for side in (height, width))
    return high, wide


def card_pictures(preview: Preview, numbers: Sequence[int]) -> dict[int, bytes]:
    """Frame number -> a JPEG file with frame and anomaly map, for some frames of a preview."""
    places: dict[int, list[int]] = {}
    for number in numbers:
        places.setdefault(int(np.abs(preview.numbers - number).argmin()), []).append(number)
    found: dict[int, bytes] = {}
    for place, picture in enumerate(islice(read_written(preview.video), max(places, default=-1) + 1)):
        if place not in places:
            continue
        width = picture.shape[1] // len(preview.parts)
        kept = [picture[:, n * width : (n + 1) * width] for n, part in enumerate(preview.parts) if part != OUTPUT]
        small = [resized(one, *fitted(one.shape[0], one.shape[1], *_CARD)) for one in kept]
        found |= dict.fromkeys(places[place], jpeg(np.concatenate(small, axis=1)))
    return found
