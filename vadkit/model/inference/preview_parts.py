"""Collects what the model makes of a video, for its preview, while the windows are scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from vadkit.core.values import ClipOutputs, ClipSpec
from vadkit.model.inference.map_mean import SlidingWindowMapMean
from vadkit.store.previews import PartsWriter

_LONGEST = 384  # pixels of the longer side of a decoder's frame; a larger frame is reduced


class PartsRecorder:
    """Keeps every k-th frame of a video: its mean anomaly map, and the frame that the decoder gave.

    Several windows contain a frame. The decoder's frame is that of the window in which it is nearest to the middle.

    Args:
        writer: gets the pictures.
        clip: geometry of a window.
        frames: number of frames of the video, F.
        step: k.
    """

    def __init__(self, writer: PartsWriter, clip: ClipSpec, frames: int, step: int) -> None:
        self._writer, self._clip, self._step = writer, clip, step
        self._count = -(-frames // step)
        self._maps = SlidingWindowMapMean(self._count)
        self._mapped = False
        self._waiting: dict[int, tuple[float, NDArray[np.uint8]]] = {}  # picture -> distance from the middle, frame
        self._written, self._size = 0, (0, 0)

    def add(self, windows: Sequence[NDArray[np.int64]], out: ClipOutputs, maps: NDArray[np.float32] | None) -> None:
        """Add scored windows in order: the indices of their frames, each (T,), their outputs, and maps (B, T, h, w)."""
        for number, window in enumerate(windows):
            kept = window % self._step == 0
            if maps is not None and kept.any():
                of_window = maps[number][: len(window)][kept]
                self._maps.add(window[kept] // self._step, of_window)
                self._mapped |= not bool(np.isnan(of_window).any(axis=(1, 2)).all())  # NaN means "no map"
        if out.output is not None and min(self._clip.height, self._clip.width) > 1:
            self._add_outputs(windows, out.output[:, : self._clip.colors])

    def _add_outputs(self, windows: Sequence[NDArray[np.int64]], output: torch.Tensor) -> None:
        start, stop = self._clip.target
        middle, pixels = (start + stop - 1) / 2, _pixels(output)
        for number, window in enumerate(windows):
            for place in range(start, min(stop, len(window))):
                picture, rest = divmod(int(window[place]), self._step)
                known = self._waiting.get(picture)
                if rest == 0 and picture >= self._written and (known is None or abs(place - middle) < known[0]):
                    self._waiting[picture] = abs(place - middle), pixels[number, place - start].copy()
        self._flush(-(-int(windows[-1][0]) // self._step))  # later windows do not contain earlier frames

    def _flush(self, until: int) -> None:
        """Write the pictures before `until`. One that the decoder did not give is black."""
        if not self._waiting and not self._size[0]:
            return
        self._size = self._size if self._size[0] else next(iter(self._waiting.values()))[1].shape[:2]
        black = np.zeros((*self._size, 3), np.uint8)
        for picture in range(self._written, until):
            _, frame = self._waiting.pop(picture, (0.0, black))
            self._writer.add_output(np.broadcast_to(frame, black.shape))  # gray becomes RGB
        self._written = max(self._written, until)

    def finish(self) -> None:
        """Write what is left."""
        self._flush(self._count)
        maps = self._maps.means() if self._mapped else None
        self._writer.close(np.arange(self._count, dtype=np.int64) * self._step, maps)


@torch.inference_mode()
def _pixels(output: torch.Tensor) -> NDArray[np.uint8]:
    """Frames (B, C, T, H, W) in [-1, 1] -> (B, T, H', W', C) uint8."""
    factor = -(-max(output.shape[3:]) // _LONGEST)
    pixels = ((output.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return pixels[..., ::factor, ::factor].permute(0, 2, 3, 4, 1).cpu().numpy()
