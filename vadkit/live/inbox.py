"""The frames and states of a live source that wait for their reader."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from vadkit.core.source_status import SourceStatus
from vadkit.live.source_frame import Gap, SourceFrame, SourceFrames

# Frames may wait for this time, and no more than this number. HLS sends some seconds of frames at once.
QUEUE_SECONDS, QUEUE_SIZE = 3.0, 512


class Inbox:
    """Passes frames, gaps and states from the thread that receives them to the thread that reads them, in order.

    The receiving thread never waits. If frames wait for too long, all of them are dropped at once. Otherwise the delay
    would grow.
    """

    def __init__(self) -> None:
        self._items: deque[SourceFrame | SourceStatus | Gap] = deque()
        self._changed = threading.Condition()
        self._since: deque[float] = deque()  # when the frames among the items were added, in seconds
        self._gap: Gap | None = Gap.LOSS  # the gap after the last frame
        self._ended = False
        self._error: BaseException | None = None

    def put(self, frame: SourceFrame, now: float) -> int:
        """Add a frame at a time in seconds; return the number of frames that were dropped to make room."""
        with self._changed:
            dropped = 0
            if self._since and (len(self._since) >= QUEUE_SIZE or now - self._since[0] > QUEUE_SECONDS):
                dropped = len(self._since)
                self._since.clear()
                self._items = deque(item for item in self._items if isinstance(item, SourceStatus))
                self._items.append(Gap.HOLE)
            self._items.append(frame)
            self._since.append(now)
            self._gap = None
            self._changed.notify()
            return dropped

    def gap(self, kind: Gap = Gap.HOLE) -> None:
        """Mark a gap between the last frame and the next one."""
        with self._changed:
            if self._gap is None or (self._gap, kind) == (Gap.HOLE, Gap.LOSS):
                self._items.append(kind)
                self._gap = kind
                self._changed.notify()

    def status(self, status: SourceStatus) -> None:
        """Add a state."""
        with self._changed:
            self._items.append(status)
            self._changed.notify()

    def end(self, error: BaseException | None) -> None:
        """No more items will come; `error` is raised after the last one."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def frames(self, on_status: Callable[[SourceStatus], None]) -> SourceFrames:
        """Frames and gaps until the end; states go to `on_status`."""
        while True:
            with self._changed:
                while not self._items and not self._ended:
                    self._changed.wait()
                if not self._items:
                    break
                item = self._items.popleft()
                if isinstance(item, SourceFrame):
                    self._since.popleft()
            if isinstance(item, SourceStatus):
                on_status(item)
            else:
                yield item
        if self._error is not None:
            raise self._error
