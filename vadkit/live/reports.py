"""What a live source reports about itself: each state once, and again if it lasts."""

from __future__ import annotations

from collections.abc import Callable

from vadkit.core.source_status import SourceState, SourceStatus
from vadkit.live.picture_state import CUT_SECONDS, PictureState, PictureStatus
from vadkit.video.sampling import drops_frames, too_slow

_REPEAT, _LONGEST_REPEAT = 60.0, 3600.0  # seconds until a state that lasts is reported again: first, and at most
_COLLECT = 2.0  # seconds in which lost frames are counted, before they are reported

_PICTURES: dict[PictureState, str] = {
    "frozen": "the picture has not changed for {} s; low scores do not mean that the scene is normal",
    "black": "the picture has been black for {} s; low scores do not mean that the scene is normal",
    "normal": "the picture is as usual again",
}
_UNKNOWN = "if the training videos do not show such pictures, scores and alarms mean nothing"
_SCENE = f"most of the picture changed, and has not changed back for {CUT_SECONDS:g} s; {_UNKNOWN}"
_DRIFT = f"most of the picture has changed slowly, as at dusk; {_UNKNOWN}"


class _Lasting:
    """A state that lasts. It is reported again after 1, 2, 4, 8, ... minutes, and later once per hour."""

    def __init__(self, began: float, first: float = _REPEAT) -> None:
        self.began = began
        self._next, self._pause = began + first, _REPEAT

    def due(self, now: float) -> bool:
        if now < self._next:
            return False
        self._next, self._pause = now + self._pause, min(2 * self._pause, _LONGEST_REPEAT)
        return True


class Reports:
    """Turns events of a live source into its states.

    Args:
        put: receives the states.
        now: gives the seconds since the start of the source.
    """

    def __init__(self, put: Callable[[SourceStatus], None], now: Callable[[], float]) -> None:
        self._put, self._now = put, now
        self.frames_lost = 0
        self._away: _Lasting | None = None  # while there is no connection
        self._was_connected = False
        self._picture: tuple[PictureState, _Lasting] = ("normal", _Lasting(0.0))
        self._losing: _Lasting | None = None
        self._damaged = self._slow = 0  # lost frames that are not reported yet
        self._last_lost = 0.0

    def tell(self, state: SourceState, detail: str) -> None:
        """Report a state."""
        self._put(SourceStatus(state, self._now(), detail, self.frames_lost))

    def away(self, why: str) -> None:
        """There is no connection; the source is tried again."""
        self.flush()
        state = "lost" if self._was_connected else "waiting"
        now = self._now()
        if self._away is None:
            self._away = _Lasting(now)
            self.tell(state, f"{why}; connecting again")
        elif self._away.due(now):
            self.tell(state, f"{why}; no connection for {now - self._away.began:.0f} s")

    def ended(self, why: str) -> None:
        """No more frames will come."""
        self.flush()
        self.tell("ended", why)

    def connected(self, rate: float | None, fps: float | None) -> None:
        """A connection gives `rate` frames per second, and the model needs `fps` of them. None means unknown."""
        again = f"again after {self._now() - self._away.began:.0f} s, " if self._away and self._was_connected else ""
        self._away, self._was_connected = None, True
        self._picture = "normal", _Lasting(0.0)  # a picture that is still black is reported again
        self.tell("connected", again + _rates(rate, fps))

    def rate(self, rate: float, fps: float | None) -> None:
        """The source has another number of frames per second."""
        self.tell("rate_changed", _rates(rate, fps))

    def lost(self, *, damaged: int = 0, slow: int = 0) -> None:
        """Frames were lost, because they are damaged or because the model is slower than the source."""
        if damaged + slow == 0:
            return
        now = self._now()
        if self._losing is None or now - self._last_lost > _REPEAT:
            self._losing = _Lasting(now, _COLLECT)
        self._damaged, self._slow, self._last_lost = self._damaged + damaged, self._slow + slow, now
        self.frames_lost += damaged + slow

    def tick(self) -> None:
        """Report lost frames, if it is time for it."""
        if self._losing is not None and self._damaged + self._slow and self._losing.due(self._now()):
            self.flush()

    def flush(self) -> None:
        """Report lost frames now."""
        parts = []
        if self._damaged:
            parts.append(f"{_frames(self._damaged)} damaged and not scored")
        if self._slow:
            parts.append(f"{_frames(self._slow)} dropped, because the model is slower than the source")
        if parts:
            self._damaged = self._slow = 0
            self.tell("losing_frames", f"{'; '.join(parts)}; {self.frames_lost} lost in total")

    def picture(self, look: PictureStatus, seconds: float) -> None:
        """A frame shows this."""
        state, lasting = self._picture
        changed = look.state != state
        if changed:
            lasting = _Lasting(seconds)
            self._picture = (look.state, lasting)
        if changed or (state != "normal" and lasting.due(seconds)):
            self.tell(look.state, _PICTURES[look.state].format(f"{seconds - look.since:.0f}"))
        if look.scene_changed:
            self.tell("scene_changed", _SCENE)
        elif look.drifted:
            self.tell("scene_changed", _DRIFT)


def _rates(rate: float | None, fps: float | None) -> str:
    if rate is None:
        return "frames arrive"
    measured = f"{rate:.3g} frames per second"
    if not (drops_frames(rate, fps) or too_slow(rate, fps)):
        return measured
    if drops_frames(rate, fps):
        return f"{measured}; {fps:g} of them are used, as in training"
    return f"{measured}; training had {fps:g}: all motion will look faster"


def _frames(count: int) -> str:
    return f"{count} frame{'s' if count != 1 else ''}"
