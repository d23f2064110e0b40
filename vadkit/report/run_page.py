"""The page of a run: its numbers, scores over time, events, and worst frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import intervals_of
from vadkit.core.values import Event, Preview, RunResult, VideoResult
from vadkit.report.curves import histogram, roc_line, thinned
from vadkit.report.page import Card, Cards, Chart, Charts, Fact, Line, LineChart, Page, Player, Section, VideoPanel
from vadkit.report.pictures import card_pictures
from vadkit.report.remarks import result_warnings
from vadkit.report.run_tables import background, groups, numbers, shown
from vadkit.report.worst import worst_frames

VALUES = 300_000
"""Largest number of scores in the curves of a page."""

EVENTS, PICTURED = 300, 60
"""Largest number of events on a page, and of events with a picture."""

_WORST, _APART = 8, 25  # frames of a class, and frames between two of a video
_TUNED = "TEST-TUNED: a weight or a setting was chosen with test labels"
_NO_PREVIEWS = "the run stored none. To get them, use the reporter html and 'vadkit run RECIPE --resume'"
_RUN_AGAIN = "run the recipe again with data.held_out=0.2 for an alarm threshold"


class RunPage:
    """Makes the page of a run.

    Args:
        result: the result of the run.
        megabytes: largest size of all pictures in the page.
    """

    def __init__(self, result: RunResult, megabytes: float) -> None:
        self.result = result
        self.threshold = result.summary.alarm_threshold
        own: Mapping[str, Any] = result.protocol.get("components") or {}
        first = result.videos[0].components if result.videos else {}
        weights = {name: float(own.get(name, {}).get("weight", 1.0)) for name in first}
        self._weights = {name: weight for name, weight in weights.items() if weight}
        self._by_video: dict[str, list[tuple[int, int, int]]] = {}
        for event in result.events or ():
            ends = event.start_frame, event.peak_frame, event.end_frame
            self._by_video.setdefault(event.video, []).append(ends)
        self._previews = _fitting(result.videos, megabytes)
        self._cards = self._card_pictures()

    def page(self) -> Page:
        """The page."""
        result = self.result
        protocol = result.protocol
        facts = [Fact("protocol", f"{protocol.get('name', '?')} #{protocol.get('digest', '?')}")]
        facts += [Fact("vadkit", result.summary.vadkit)] if result.summary.vadkit else []
        facts += [Fact("run folder", result.folder.name)] if result.folder.name else []
        warnings = [_TUNED] if protocol.get("test_tuned") else []
        sections: list[Section] = [
            numbers(result),
            self._player(),
            self._events(),
            self._charts(),
            *self._worst(),
            *groups(result),
            background(result),
        ]
        return Page(result.name, facts, [*warnings, *result_warnings(result)], sections)

    def _player(self) -> Player:
        result = self.result
        most = max(64, VALUES // max(1, len(result.videos) * (1 + len(self._weights))))
        notes = ["The curves of the components show what each one adds to the final score."]
        if result.protocol.get("smoothing"):
            notes.append("The final score is smoothed over time after the components are added.")
        if self.threshold is None:
            notes.append(f"There is no alarm threshold: no normal video was held out. To get one, {_RUN_AGAIN}.")
        notes += self._picture_notes()
        return Player("Videos", [self._panel(video, most) for video in result.videos], self.threshold, notes)

    def _picture_notes(self) -> list[str]:
        previews, videos = self._previews, self.result.videos
        if not previews:
            kept = any(video.preview is not None for video in videos)
            why = "they would exceed the size limit of the page" if kept else _NO_PREVIEWS
            return [f"There are no pictures: {why}."] if videos else []
        notes: list[str] = []
        if len(previews) < len(videos):
            notes.append(f"{len(previews)} of {len(videos)} videos have pictures, so that the page stays small.")
        steps = {int(one.numbers[1] - one.numbers[0]) for one in previews.values() if one.numbers.size > 1}
        if steps and max(steps) > 1:
            notes.append(f"1 of {max(steps)} frames has a picture.")
        heat = next((one.heat for one in previews.values() if one.heat is not None), None)
        if heat is None:
            notes.append("There is no anomaly map: no score of the run gives one.")
        else:
            notes.append(f"Anomaly map: values up to {heat[0]:.3g}, the median of all values, have no colour.")
            notes.append(f"Values from {heat[1]:.3g} on have the brightest colour; 1 of 1000 values is higher.")
        return notes

    def _panel(self, video: VideoResult, most: int) -> VideoPanel:
        numbers, kept = _numbers_of(video), thinned(video.fused, most)
        seconds = numbers / video.fps if video.times is None and video.fps else video.times
        values = self.result.groups.get("video", {}).get(video.name, {})
        abnormal = None
        if video.labels is not None:
            abnormal = [(int(numbers[a]), int(numbers[b - 1]) + 1) for a, b in intervals_of(video.labels)]
        return VideoPanel(
            name=video.name,
            numbers=numbers[kept],
            total=video.fused[kept],
            parts={name: weight * video.components[name][kept] for name, weight in self._weights.items()},
            abnormal=abnormal,
            events=self._by_video.get(video.name, ()),
            seconds=None if seconds is None else seconds[kept],
            note=", ".join(f"{name} {shown(value, name, self.result)}" for name, value in values.items()),
            preview=self._previews.get(video.name),
        )

    def _events(self) -> Cards:
        events = self.result.events
        if events is None:
            return Cards("Events", (), [f"There are no events without an alarm threshold. To get one, {_RUN_AGAIN}."])
        if not events:
            return Cards("Events", (), ["No score of a test video reaches the alarm threshold."])
        shown = self._shown_events()
        cards = [event_card(event, self._cards.get((event.video, event.peak_frame))) for event in shown]
        more = f"The {len(shown)} highest of {len(events)} events. " if len(shown) < len(events) else ""
        return Cards("Events", cards, [f"{more}The file events.csv lists all events."])

    def _shown_events(self) -> list[Event]:
        """The highest events, in the order of the videos."""
        events = self.result.events or ()
        highest = {id(event) for event in sorted(events, key=lambda event: -event.over_threshold)[:EVENTS]}
        return [event for event in events if id(event) in highest]

    def _worst(self) -> list[Cards]:
        kinds = (
            (False, "Worst false alarms", "Normal frames with the highest scores."),
            (True, "Worst misses", "Abnormal frames with the lowest scores."),
        )
        sections = [
            Cards(title, [self._frame_card(*one) for one in self._worst_frames(abnormal=abnormal)], [note])
            for abnormal, title, note in kinds
        ]
        return [section for section in sections if section.cards]

    def _worst_frames(self, *, abnormal: bool) -> list[tuple[VideoResult, int]]:
        return worst_frames(self.result.videos, abnormal=abnormal, count=_WORST, apart=_APART)

    def _frame_card(self, video: VideoResult, index: int) -> Card:
        number, score = int(_numbers_of(video)[index]), float(video.fused[index])
        lines = [f"score {score:.4g}"]
        if self.threshold is not None:
            side = "below" if score < self.threshold else "above"
            lines.append(f"{abs(score - self.threshold):.3g} {side} the threshold")
        return Card(video.name, number, f"frame {number}", lines, self._cards.get((video.name, number)))

    def _card_pictures(self) -> dict[tuple[str, int], bytes]:
        """Video and frame number -> JPEG file, for the cards of events and of the worst frames."""
        highest = sorted(self._shown_events(), key=lambda event: -event.over_threshold)[:PICTURED]
        wanted = [(event.video, event.peak_frame) for event in highest]
        for abnormal in (False, True):
            frames = self._worst_frames(abnormal=abnormal)
            wanted += [(video.name, int(_numbers_of(video)[index])) for video, index in frames]
        by_video: dict[str, set[int]] = {}
        for name, number in wanted:
            by_video.setdefault(name, set()).add(number)
        return {
            (name, number): picture
            for name, numbers in by_video.items()
            if name in self._previews
            for number, picture in card_pictures(self._previews[name], sorted(numbers)).items()
        }

    def _charts(self) -> Charts:
        charts: list[Chart] = []
        notes: list[str] = []
        videos = self.result.videos
        if not videos:
            return Charts("ROC and histograms", (), ["There are no videos."])
        labelled = [(video, video.labels) for video in videos if video.labels is not None]
        lines: list[Line] = []
        if labelled:
            truth = np.concatenate([labels for _, labels in labelled])
            rows: dict[str, list[NDArray[np.float64]]] = {"total": [video.fused for video, _ in labelled]}
            rows |= {name: [video.components[name] for video, _ in labelled] for name in self._weights}
            rows = rows if len(rows) > 2 else {"total": rows["total"]}  # a single component equals the total
            found = (roc_line(name, np.concatenate(scores), truth) for name, scores in rows.items())
            lines = [line for line in found if line is not None]
        if lines:
            rates = "false positive rate (%)", "true positive rate (%)"
            charts.append(LineChart("ROC over all frames", *rates, lines, square=True))
        else:
            why = "all labelled frames have one class" if labelled else "the test videos have no labels"
            notes.append(f"There is no ROC: {why}.")
        truths = [video.labels for video in videos]
        charts.append(histogram("Final score", [video.fused for video in videos], truths, self.threshold))
        if len(self._weights) > 1:
            charts += [
                histogram(f"Component {name}", [video.components[name] for video in videos], truths)
                for name in self._weights
            ]
        return Charts("ROC and histograms", charts, notes)


def event_card(event: Event, picture: bytes | None) -> Card:
    """The card of an event."""
    lines = [f"frames {event.start_frame} to {event.end_frame}, highest at {event.peak_frame}"]
    if event.start_seconds is not None and event.end_seconds is not None:
        length = event.end_seconds - event.start_seconds
        lines.append(f"from {clock(event.start_seconds)} to {clock(event.end_seconds)} ({length:.1f} s)")
    lines.append(f"score {event.peak_score:.4g}, {event.over_threshold:.3g} above the threshold")
    if event.box is not None:
        x0, y0, x1, y1 = event.box
        lines.append(f"place: x {x0} to {x1}, y {y0} to {y1} pixels")
    return Card(event.video, event.peak_frame, "Event", lines, picture)


def clock(seconds: float) -> str:
    """Seconds as m:ss.d, or h:mm:ss.d from an hour on."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{front}:{rest // 10:02}.{rest % 10}"


def _fitting(videos: Sequence[VideoResult], megabytes: float) -> dict[str, Preview]:
    """The previews that fit into a page of this size. Videos with abnormal frames come first."""
    ordered = sorted(videos, key=lambda video: video.labels is not None and not video.labels.any())
    left, found = megabytes * 1e6 * 3 / 4, dict[str, Preview]()  # base64 has four bytes for three
    for video in ordered:
        preview = video.preview() if video.preview is not None else None
        if preview is not None and len(preview.video) <= left:
            left -= len(preview.video)
            found[video.name] = preview
    return found


def _numbers_of(video: VideoResult) -> NDArray[np.int64]:
    return np.arange(video.fused.size) if video.numbers is None else video.numbers
