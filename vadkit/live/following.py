"""Watches a source from its start to its end, passes the scores to the sinks, and makes a summary."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vadkit.core.errors import VadkitError
from vadkit.core.watching import WatchedSource, WatchSummary
from vadkit.live.outputs import Outputs, OutputState
from vadkit.live.stop import Stop
from vadkit.live.watch import Watch

if TYPE_CHECKING:
    from vadkit.live.stream import Source


@dataclass(frozen=True, slots=True)
class Watched:
    """The outcome of `follow`."""

    summary: WatchSummary
    outputs: dict[str, OutputState]
    stopped_by: str | None = None  # name of a signal
    error: VadkitError | None = None  # why the source ended

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        summary = self.summary
        return {
            "source": summary.source.name,
            "run": summary.source.run,
            "began": summary.source.began.isoformat(timespec="milliseconds"),
            "end": summary.end,
            "frames": summary.frames,
            "seconds": round(summary.seconds, 3),
            "alarms": summary.alarms,
            "frames_lost": summary.frames_lost,
            "fps": summary.fps,
            "threshold": summary.source.threshold,
            "outputs": {name: asdict(state) for name, state in self.outputs.items()},
        }


def follow(watch: Watch, source: Source, outputs: Outputs, stop: Stop) -> Watched:
    """Score a source to its end or to a signal, and pass everything to the sinks.

    Args:
        watch: the run.
        source: the result of `Watch.open`.
        outputs: the sinks.
        stop: ends the source at a signal. Its context must be entered.

    Raises:
        VadkitError: a sink cannot start.
    """
    watched = WatchedSource(
        name=source.name,
        live=source.live,
        began=datetime.now(UTC),
        threshold=watch.threshold,
        fps=source.used_fps,
        run=watch.recipe.name,
        protocol=watch.protocol.name,
        test_tuned=watch.protocol.test_tuned,
        normal_hours=watch.hours,
        rules=watch.rules,
    )
    anomaly_maps = watch.map_scorer() if outputs.needs_anomaly_maps else ""
    outputs.open(watched)
    began, frames, seconds, error = time.monotonic(), 0, 0.0, None
    end = "failed"  # an error that is not a VadkitError passes through
    try:
        for score in watch.run(stop.source(source), anomaly_maps=anomaly_maps, pictures=outputs.needs_pictures):
            frames += 1
            seconds = score.seconds + (1 / source.used_fps if source.used_fps else 0.0)
            outputs.frame(score)
        end = stop.signal or "end of the source"
    except VadkitError as failure:
        # A source that a signal ends may be shorter than a clip.
        error = failure if stop.signal is None else None
        end = stop.signal or failure.what
    finally:
        took = time.monotonic() - began
        fps = frames / took if frames and took else None
        summary = WatchSummary(watched, end, frames, seconds, outputs.alarms, outputs.frames_lost, fps)
        outputs.close(summary)
    return Watched(summary, outputs.states, stop.signal, error)
