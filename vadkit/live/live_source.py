"""A live source: it connects, connects again after a loss, reports its states, and never waits for the model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import av
import av.error

from vadkit.core.errors import DataError
from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec
from vadkit.live.connection import ConnectingError, Connection, Picture, cause, redacted
from vadkit.live.inbox import QUEUE_SIZE, Inbox
from vadkit.live.picture_state import PictureWatch
from vadkit.live.rate import RateMeter, Thinner
from vadkit.live.reports import Reports
from vadkit.live.source_frame import FrameMaker, Gap, SourceFrame, SourceFrames
from vadkit.video.rgb import RgbConverter

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two attempts to connect
_SMALL_HOLE = 0.1  # seconds of lost frames that need no new start of the model


class LiveSource:
    """The frames and the states of a camera or a stream.

    A thread receives the frames, so that the source never waits for the model. `frames` gives the frames to its reader.
    It also calls `on_status`, in the thread of the reader and in the order of the events.

    Args:
        name: name of the source, for messages.
        clip: gives the colour and the size of the frames.
        connect: opens a new connection.
        first: a connection that is open already.
        fps: frames per second to use; None uses all frames.
        retries: attempts in a row to connect again after a loss or a failed attempt. None means no limit.
        on_status: receives the states.
        picture_size: pixels of the longer side of the pictures for people; 0 for none.
    """

    def __init__(
        self,
        name: str,
        clip: ClipSpec,
        connect: Callable[[], Connection],
        *,
        first: Connection | None,
        fps: float | None,
        retries: int | None,
        on_status: Callable[[SourceStatus], None],
        picture_size: int = 0,
    ) -> None:
        self.name, self.clip, self.retries, self.on_status = redacted(name), clip, retries, on_status
        self._connect, self._first = connect, first
        self._inbox = Inbox()
        self._stopped = threading.Event()
        self._began = time.monotonic()
        self._reports = Reports(self._inbox.status, self._now)
        self._receiver = _Receiver(FrameMaker(clip, picture_size), fps, self._inbox, self._reports, self._now)

    def frames(self) -> SourceFrames:
        """Frames until the connection is lost for good.

        Raises:
            DataError: the source gave no frame, connecting failed, or the frames were read before.
        """
        if self._stopped.is_set():
            raise DataError("was read already", where=self.name, fix="open it again")
        threading.Thread(target=self._run, name=f"receive {self.name}", daemon=True).start()
        try:
            yield from self._inbox.frames(self.on_status)
        finally:
            self._stopped.set()

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            error = self._receive()
        except BaseException as exception:  # the reader of the frames must not wait forever
            error = exception
        self._inbox.end(error)

    def _receive(self) -> DataError | None:
        """Receive frames, and connect again after a loss. The result is the error of the last try, if any."""
        failed, pause = 0, FIRST_PAUSE
        while not self._stopped.is_set():
            has_frames, error, why = self._one_connection()
            if has_frames:
                failed, pause = 0, FIRST_PAUSE
            if self._stopped.is_set():
                return None
            if (self.retries is not None and failed >= self.retries) or (error is not None and error.final):
                self._reports.ended(why if has_frames else f"{why}; gave up after {failed + 1} tries")
                return None if has_frames else error
            failed += 1
            if has_frames:
                self._inbox.gap(Gap.LOSS)  # the earlier frames get their scores now, not after the reconnection
            self._reports.away(why)
            self._stopped.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return None

    def _one_connection(self) -> tuple[bool, ConnectingError | None, str]:
        """Use one connection. The result: whether it gave frames, why it could not be opened, and why it ended."""
        try:
            connection, self._first = self._first or self._connect(), None
        except ConnectingError as error:
            return False, error, error.what
        has_frames = False
        try:
            if connection.recorded:  # found only now, because the source was away before
                self.retries = 0
            self._receiver.begin(connection.stated_rate)
            for picture in connection.pictures():
                if self._stopped.is_set():
                    break
                has_frames = has_frames or not picture.damaged
                self._receiver.receive(picture, self._now())
            why = "the source ended the stream"
        except (av.error.FFmpegError, OSError) as error:
            why = cause(error)
        finally:
            connection.close()
        self._receiver.end()
        failed = None if has_frames else ConnectingError(f"gives no frame: {why}", where=self.name)
        return has_frames, failed, why


class _Receiver:
    """Turns the pictures of a connection into frames for the model, and watches their rate and their content."""

    def __init__(
        self, make: FrameMaker, fps: float | None, inbox: Inbox, reports: Reports, now: Callable[[], float]
    ) -> None:
        self._make, self._fps, self._inbox, self._reports, self._now = make, fps, inbox, reports, now
        self._meter, self._thinner, self._watch = RateMeter(), Thinner(fps), PictureWatch()
        self._held: list[SourceFrame] = []  # frames that wait for the first measurement of the rate
        self._stated: float | None = None
        self._number = -1
        self._new = True  # whether the connection still has to be reported
        self._skipped = 0  # damaged pictures since the last sound one
        self._to_rgb = RgbConverter()

    def begin(self, stated: float | None) -> None:
        """A connection begins; it states a frame rate, or None."""
        self._stated, self._new, self._to_rgb = stated, True, RgbConverter()
        self._meter.restart()
        self._thinner.restart()

    def receive(self, received: Picture, seconds: float) -> None:
        """Process a picture that arrived at this time."""
        self._number += 1
        self._reports.tick()
        changed = self._meter.add(clock=seconds, stamp=received.picture.time if received.picture else None)
        if received.damaged or received.picture is None:
            self._skipped += 1
            self._reports.lost(damaged=1)
            return
        if self._skipped > max(1, _SMALL_HOLE * (self._meter.rate or 0)):
            self._inbox.gap()  # a jump in the motion would look like an anomaly
            self._thinner.restart()
        self._skipped = 0
        rate = self._meter.rate
        if self._fps is not None and rate is None:
            if self._new and len(self._held) < QUEUE_SIZE:
                self._held.append(self._make(self._to_rgb(received.picture), self._number, seconds))
                return
            rate = (
                self._stated
            )  # the rate cannot be measured, for example because the time stamps start again and again
        self._use_rate(rate, changed=changed)
        if self._thinner.keeps():
            self._pass_on(self._make(self._to_rgb(received.picture), self._number, seconds))

    def end(self) -> None:
        """The connection has ended."""
        if self._held:  # it was too short to measure the rate
            self._use_rate(self._stated, changed=False)

    def _use_rate(self, rate: float | None, *, changed: bool) -> None:
        """Report a new connection or a new rate, and pass on the frames that waited for it."""
        if self._new:
            self._reports.connected(rate, self._fps)
        elif changed and rate is not None and self._thinner.source_fps is not None:
            self._reports.rate(rate, self._fps)
            self._inbox.gap()  # the distance between two frames is another one from now on
        self._new, self._thinner.source_fps = False, rate
        held, self._held = self._held, []
        for frame in held:
            if self._thinner.keeps():
                self._pass_on(frame)

    def _pass_on(self, frame: SourceFrame) -> None:
        look = self._watch.see(frame.frame, frame.seconds)
        if look.cut:
            self._inbox.gap()  # windows that contain both pictures would raise an alarm
        self._reports.picture(look, frame.seconds)
        self._reports.lost(slow=self._inbox.put(frame, self._now()))
