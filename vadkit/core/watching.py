"""Values of `vadkit watch`: what a sink receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from vadkit.core.alarms import Alarm, AlarmRules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class WatchedSource:
    """A video source that is watched, and how its alarms are raised. Sinks receive it at the start.

    Attributes:
        name: file, URL without password, or camera.
        live: True for a camera or a stream, which loses frames that are not read in time.
        began: time of the first frame, in UTC. If the computer's clock is set while a live source is watched, the
            source of later alarms has the time by the new clock.
        threshold: alarm threshold of the score.
        fps: frames per second that are scored. None if unknown.
        run: name of the recipe of the run.
        protocol: name of the protocol.
        test_tuned: whether a setting of the run was chosen with test labels.
        normal_hours: length of the held-out normal video that set the threshold. 0 if the user set it.
        rules: hysteresis, shortest duration and cool-down of the alarms.

    Example:
        >>> from datetime import UTC, datetime
        >>> from vadkit.api import WatchedSource
        >>> source = WatchedSource("/dev/video0", live=True, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> source.time(90.0).isoformat()
        '2026-03-01T00:01:30+00:00'
    """

    name: str
    live: bool
    began: datetime
    threshold: float
    fps: float | None = None
    run: str = ""
    protocol: str = ""
    test_tuned: bool = False
    normal_hours: float = 0.0
    rules: AlarmRules = field(default_factory=AlarmRules)

    def time(self, seconds: float) -> datetime | None:
        """Clock time of a frame of a live source, in UTC. None for a recording."""
        return self.began + timedelta(seconds=seconds) if self.live else None


@dataclass(frozen=True, slots=True)
class FrameScore:
    """The final score of one frame of a source.

    Attributes:
        frame: number of the frame in the file, or among the frames that a live source sent.
        seconds: time of the frame: by the time stamps of a recording, by the clock since the start for a live source.
        score: fused score. NaN if the model gives no score.
        components: name -> score before transforms and weights, also of scores that are not fused.
        alarms: an alarm that is raised at this frame, and an alarm that is now known to have ended (`until` is set).
        anomaly_map: (h, w), higher = more anomalous. For sinks, it covers exactly the picture, but has another size.
            None without maps.
        picture: (H, W, C) uint8, C = 1 or 3 (RGB). It is smaller than a large video. None if no picture is needed.
        active: whether an alarm is raised and has not ended.
        is_peak: whether the score is the highest so far of an alarm, also of one that is not raised yet.
        latency: seconds from reading the frame to its score.
        left_out: number and seconds of the frames of a recording between this frame and the next scored one, which
            were left out to reach the frame rate of the model.

    Example:
        >>> from vadkit.api import FrameScore
        >>> FrameScore(frame=50, seconds=2.0, score=0.7, components={"motion": 0.7}).alarms
        ()
    """

    frame: int
    seconds: float
    score: float
    components: Mapping[str, float]
    alarms: tuple[Alarm, ...] = ()
    anomaly_map: NDArray[np.float32] | None = None
    picture: NDArray[np.uint8] | None = None
    active: bool = False
    is_peak: bool = False
    latency: float = 0.0
    left_out: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """The begin or the end of an alarm. Sinks receive it.

    Attributes:
        number: number of the alarm since the start, from 1. Begin and end have the same number.
        source: the source.
        alarm: first frame, highest score so far and, at the end, last frame.
        peak: the frame with the highest score so far. None if it is unknown.
        box: where the anomaly map of that frame is high: (x0, y0, x1, y1) in pixels of its picture, without x1 and
            y1. None without anomaly maps.

    Example:
        >>> from datetime import UTC, datetime
        >>> from vadkit.api import Alarm, AlarmEvent, WatchedSource
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> event = AlarmEvent(1, source, Alarm(50, 2.0, 3.5, 60, 2.4, until_frame=74, until=2.96))
        >>> event.begins, event.as_dict()["until"]
        (False, 2.96)
    """

    number: int
    source: WatchedSource
    alarm: Alarm
    peak: FrameScore | None = None
    box: tuple[int, int, int, int] | None = None

    @property
    def begins(self) -> bool:
        """Whether the alarm begins. Otherwise it has ended."""
        return self.alarm.until is None

    @property
    def seconds(self) -> float:
        """Time of the first frame of an alarm that begins, or of the last frame of an alarm that has ended."""
        return self.alarm.seconds if self.alarm.until is None else self.alarm.until

    @property
    def time(self) -> datetime | None:
        """Clock time of that frame, in UTC. None for a recording."""
        return self.source.time(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """The event as plain values for JSON. Only the event of a live source has `time`."""
        time, picture = self.time, self.peak.picture if self.peak else None
        return {
            "source": self.source.name,
            "event": "begin" if self.begins else "end",
            "number": self.number,
            **asdict(self.alarm),
            "threshold": self.source.threshold,
            "box": None if self.box is None else list(self.box),
            "picture_size": None if picture is None else [picture.shape[1], picture.shape[0]],
            **({} if time is None else {"time": time.isoformat(timespec="milliseconds")}),
        }


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """What happened from the start to the end of a source. Sinks receive it at the end.

    Attributes:
        source: the source.
        end: why the watch ended: "end of the source", the name of a signal, or the error.
        frames: number of scored frames.
        seconds: length of the watched video, up to the last frame.
        alarms: number of raised alarms.
        frames_lost: number of frames that a live source lost.
        fps: mean number of frames that were scored per second of real time. None without frames.

    Example:
        >>> from datetime import UTC, datetime
        >>> from vadkit.api import WatchedSource, WatchSummary
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> WatchSummary(source, "end of the source", frames=90_000, seconds=3600.0, alarms=3).frames_lost
        0
    """

    source: WatchedSource
    end: str
    frames: int = 0
    seconds: float = 0.0
    alarms: int = 0
    frames_lost: int = 0
    fps: float | None = None
