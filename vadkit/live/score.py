"""Scores many video files with a trained run: a file of frame scores for each video, and one list of events."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from vadkit.core.alarms import Alarm
from vadkit.core.errors import DataError, VadkitError, join_names
from vadkit.core.files import LEFTOVERS, atomic_write, atomic_write_text
from vadkit.core.folders import is_image, list_folder
from vadkit.core.progress import Progress
from vadkit.core.values import Event, natural_key
from vadkit.core.watching import FrameScore
from vadkit.evaluation.events import Box, event_of, locate, write_events
from vadkit.evaluation.run_scores import stored_maps
from vadkit.live.videos import Video
from vadkit.live.watch import Watch
from vadkit.store.run_folder import digest_of

if TYPE_CHECKING:
    from vadkit.live.stream import Source

FORMATS = ("csv", "jsonl")
_SHOW_EVERY = 64  # frames between two updates of the progress
_VERSION = 1  # of the records
_HEAD = ("frame", "seconds", "score")


@dataclass(slots=True)
class Scored:
    """The outcome of `score_videos`."""

    scored: int = 0  # videos scored by this call
    skipped: int = 0  # videos that had results already
    failed: list[str] = field(default_factory=list)  # names of the videos without results
    events: int = 0  # in `events.csv`, of all videos in the folder


def check_format(form: str) -> None:
    """Raise a VadkitError if the format is unknown."""
    if form not in FORMATS:
        raise VadkitError(f"unknown format {form!r}", where="--format", fix=f"choose among {join_names(FORMATS)}")


def score_videos(
    watch: Watch, videos: Sequence[Video], out: Path, *, form: str, fps: float | None, progress: Progress
) -> Scored:
    """Score videos one after another. Memory use depends neither on their length nor on their number.

    `OUT/scores/NAME.csv` (or `.jsonl`) gets the scores of a video's frames. `OUT/scores/NAME.json` is written after
    it, with the events of the video. A video with both files, of the same run and settings, is skipped. At the end,
    `OUT/events.csv` and `OUT/events.jsonl` get the events of all videos in the folder. If the run keeps anomaly maps
    of its test videos, the events have a box.

    Args:
        watch: the run.
        videos: what to score.
        out: the folder of the results. The caller locks it.
        form: format of the frame scores, "csv" or "jsonl".
        fps: as in `Watch.open`.
        progress: receives progress, and a line for every video that cannot be scored.

    Raises:
        RunFolderError: `out` cannot be written.
    """
    for path in (out / "scores").rglob(LEFTOVERS):
        path.unlink(missing_ok=True)
    maps = stored_maps(watch.folder, watch.recipe)
    digest = digest_of(_VERSION, watch.digest(), fps, maps)
    results = [_Result(watch, video, out / "scores", form, digest) for video in videos]
    missing = [result for result in results if not result.is_complete()]
    done = Scored(skipped=len(results) - len(missing))
    try:
        if missing:
            _write_all(missing, done, progress, fps=fps, maps=maps)
    finally:
        events = list(_read_events(out / "scores", digest))
        write_events(out, events)
        done.events = len(events)
    return done


def _write_all(missing: Sequence[_Result], done: Scored, progress: Progress, *, fps: float | None, maps: str) -> None:
    lengths = [_announced(result.video.path) for result in missing]
    shown = _Frames(progress, sum(lengths))
    for result, length in zip(missing, lengths, strict=True):
        try:
            result.write(shown.advance, fps=fps, maps=maps)
            done.scored += 1
        except DataError as error:
            done.failed.append(_text(result.video.name))
            progress.message(f"{_text(result.video.name)}: not scored: {_brief(error, result.video)}")
        shown.finish(length)
    shown.end()


class _Result:
    """The files of one video's results."""

    def __init__(self, watch: Watch, video: Video, folder: Path, form: str, digest: str) -> None:
        self.watch, self.video, self.form, self.digest = watch, video, form, digest
        place = folder.joinpath(*video.name.parts)
        self.scores = place.with_name(f"{place.name}.{form}")
        self.record = place.with_name(f"{place.name}.json")  # complete, because it is written last

    def is_complete(self) -> bool:
        """Whether the files exist and belong to this run, these settings and this video."""
        record = _read_record(self.record, self.digest)
        with suppress(DataError, OSError):
            return (
                record is not None
                and record["format"] == self.form
                and record["source"] == self.video.fingerprint()
                and record["bytes"] == self.scores.stat().st_size
            )
        return False

    def write(self, advance: Callable[[int], None], *, fps: float | None, maps: str) -> None:
        """Score the video and write its files.

        Raises:
            DataError: the video cannot be scored.
            RunFolderError: a file cannot be written.
        """
        source = self.video.fingerprint()
        opened = self.watch.open(str(self.video.path), fps=fps)
        events = _Events(self.watch, self.video, opened)
        frames = 0
        with atomic_write(self.scores) as path, path.open("w", encoding="utf-8", newline="") as file:
            put = _WRITERS[self.form](file, list(self.watch.recipe.scores))
            for frames, scored in enumerate(self.watch.run(opened, anomaly_maps=maps), 1):
                number = _number(scored.frame, scored.seconds, opened)
                put(number, scored.seconds if opened.fps else None, scored)
                events.add(scored)
                if frames % _SHOW_EVERY == 0:
                    advance(frames)
        advance(frames)
        record = {
            "digest": self.digest,
            "video": _text(self.video.name),
            "source": source,
            "format": self.form,
            "bytes": self.scores.stat().st_size,
            "fps": opened.fps,
            "frames": frames,
            "events": [asdict(event) for event in events.found],
        }
        atomic_write_text(self.record, json.dumps(record, ensure_ascii=False) + "\n")


