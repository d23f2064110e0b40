"""What a live source reports about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceState = Literal[
    "waiting",  # no connection yet; the source is tried again
    "connected",  # for the first time, or again
    "lost",  # the connection broke; the source is tried again
    "frozen",  # the picture does not change
    "black",  # the picture is black
    "scene_changed",  # most of the picture changed and does not change back, as after the light is switched on
    "normal",  # the picture is as usual again
    "losing_frames",  # frames are damaged, or the model is slower than the source
    "rate_changed",  # the source gives another number of frames per second
    "ended",  # no more frames will come
]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A change of the state of a live source, or a state that still lasts (`detail` then has its length).

    Attributes:
        state: a state that lasts ("waiting", "connected", "lost", "frozen", "black", "normal" or "ended"), or an event
            ("scene_changed", "losing_frames" or "rate_changed").
        seconds: time since the start of the source.
        detail: the cause, in words.
        frames_lost: number of frames that the source lost so far, in total.

    Example:
        >>> from vadkit.api import SourceStatus
        >>> SourceStatus("waiting", 0.0, "no answer within 10 s").state
        'waiting'
    """

    state: SourceState
    seconds: float
    detail: str = ""
    frames_lost: int = 0

    @property
    def is_event(self) -> bool:
        """Whether it is an event, and not a state that lasts."""
        return self.state in ("scene_changed", "losing_frames", "rate_changed")
