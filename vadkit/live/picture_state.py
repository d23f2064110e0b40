"""Notices a picture that is black, frozen, or of another scene."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PictureState = Literal["normal", "frozen", "black"]

BLACK_LEVEL = 20  # of 255: a picture is black if 99 % of its pixels are at most this bright
BLACK_SECONDS = 2.0  # before a black picture is reported
STILL_SHARE = 0.01  # a picture is still if at most this share of its pixels changes at all; a clock in it may run
STILL_SECONDS = 10.0  # before a still picture is reported as frozen; a living camera has noise
CUT_LEVEL, CUT_SHARE = 20, 0.6  # another picture: this share of the pixels changes by more than the level
CUT_SECONDS = 2.0  # for which another scene must stay before it is reported
MOST_CUTS, CUTS_SECONDS = 3, 10.0  # no more cuts in this time: the picture of a camera that shakes always differs
DRIFT_SECONDS = 30.0  # for which the picture must differ from the last known scene before a slow change is reported
_SIDE = 96  # pixels that are compared, at most, in each direction


@dataclass(frozen=True, slots=True)
class PictureStatus:
    """What one frame shows."""

    state: PictureState
    since: float  # seconds of the first frame in this state
    cut: bool  # the picture differs everywhere from the frame before
    scene_changed: bool  # a cut some seconds ago led to another scene
    drifted: bool = False  # without a cut, the picture became another scene, as at dusk


class PictureWatch:
    """Follows the picture of a live source from frame to frame.

    - **Black**: 99 % of the pixels are at most `BLACK_LEVEL` bright, for `BLACK_SECONDS`.
    - **Frozen**: at most `STILL_SHARE` of the pixels differ from those of the first still frame, for `STILL_SECONDS`.
    - **Cut**: `CUT_SHARE` of the pixels differ by more than `CUT_LEVEL` from the frame before.
    - **Scene changed**: `CUT_SECONDS` after a cut, the picture still differs in this way from the last one before the
      cut. A flash of light does not change the scene.
    - **Drifted**: for `DRIFT_SECONDS`, the picture has differed in this way from the first one, or from the one at the
      last report of a change. A slow change, such as dusk, is not a cut.

    No more than `MOST_CUTS` cuts are reported in `CUTS_SECONDS`. An object covers only a part of the picture, so it
    does not count.

    Example:
        >>> import numpy as np
        >>> watch = PictureWatch()
        >>> looks = [watch.see(np.zeros((48, 64, 1), np.uint8), second) for second in (0.0, 1.0, 2.0)]
        >>> [look.state for look in looks]
        ['normal', 'normal', 'black']
    """

    def __init__(self) -> None:
        self._last: NDArray[np.int16] | None = None
        self._still: NDArray[np.int16] | None = None  # the first still frame
        self._still_since = 0.0
        self._black_since: float | None = None
        self._before: NDArray[np.int16] | None = None  # the last frame before a cut that may have changed the scene
        self._cut_at = 0.0
        self._cuts: deque[float] = deque(maxlen=MOST_CUTS)  # seconds of the last cuts
        self._scene: NDArray[np.int16] | None = None  # the first picture, or that of the last change of the scene
        self._drifting_since: float | None = None

    def see(self, frame: NDArray[np.uint8], seconds: float) -> PictureStatus:
        """Look at the next frame.

        Args:
            frame: (H, W, C) uint8.
            seconds: its time.
        """
        picture = _sampled(frame)
        black = bool(np.percentile(picture, 99) <= BLACK_LEVEL)
        self._black_since = (seconds if self._black_since is None else self._black_since) if black else None
        if self._still is None or _share_above(picture, self._still, 0) > STILL_SHARE:
            self._still, self._still_since = picture, seconds
        cut = self._last is not None and _is_cut(picture, self._last)
        changed = self._has_changed(picture, seconds, black=black, cut=cut)
        cut = cut and self._is_rare(seconds)
        drifted = not black and self._has_drifted(picture, seconds, changed=changed)
        self._last = picture
        if self._black_since is not None and seconds - self._black_since >= BLACK_SECONDS:
            return PictureStatus("black", self._black_since, cut, changed, drifted)
        if seconds - self._still_since >= STILL_SECONDS:
            return PictureStatus("frozen", self._still_since, cut, changed, drifted)
        return PictureStatus("normal", seconds, cut, changed, drifted)

    def _has_drifted(self, picture: NDArray[np.int16], seconds: float, *, changed: bool) -> bool:
        differs = self._scene is not None and _is_cut(picture, self._scene)
        if self._scene is None or changed:
            self._scene, differs = picture, False
        if not differs:
            self._drifting_since = None
        elif self._drifting_since is None:
            self._drifting_since = seconds
        elif seconds - self._drifting_since >= DRIFT_SECONDS:
            self._scene, self._drifting_since = picture, None
            return True
        return False

    def _is_rare(self, seconds: float) -> bool:
        """Whether there were only few cuts before this one."""
        if len(self._cuts) == MOST_CUTS and seconds - self._cuts[0] < CUTS_SECONDS:
            return False
        self._cuts.append(seconds)
        return True

    def _has_changed(self, picture: NDArray[np.int16], seconds: float, *, black: bool, cut: bool) -> bool:
        if cut:
            self._before = self._last if self._before is None else self._before
            self._cut_at = seconds
        if self._before is None or black:
            return False
        if not _is_cut(picture, self._before):
            self._before = None  # the scene is back
        elif seconds - self._cut_at >= CUT_SECONDS:
            self._before = None
            return True
        return False


def _is_cut(picture: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    return _share_above(picture, before, CUT_LEVEL) >= CUT_SHARE


def _share_above(picture: NDArray[np.int16], other: NDArray[np.int16], level: int) -> float:
    """The share of the pixels that differ by more than a level."""
    return float((np.abs(picture - other) > level).mean())


def _sampled(frame: NDArray[np.uint8]) -> NDArray[np.int16]:
    """(H, W, C) -> (h, w): the brightest channel of a regular part of the pixels."""
    down, right = (max(1, -(-side // _SIDE)) for side in frame.shape[:2])
    return frame[::down, ::right].max(axis=2).astype(np.int16)
