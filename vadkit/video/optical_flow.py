"""Optical flow between frames: DIS (Kroeger et al., ECCV 2016), computed by OpenCV on the CPU."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FlowPreset = Literal["ultrafast", "fast", "balanced", "medium"]
Flow = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
"""Two gray frames (H, W) uint8 -> how far each pixel of the first moves, (H, W, 2): to the right, downwards."""

_ONE_AT_A_TIME = threading.Lock()  # the number of OpenCV's threads belongs to the process
_REMEMBERED = 2**28  # bytes of flow
_KEPT: OrderedDict[tuple[int, int], NDArray[np.float16]] = OrderedDict()  # two frames -> their flow


@contextmanager
def optical_flow(preset: FlowPreset) -> Iterator[Flow]:
    """Give the flow of a preset. Inside, OpenCV uses one thread, and other threads wait."""
    import cv2  # here, because listing components must be fast

    with _ONE_AT_A_TIME:
        before = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            found = _dis(cv2, preset)
            yield lambda first, second: found.calc(first, second, None)
        finally:
            cv2.setNumThreads(before)


def _dis(cv2: Any, preset: FlowPreset) -> Any:
    """The flow of a preset. "balanced" is "medium" with fewer patches and iterations, and without refinement."""
    base = "medium" if preset == "balanced" else preset
    flow = cv2.DISOpticalFlow.create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{base.upper()}"))
    if preset == "balanced":
        flow.setPatchStride(4)
        flow.setGradientDescentIterations(12)
        flow.setVariationalRefinementIterations(0)
    return flow


def flow_channels(window: NDArray[np.uint8], unit: float) -> NDArray[np.float32]:
    """The channels of optical flow of a window of frames, in [-1, 1].

    Channel 0 is the motion to the right, and channel 1 the motion downwards. Frame t has the motion from frame t - 1,
    so that it shows no later frame. The first frame has the motion of the second one. The process keeps the flow of
    its latest pairs of frames, because neighbouring windows share them.

    Args:
        window: (T, H, W, C), at least two frames.
        unit: the motion that is 1, in pixels. A larger motion is 1 too.

    Returns:
        (2, T, H, W).
    """
    import cv2

    gray = [frame[..., 0] if frame.shape[2] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in window]
    marks = [hash(frame.tobytes()) for frame in gray]
    found: list[NDArray[np.float16]] = []
    with optical_flow("medium") as flow:
        for number, key in enumerate(pairwise(marks)):
            if key not in _KEPT:
                _KEPT[key] = flow(gray[number], gray[number + 1]).astype(np.float16)
            _KEPT.move_to_end(key)
            found.append(_KEPT[key])
        while len(_KEPT) > max(_REMEMBERED // found[0].nbytes, len(found)):
            _KEPT.popitem(last=False)
    moved = np.stack([found[0], *found]).transpose(3, 0, 1, 2).astype(np.float32)
    return np.clip(moved / np.float32(unit), -1, 1)