class _Events:
    """The events of one video, found while its frames are scored."""

    def __init__(self, watch: Watch, video: Video, source: Source) -> None:
        self.watch, self.video, self.source = watch, video, source
        self.found: list[Event] = []
        self._peak: FrameScore | None = None  # the highest frame of the alarm that lasts; one map stays in memory

    def add(self, scored: FrameScore) -> None:
        """Process the score of the next frame."""
        if scored.is_peak:
            self._peak = scored
        self.found += [self._event(alarm) for alarm in scored.alarms if alarm.until is not None]

    def _event(self, alarm: Alarm) -> Event:
        assert alarm.until_frame is not None
        assert alarm.until is not None
        alarm = replace(
            alarm,
            frame=_number(alarm.frame, alarm.seconds, self.source),
            peak_frame=_number(alarm.peak_frame, alarm.peak_seconds, self.source),
            until_frame=_number(alarm.until_frame, alarm.until, self.source),
        )
        name, timed = _text(self.video.name), self.source.fps is not None
        return event_of(alarm, name, self.watch.threshold, timed=timed, box=self._box())

    def _box(self) -> Box | None:
        from vadkit.live.stream import recorded
        from vadkit.video.decode import frame_size

        if self._peak is None or self._peak.anomaly_map is None:
            return None
        return locate(self._peak.anomaly_map, self.watch.recipe.data.clip, frame_size(recorded(self.video.path)))


def _number(used: int, seconds: float, source: Source) -> int:
    """The number of a frame in the file; `used` counts only the frames that the source gave."""
    return round(seconds * source.fps) if source.fps else used


Put = Callable[[int, float | None, FrameScore], None]
"""Writes a frame: its number in the file, its time (None if unknown), and its scores."""


def _csv(file: TextIO, components: Sequence[str]) -> Put:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_HEAD, *(f"component.{name}" if name in _HEAD else name for name in components)])

    def put(number: int, seconds: float | None, scored: FrameScore) -> None:
        time = "" if seconds is None else f"{seconds:.3f}"
        values = (scored.score, *(scored.components[name] for name in components))
        writer.writerow([number, time, *(f"{value:.8g}" for value in values)])

    return put


def _jsonl(file: TextIO, components: Sequence[str]) -> Put:
    def put(number: int, seconds: float | None, scored: FrameScore) -> None:
        parts = {name: _finite(scored.components[name]) for name in components}
        time = None if seconds is None else round(seconds, 6)
        line = {"frame": number, "seconds": time, "score": _finite(scored.score), "components": parts}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return put


_WRITERS: Mapping[str, Callable[[TextIO, Sequence[str]], Put]] = {"csv": _csv, "jsonl": _jsonl}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class _Frames:
    """Progress in frames over all videos."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._before, self._amount = progress, total, 0, 0
        progress.begin("score", total, unit="frames")

    def advance(self, frames: int) -> None:
        """So many frames of the current video are scored."""
        self._progress.advance(min(self._before + frames, self._total), amount=frames - self._amount)
        self._amount = frames

    def finish(self, frames: int) -> None:
        """The current video, of so many frames, is done."""
        self._before, self._amount = self._before + frames, 0
        self._progress.advance(self._before)

    def end(self) -> None:
        """All videos are done."""
        self._progress.end()


def _announced(path: Path) -> int:
    """Number of frames for the progress; 0 if unknown."""
    from vadkit.video.video_file import announced_frames

    if not path.is_dir():
        return announced_frames(path)
    with suppress(OSError):
        return sum(map(is_image, list_folder(path)))
    return 0


def _read_record(path: Path, digest: str) -> dict[str, Any] | None:
    """The record of a scored video; None if there is none, or it belongs to other settings."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    keys = {"digest", "video", "source", "format", "bytes", "events"}
    return record if isinstance(record, dict) and keys <= record.keys() and record["digest"] == digest else None


def _read_events(folder: Path, digest: str) -> Iterator[Event]:
    """The events of all videos in the folder, in natural order of their names."""
    for path in sorted(folder.rglob("*.json"), key=lambda path: natural_key(str(path))):
        if (record := _read_record(path, digest)) is not None:
            for event in record["events"]:
                yield Event(**event | {"box": tuple(event["box"]) if event["box"] else None})


def _brief(error: DataError, video: Video) -> str:
    """The error on one line, without the video's path."""
    where = f"{error.where}: " if error.where not in ("", str(video.path)) else ""
    return " ".join(f"{where}{error.what}".split())


def _text(name: object) -> str:
    """A name that can be written as UTF-8, whatever bytes the file system has."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
