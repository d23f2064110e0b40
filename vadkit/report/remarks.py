"""What a reader must know about a result besides its numbers, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vadkit.core.errors import join_names
from vadkit.core.values import Event, RunResult


def result_notes(result: RunResult) -> list[str]:
    """Return what was evaluated and how: counts of frames, windows, alarm threshold, events."""
    summary, lines = result.summary, list[str]()
    if summary.run and summary.run.tested_on:
        lines.append(f"tested on a data set that the model was not trained on: {_component(summary.run.tested_on)}")
    if summary.frames:
        frames = f"{summary.videos} videos, {summary.frames} frames"
        lines.append(f"{frames}, {summary.abnormal_frames} abnormal" if summary.labelled_frames else frames)
    if summary.coverage_mean and result.protocol.get("stride", 1):
        lines.append(f"windows per frame: at least {summary.coverage_min}, mean {summary.coverage_mean:.1f}")
    if summary.alarm_threshold is not None and summary.normal_hours is not None:
        minutes, videos = f"{60 * summary.normal_hours:.2g}", len(summary.normal_videos)
        lines.append(
            f"alarm threshold {summary.alarm_threshold:.4g}, from {minutes} minutes of held-out normal video "
            f"({videos} {'video' if videos == 1 else 'videos'})"
        )
    lines += [f"{metric}: {basis}" for metric, basis in summary.basis.items()]
    if result.events is not None:
        lines.append(_events(result.events))
    if summary.run and summary.run.stateful:
        lines.append(f"scores depend on the order of frames: {summary.run.stateful}")
    return lines


def result_warnings(result: RunResult) -> list[str]:
    """Return what limits the numbers: videos without labels, damaged videos, a missing threshold, and others."""
    summary = result.summary
    rules = {
        "single_class_videos": "one class only, "
        + ("padded" if result.protocol.get("single_class") == "pad" else "excluded from averages over videos"),
        "unlabelled_videos": "without labels, not evaluated",
        "constant": "constant scores",
    }
    # Without any labels, the list of unlabelled videos is redundant.
    shown = rules if result.metrics else {"constant": rules["constant"]}
    lines = [f"{text}: {join_names(getattr(summary, key))}" for key, text in shown.items() if getattr(summary, key)]
    if chosen := summary.scores_input.get("videos"):
        lines.append(f"only a part of the test videos: {join_names(chosen)}")
    for split, videos in (summary.run.damaged if summary.run else {}).items():
        lines.append(f"damaged {split} videos; the readable frames were used: {join_names(list(videos))}")
    if result.events is None and summary.run is not None:
        lines.append(
            "no events: without held-out normal video there is no alarm threshold; "
            "to get one, run the recipe again with --set data.held_out=0.2"
        )
    hours, wanted = summary.normal_hours, result.protocol.get("false_alarms_per_hour", 1)
    if hours == 0:
        lines.append("the frame rate of held-out normal video is unknown, so the threshold allows no false alarm")
    elif hours is not None and hours * wanted < 1:
        lines.append(f"held-out video is too short to show a rate of {wanted:g} per hour: no alarm is allowed in it")
    if summary.frames_without_score:
        rule = result.protocol.get("missing_scores", "?")
        lines.append(f"{summary.frames_without_score} frames without a score; rule: {rule}")
    if summary.uneven_ends:
        lines.append(
            "scores are missing at the start or end of some videos, but not of all: check that the method did not "
            f"fail there: {join_names(summary.uneven_ends)}"
        )
    return lines


def _events(events: Sequence[Event]) -> str:
    """How many events there are, and the file that lists them."""
    if not events:
        return "no events: no score of a test video reaches the alarm threshold"
    videos = len({event.video for event in events})
    found = f"{len(events)} {'event' if len(events) == 1 else 'events'}"
    return f"{found} in {videos} test {'video' if videos == 1 else 'videos'}, listed in events.csv"


def _component(written: str | Mapping[str, object]) -> str:
    """A component of the recipe, in one line."""
    if isinstance(written, str):
        return written
    keys = [f"{key} {value}" for key, value in written.items() if key != "use"]
    return f"{written.get('use')} ({', '.join(keys)})" if keys else str(written.get("use"))
