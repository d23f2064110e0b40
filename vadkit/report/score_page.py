"""The page of a folder of `vadkit score`: events first, then the score curves of the videos with the highest events.

Memory use depends neither on the number of videos nor on their length.
"""

from __future__ import annotations

import csv
import heapq
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.folders import IMAGE_FORMATS
from vadkit.core.values import Event, natural_key
from vadkit.report.page import Cards, Fact, Page, Player, Text, Texts, VideoPanel
from vadkit.report.pictures import jpeg
from vadkit.report.run_page import EVENTS, PICTURED, event_card

CURVES = 60
"""Largest number of videos with a curve."""

POINTS = 2000
"""Largest number of scores in a curve."""

_CARD = (360, 240)  # width and height of a picture


@dataclass(slots=True)
class _Found:
    """What is kept of the events while their file is read."""

    events: int = 0
    highest: list[tuple[float, int, Event, str | None]] = field(default_factory=list)  # a heap; the last is a picture
    videos: dict[str, float] = field(default_factory=dict)  # name -> its highest event
    last: str = ""
    number_of_videos: int = 0

    def add(self, event: Event, picture: str | None) -> None:
        """Keep an event if it is one of the highest. Events are sorted by video."""
        self.events += 1
        self.number_of_videos += event.video != self.last
        self.last = event.video
        heapq.heappush(self.highest, (event.over_threshold, -self.events, event, picture))
        if len(self.highest) > EVENTS:
            heapq.heappop(self.highest)
        self.videos[event.video] = max(self.videos.get(event.video, -math.inf), event.over_threshold)
        if len(self.videos) > 2 * CURVES:
            kept = sorted(self.videos, key=lambda name: -self.videos[name])[:CURVES]
            self.videos = {name: self.videos[name] for name in kept}


def score_page(
    folder: Path, *, title: str, videos: int, threshold: float | None = None, texts: Mapping[str, str] | None = None
) -> Page:
    """The page of a folder with the files that `vadkit score` writes.

    Args:
        folder: contains `events.jsonl`, and `scores/` with a file of scores and a record of each video.
        title: of the page, such as the name of the run.
        videos: number of videos with results.
        threshold: alarm threshold.
        texts: title -> text, such as the recipe. The page shows them folded, at the end.

    Raises:
        DataError: `events.jsonl` is missing or damaged.
    """
    found = _Found()
    for event, picture in _events(folder / "events.jsonl"):
        found.add(event, picture)
    shown = sorted(found.highest, key=lambda one: -one[1])  # in the order of the file
    highest = {id(one[2]) for one in heapq.nlargest(PICTURED, found.highest)}
    cards = [
        event_card(event, _picture(folder, picture) if picture and id(event) in highest else None)
        for _, _, event, picture in shown
    ]
    if not found.events:
        notes = ["No score reaches the alarm threshold."]
    else:
        more = f"The {len(cards)} highest of {found.events} events. " if len(cards) < found.events else ""
        notes = [f"{more}The file events.csv lists all events."]
    chosen = sorted(found.videos, key=lambda name: -found.videos[name])[:CURVES]
    panels: list[VideoPanel] = []
    for name in sorted(chosen, key=natural_key):
        with suppress(DataError):  # a note on the page states the number of curves
            panels.append(_panel(folder, name, [one[2] for one in shown]))
    facts = [Fact("videos", str(videos)), Fact("events", str(found.events))]
    facts += [Fact("alarm threshold", f"{threshold:.4g}")] if threshold is not None else []
    sections = [Cards("Events", cards, notes), _player(panels, found, threshold)]
    folded = Texts("Recipe", [Text(name, text) for name, text in (texts or {}).items()])
    return Page(title, facts, [], [*sections, folded] if folded.texts else sections)


def _player(panels: list[VideoPanel], found: _Found, threshold: float | None) -> Player:
    notes = ["Only events have pictures, and only videos with events have a curve."]
    if len(panels) < found.number_of_videos:
        kept = f"{len(panels)} of {found.number_of_videos} videos with events have a curve"
        notes.append(f"{kept}: those with the highest events and a readable file of scores.")
    return Player("Videos", panels, threshold, notes)


