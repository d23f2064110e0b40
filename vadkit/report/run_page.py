"""The page of a run: its numbers, scores over time, events, and worst frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import intervals_of
from vadkit.core.errors import DataError
from vadkit.core.values import Event, Preview, RunResult, VideoResult
from vadkit.report.curves import histogram, roc_line, thinned
from vadkit.report.page import (
    Card,
    Cards,
    Cell,
    Chart,
    Charts,
    Fact,
    Line,
    LineChart,
    Page,
    Player,
    Section,
    Strip,
    Table,
    Tables,
    Text,
    Texts,
    VideoPanel,
)
from vadkit.report.pictures import HeatScale, fitted, jpeg
from vadkit.report.remarks import result_notes, result_warnings
from vadkit.report.strips import FRAME, HEAT, Reel, compose
from vadkit.report.worst import worst_frames

VALUES = 300_000
"""Largest number of scores in the curves of a page."""

EVENTS, PICTURED = 300, 60
"""Largest number of events on a page, and of events with a picture."""

_WORST, _APART = 8, 25  # frames of a class, and frames between two of a video
_CARD = (120, 180)  # height and width of each part of a card's picture
_MAPS = 400  # anomaly maps that the scale of their colours is found from
_PICTURES = 4000  # frames shown of a run without previews
_RUN_AGAIN = "run the recipe again with data.held_out=0.2 for an alarm threshold"


class RunPages:
    """Makes the page of a run, with and without strips.

    Args:
        result: the result of the run.
    """

    def __init__(self, result: RunResult) -> None:
        self.result = result
        self.threshold = result.summary.alarm_threshold
        own: Mapping[str, Any] = result.protocol.get("components") or {}
        first = result.videos[0].components if result.videos else {}
        self._weights = {name: float(own.get(name, {}).get("weight", 1.0)) for name in first}
        self._weights = {name: weight for name, weight in self._weights.items() if weight}
        self._read, self._unread = _frame_reader(result)
        self._reels = {video.name: self._reel(video) for video in result.videos}
        self.scale = HeatScale.of(_some_maps(list(self._reels.values())))

    def reels(self) -> list[Reel]:
        """What can be shown of each video; videos with events or abnormal frames first."""
        with_events = {event.video for event in self.result.events or ()}

        def place(video: VideoResult) -> tuple[bool, float]:
            interesting = video.name in with_events or (video.labels is not None and bool(video.labels.any()))
            return not interesting, -float(video.fused.max())

        return [self._reels[video.name] for video in sorted(self.result.videos, key=place)]

    def page(self, strips: Mapping[str, Strip] | None = None) -> Page:
        """The page, with these strips."""
        result = self.result
        protocol = result.protocol
        facts = [Fact("protocol", f"{protocol.get('name', '?')} #{protocol.get('digest', '?')}")]
        facts += [Fact("vadkit", result.summary.vadkit)] if result.summary.vadkit else []
        facts += [Fact("run folder", result.folder.name)] if result.folder.name else []
        warnings = (
            ["TEST-TUNED: a weight or a setting was chosen with test labels"] if protocol.get("test_tuned") else []
        )
        sections: list[Section] = [
            _numbers(result),
            self._player(strips or {}),
            self._events(),
            self._charts(),
            *self._worst(),
            *_groups(result),
            _background(result),
        ]
        return Page(result.name, facts, [*warnings, *result_warnings(result)], sections)

    def with_strips(self, page: Page, strips: Mapping[str, Strip]) -> Page:
        """The page with another player, which has the strips."""
        sections = [self._player(strips) if isinstance(one, Player) else one for one in page.sections]
        return replace(page, sections=sections)

    def _reel(self, video: VideoResult) -> Reel:
        numbers = _numbers_of(video)
        step = max(1, -(-sum(one.fused.size for one in self.result.videos) // _PICTURES))
        preview = video.preview() if video.preview is not None else Preview(numbers[::step])
        maps: Any = preview.maps
        if maps is None and video.anomaly_maps is not None:
            maps = video.anomaly_maps()[np.searchsorted(numbers, preview.numbers).clip(0, numbers.size - 1)]
        read, name = self._read, video.name
        frames = (lambda wanted: read(name, wanted)) if read is not None else None
        return Reel(name, preview.numbers, frames, maps, preview.outputs, video.fps)

    def _player(self, strips: Mapping[str, Strip]) -> Player:
        result = self.result
        most = max(64, VALUES // max(1, len(result.videos) * (1 + len(self._weights))))
        notes = ["The curves of the components show what each one adds to the final score."]
        if result.protocol.get("smoothing"):
            notes.append("The final score is smoothed over time after the components are added.")
        if self.threshold is None:
            notes.append(f"There is no alarm threshold: no normal video was held out. To get one, {_RUN_AGAIN}.")
        notes += self._picture_notes(strips)
        return Player("Videos", [self._panel(video, most, strips) for video in result.videos], self.threshold, notes)

    def _picture_notes(self, strips: Mapping[str, Strip]) -> list[str]:
        notes = [f"The frames are not shown: {self._unread}."] if self._unread else []
        parts = {part for strip in strips.values() for part in strip.parts}
        if strips and len(strips) < len(self.result.videos):
            notes.append(
                f"{len(strips)} of {len(self.result.videos)} videos have pictures, so that the page stays small."
            )
        steps = {int(strip.numbers[1] - strip.numbers[0]) for strip in strips.values() if strip.numbers.size > 1}
        if steps and max(steps) > 1:
            notes.append(f"Every {max(steps)}th frame is pictured.")
        if HEAT in parts and self.scale is not None:
            low, high = self.scale.low, self.scale.high
            brightest = f"the brightest colour from {high:.3g} on, which one value in a thousand exceeds"
            notes.append(f"Anomaly map: no colour up to {low:.3g}, the median of all values; {brightest}.")
        if strips and HEAT not in parts:
            notes.append("There is no anomaly map: no score of the run gives one, or the run did not keep it.")
        return notes

    def _panel(self, video: VideoResult, most: int, strips: Mapping[str, Strip]) -> VideoPanel:
        numbers, kept = _numbers_of(video), thinned(video.fused, most)
        events = [event for event in self.result.events or () if event.video == video.name]
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
            events=[(event.start_frame, event.peak_frame, event.end_frame) for event in events],
            fps=video.fps,
            note=", ".join(f"{name} {_cell(value, name, self.result)}" for name, value in values.items()),
            strip=strips.get(video.name),
        )

    def _events(self) -> Cards:
        events = self.result.events
        if events is None:
            return Cards("Events", (), [f"There are no events without an alarm threshold. To get one, {_RUN_AGAIN}."])
        if not events:
            return Cards("Events", (), ["No score of a test video reaches the alarm threshold."])
        highest = sorted(events, key=lambda event: -event.over_threshold)
        shown, pictured = ({id(event) for event in highest[:most]} for most in (EVENTS, PICTURED))
        cards = [
            event_card(event, self._picture(event.video, event.peak_frame) if id(event) in pictured else None)
            for event in events
            if id(event) in shown
        ]
        more = f"The {EVENTS} highest of {len(events)} events. " if len(events) > EVENTS else ""
        return Cards("Events", cards, [f"{more}The file events.csv lists all events."])

    def _worst(self) -> list[Cards]:
        if not any(video.labels is not None for video in self.result.videos):
            return []
        kinds = (
            (False, "Worst false alarms", "Normal frames with the highest scores."),
            (True, "Worst misses", "Abnormal frames with the lowest scores."),
        )
        sections: list[Cards] = []
        for abnormal, title, note in kinds:
            found = worst_frames(self.result.videos, abnormal=abnormal, count=_WORST, apart=_APART)
            sections.append(Cards(title, [self._frame_card(*one) for one in found], [note]))
        return [section for section in sections if section.cards]

    def _frame_card(self, video: VideoResult, index: int) -> Card:
        number, score = int(_numbers_of(video)[index]), float(video.fused[index])
        lines = [f"score {score:.4g}"]
        if self.threshold is not None:
            side = "below" if score < self.threshold else "over"
            lines.append(f"{abs(score - self.threshold):.3g} {side} the threshold")
        return Card(video.name, number, f"frame {number}", lines, self._picture(video.name, number))

    def _picture(self, name: str, number: int) -> bytes | None:
        """Frame and anomaly map, side by side."""
        reel = self._reels[name]
        parts = tuple(part for part in reel.parts if part in (FRAME, HEAT))
        if not parts:
            return None
        frame = self._read(name, [number])[0] if self._read is not None else None
        anomaly_map = None
        if reel.maps is not None and reel.numbers.size:
            anomaly_map = reel.maps[int(np.abs(reel.numbers - number).argmin())]
        height, width = frame.shape[:2] if frame is not None else (8 * side for side in _shape(anomaly_map))
        size = fitted(height, width, *_CARD)
        return jpeg(compose({FRAME: frame} if frame is not None else {}, parts, anomaly_map, self.scale, size))

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
    lines.append(f"score {event.peak_score:.4g}, {event.over_threshold:.3g} over the threshold")
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


def _frame_reader(
    result: RunResult,
) -> tuple[Callable[[str, Sequence[int]], Sequence[NDArray[np.uint8]]] | None, str]:
    """The reader of frames, and the reason if there is none."""
    if not result.videos:
        return None, ""
    if result.read_frames is None:
        return None, "these scores have no data set"
    video = result.videos[0]
    try:
        result.read_frames(video.name, [int(_numbers_of(video)[0])])
    except DataError as error:
        return None, " ".join(str(error).split())
    return result.read_frames, ""


def _some_maps(reels: Sequence[Reel]) -> list[NDArray[np.floating[Any]]]:
    """A few hundred maps, at equal distances over all videos."""
    having = [reel.maps for reel in reels if reel.maps is not None]
    step = max(1, sum(map(len, having)) // _MAPS)
    return [np.asarray(one) for maps in having for one in maps[::step]]


def _numbers_of(video: VideoResult) -> NDArray[np.int64]:
    return np.arange(video.fused.size) if video.numbers is None else video.numbers


def _shape(anomaly_map: NDArray[np.floating[Any]] | None) -> tuple[int, int]:
    assert anomaly_map is not None
    height, width = anomaly_map.shape
    return height, width


def _cell(value: float | None, metric: str, result: RunResult) -> str:
    if value is None:
        return "-"
    return f"{value:.3f} {result.units[metric]}".rstrip() if metric in result.units else f"{100 * value:.2f} %"


def _numbers(result: RunResult) -> Tables:
    notes = result_notes(result)
    if not result.metrics:
        return Tables("Numbers", (), ["The test videos have no labels, so there are no metrics.", *notes])
    fused = [
        [
            Cell(metric, strong=place == 0),
            Cell(_cell(value, metric, result), strong=place == 0),
            Cell(" to ".join(_cell(end, metric, result) for end in result.intervals.get(metric, ())) or "-"),
            Cell(_cell(result.summary.chance.get(metric), metric, result)),
        ]
        for place, (metric, value) in enumerate(result.metrics.items())
    ]
    alone = [
        [Cell(name), *(Cell(_cell(values.get(metric), metric, result)) for metric in result.metrics)]
        for name, values in result.components.items()
    ]
    tables = [Table("Final score", ("metric", "value", "95 % interval", "random scorer"), fused)]
    tables += [Table("Each component alone", ("component", *result.metrics), alone)] if alone else []
    return Tables("Numbers", tables, notes)


def _groups(result: RunResult) -> list[Tables]:
    tables: list[Table] = []
    for kind, groups in result.groups.items():
        metrics = list(dict.fromkeys(metric for values in groups.values() for metric in values))
        rows = [
            [Cell(name), *(Cell(_cell(values.get(metric), metric, result)) for metric in metrics)]
            for name, values in groups.items()
        ]
        tables += [Table(f"Final score of each {kind}", (kind, *metrics), rows)] if rows and metrics else []
    return [Tables("Each video", tables)] if tables else []


def _background(result: RunResult) -> Texts:
    summary, run = result.summary, result.summary.run
    environment: dict[str, Any] = {"vadkit": summary.vadkit or None}
    if run is not None:
        environment |= {
            "commit": run.commit, "seed": run.seed, "precision": run.precision, "machine": run.host,
            "versions": run.versions,
        }  # fmt: skip
    environment |= {"bootstrap": summary.bootstrap, "metrics": summary.metric_settings}
    if summary.scores_input:
        environment["scores"] = summary.scores_input
    texts = [Text("Protocol", _plain(result.protocol)), Text("Environment", _plain(environment))]
    texts += [Text("Recipe", result.recipe)] if result.recipe else []
    return Texts("Recipe and environment", texts)


def _plain(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable)


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)
