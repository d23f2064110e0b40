"""Ends a watch cleanly at SIGINT (Ctrl-C) or SIGTERM."""

from __future__ import annotations

import signal
from dataclasses import replace
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from vadkit.live.stream import Source, SourceFrames

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _StopError(BaseException):
    """Ends the wait for a frame. It is not an `Exception`, so that no reader of frames catches it."""


class Stop:
    """A context that turns the first SIGINT or SIGTERM into an early end of a source. Use it in the main thread.

    The frames that were read get their scores, and an open alarm ends. A second signal has its usual effect.

    Attributes:
        signal: the name of the signal that arrived. None if none did.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        self._waits = False  # whether the main thread waits for a frame
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Replace the handlers of both signals."""
        self._before = {each: signal.signal(each, self._handle) for each in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the handlers."""
        self._restore()

    def source(self, source: Source) -> Source:
        """The same source, which ends when a signal arrives."""
        return replace(source, frames=lambda: self._frames(source.frames()))

    def _frames(self, frames: SourceFrames) -> SourceFrames:
        try:
            while True:
                self._waits = True  # set before the check, so that a signal after the check raises
                try:
                    if self.signal is not None:
                        return
                    frame = next(frames)
                finally:
                    self._waits = False
                yield frame
        except (StopIteration, _StopError):
            return

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.signal = signal.Signals(number).name
        self._restore()
        if self._waits:
            raise _StopError

    def _restore(self) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