def _events(path: Path) -> Iterator[tuple[Event, str | None]]:
    """The events of `events.jsonl`, and the path of the picture of each, if it has one."""
    names = (
        "video", "start_frame", "end_frame", "peak_frame", "start_seconds", "end_seconds", "peak_seconds",
        "peak_score", "threshold",
    )  # fmt: skip
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                box = tuple(row.get(name) for name in ("x0", "y0", "x1", "y1"))
                values = {name: row[name] for name in names}
                yield Event(**values, box=box if None not in box else None), row.get("thumbnail")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"is not a readable file of events: {type(error).__name__}: {error}"
        raise DataError(what, where=str(path), fix="run 'vadkit score' again") from error


def _picture(folder: Path, name: str) -> bytes | None:
    """The picture of an event, from a file below the folder, in the size of a card; None if it cannot be read."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    try:
        with Image.open(path, formats=IMAGE_FORMATS) as image:
            image.thumbnail(_CARD)
            return jpeg(np.asarray(image.convert("RGB")))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _panel(folder: Path, name: str, events: list[Event]) -> VideoPanel:
    place = (folder / "scores").joinpath(*Path(name).parts)
    record = _record(place.with_name(f"{place.name}.json"))
    path = place.with_name(f"{place.name}.{record['format']}")
    shown = _thinned(_scores(path, str(record["format"])), int(record["frames"]))
    if not shown:
        raise DataError("no frame has a score", where=str(path))
    numbers, seconds, total = (np.array(column) for column in zip(*shown, strict=True))
    own = [event for event in events if event.video == name]
    return VideoPanel(
        name=name,
        numbers=numbers,
        total=total,
        events=[(event.start_frame, event.peak_frame, event.end_frame) for event in own],
        seconds=seconds if np.isfinite(seconds).all() else None,
        note=f"{len(own)} {'event' if len(own) == 1 else 'events'}",
    )


def _record(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(record, dict) and {"format", "frames"} <= record.keys():
            return record
        raise ValueError("it has no format and no number of frames")
    except (OSError, ValueError) as error:
        raise DataError(
            f"is not a readable record: {error}", where=str(path), fix="run 'vadkit score' again"
        ) from error


_Score = tuple[int, float, float]  # number, seconds and score of a frame; NaN if unknown


def _scores(path: Path, form: str) -> Iterator[_Score]:
    """The scores of the frames, read piece by piece."""
    try:
        yield from _READERS[form](path)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        what = f"is not a readable file of scores: {type(error).__name__}: {error}"
        raise DataError(what, where=str(path), fix="run 'vadkit score' again") from error


def _csv(path: Path) -> Iterator[_Score]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield int(row["frame"]), float(row["seconds"] or "nan"), float(row["score"])


def _jsonl(path: Path) -> Iterator[_Score]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            seconds, score = (math.nan if row[name] is None else float(row[name]) for name in _FLOATS)
            yield int(row["frame"]), seconds, score


def _npz(path: Path) -> Iterator[_Score]:
    with np.load(path, allow_pickle=False) as archive:
        yield from zip(*(archive[name].tolist() for name in ("frame", *_FLOATS)), strict=True)


def _parquet(path: Path) -> Iterator[_Score]:
    import pyarrow.parquet as pq  # pyright: ignore[reportMissingImports]

    for part in pq.ParquetFile(path).iter_batches(columns=["frame", *_FLOATS]):
        columns = ([math.nan if one is None else one for one in part.column(name).to_pylist()] for name in _FLOATS)
        yield from zip(part.column("frame").to_pylist(), *columns, strict=True)


_FLOATS = ("seconds", "score")
_READERS = {"csv": _csv, "jsonl": _jsonl, "npz": _npz, "parquet": _parquet}


def _thinned(scores: Iterator[_Score], frames: int) -> list[_Score]:
    """At most `POINTS` scores: the highest and the lowest of each stretch. Frames without a score are left out."""
    length = max(1, math.ceil(2 * frames / POINTS))
    if length <= 2:
        length = 1
    kept: list[_Score] = []
    stretch: list[_Score] = []

    def close() -> None:
        if stretch:
            kept.extend(sorted({min(stretch, key=itemgetter(2)), max(stretch, key=itemgetter(2))}))
        stretch.clear()

    for place, one in zip(count(), scores):
        if place % length == 0:
            close()
        if math.isfinite(one[2]):
            stretch.append(one)
    close()
    return kept
