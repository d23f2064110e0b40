"""Scores many video files with a trained run: a file of frame scores for each video, and one list of events."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.core.files import DISK_FULL, LEFTOVERS, atomic_write, atomic_write_text
from vadkit.core.folders import is_image, list_folder
from vadkit.core.progress import Progress
from vadkit.core.values import Event, natural_key
from vadkit.evaluation.events import thumbnails_of, write_events
from vadkit.live.score_table import write_table
from vadkit.live.videos import Video
from vadkit.live.watch import Watch
from vadkit.store.frame_scores import every_frame, writing
from vadkit.store.run_folder import digest_of

if TYPE_CHECKING:
    from vadkit.live.stream import Source
    from vadkit.video.annotate import AnnotatedVideo

_SHOW_EVERY = 64  # frames between two updates of the progress
_VERSION = 3  # of the records


@dataclass(slots=True)
class Scored:
    """The outcome of `score_videos`."""

    scored: int = 0  # videos scored by this call
    skipped: int = 0  # videos that had results already
    failed: list[str] = field(default_factory=list)  # names of the videos without results
    events: int = 0  # of the videos of this call
    all_videos: int = 0  # with results in the folder, also of earlier calls
    all_events: int = 0  # of these videos, in `events.csv`


@dataclass(frozen=True, slots=True)
class Settings:
    """What `score_videos` writes, and how it reads the videos."""

    form: str = "csv"  # format of the frame scores, one of `FORMATS`
    fps: float | None = None  # as in `Watch.open`
    annotate: bool = False  # also write annotated videos
    start: datetime | None = None  # clock time of each video's first frame; None reads it from the file
    table: bool = False  # also write the table of all videos


def start_of(text: str | None, videos: Sequence[Video]) -> datetime | None:
    """The time of `--start`; None without one.

    Raises:
        VadkitError: it is not a time, or there are several videos.
    """
    if text is None:
        return None
    if len(videos) > 1:
        what = f"one time is given for {len(videos)} videos"
        fix = "score each video with its own --start, into the same folder"
        raise VadkitError(what, where="--start", fix=fix)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        fix = "write 2026-03-01T08:30:00, and +02:00 after it for a time zone"
        raise VadkitError(f"{text!r} is not a date and time", where="--start", fix=fix) from error


Elsewhere = Callable[[Sequence[Video], str], Iterator[tuple[int, str]]]
"""Scores videos in other processes: videos and the scorer of anomaly maps -> index of a video, and its problem."""


def score_videos(
    watch: Watch,
    videos: Sequence[Video],
    out: Path,
    settings: Settings,
    progress: Progress,
    elsewhere: Elsewhere | None = None,
) -> Scored:
    """Score videos one after another. Memory use does not depend on their length.

    `OUT/scores/NAME.csv` (or another format) gets the scores of a video's frames, `OUT/thumbnails/NAME/` the pictures
    of its events, and `OUT/annotated/NAME.mp4` the annotated video. `OUT/scores/NAME.json` is written after them, with
    the events of the video. A video with these files, of the same run and settings, is skipped. At the end,
    `OUT/events.csv` and `OUT/events.jsonl` get the events of all videos in the folder, and `OUT/videos.parquet` the
    table of all videos.

    Args:
        watch: the run.
        videos: what to score.
        out: the folder of the results. The caller locks it.
        settings: what to write.
        progress: receives progress, and a line for every video that cannot be scored.
        elsewhere: scores the videos in other processes, such as `Fleet.scored`; None scores them in this one.

    Raises:
        RunFolderError: `out` cannot be written.
    """
    for folder in ("scores", "thumbnails", "annotated"):
        for path in (out / folder).rglob(LEFTOVERS):
            path.unlink(missing_ok=True)
    job = _Job(watch, out, settings, watch.map_scorer())
    results = [_Result(job, video) for video in videos]
    missing = [result for result in results if not result.is_complete()]
    done, problems = Scored(skipped=len(results) - len(missing)), dict[str, str]()
    with _on_full_disk("free some space, then give the same command again: finished videos are kept"):
        try:
            for video, problem in _written(missing, progress, elsewhere):
                if problem:
                    problems[_text(video.name)] = problem
                    progress.message(f"{_text(video.name)}: not scored: {problem}")
                else:
                    done.scored += 1
        finally:
            done.failed = list(problems)
            write_events(out, _events(out / "scores", job.digest, {_text(video.name) for video in videos}, done))
            if settings.table:
                write_table(out, _read_records(out / "scores", job.digest), problems)
    return done


def score_video(watch: Watch, video: Video, out: Path, settings: Settings, maps: str) -> str:
    """Score one video and write its files, as `score_videos` does. Return why it cannot be scored, or an empty text.

    `maps` is the scorer that gives anomaly maps; empty for none.

    Raises:
        RunFolderError: `out` cannot be written.
    """
    return _Result(_Job(watch, out, settings, maps), video).attempt(lambda _: None)


@contextmanager
def _on_full_disk(fix: str) -> Iterator[None]:
    try:
        yield
    except RunFolderError as error:
        raise RunFolderError(
            error.what, where=error.where, fix=fix if error.what == DISK_FULL else error.fix
        ) from error


def _written(
    missing: Sequence[_Result], progress: Progress, elsewhere: Elsewhere | None
) -> Iterator[tuple[Video, str]]:
    """Score the missing videos; give each, and why it cannot be scored."""
    if not missing:
        return
    videos = [result.video for result in missing]
    lengths = [_announced(video.path) for video in videos]
    shown = _Frames(progress, sum(lengths))
    if elsewhere is None:
        outcomes = ((number, result.attempt(shown.advance)) for number, result in enumerate(missing))
    else:
        outcomes = elsewhere(videos, missing[0].job.maps)
    for number, problem in outcomes:
        yield videos[number], problem
        shown.finish(lengths[number])
    shown.end()


class _Job:
    """What all videos share."""

    def __init__(self, watch: Watch, out: Path, settings: Settings, maps: str) -> None:
        self.watch, self.out, self.settings, self.maps = watch, out, settings, maps
        self.digest = digest_of(_VERSION, watch.digest(), settings.fps, maps)
        totals = watch.fusion.total(watch.fusion.normal, watch.fusion.scaled_normal)
        self.normal = float(np.nanmedian(np.concatenate(list(totals))))  # a usual score of the held-out videos


class _Result:
    """The files of one video's results."""

    def __init__(self, job: _Job, video: Video) -> None:
        self.job, self.video = job, video
        place = (job.out / "scores").joinpath(*video.name.parts)
        self.scores = place.with_name(f"{place.name}.{job.settings.form}")
        self.record = place.with_name(f"{place.name}.json")  # complete, because it is written last
        self.annotated = (job.out / "annotated").joinpath(*video.name.parts[:-1], f"{video.name.name}.mp4")

    def is_complete(self) -> bool:
        """Whether the files exist and belong to this run, these settings and this video."""
        record, settings = _read_record(self.record, self.job.digest), self.job.settings
        with suppress(DataError, OSError):
            return (
                record is not None
                and record["format"] == settings.form
                and record["source"] == self.video.fingerprint()
                and (settings.start is None or record["start"] == settings.start.isoformat())
                and record["bytes"] == self.scores.stat().st_size
                and (not settings.annotate or self.annotated.stat().st_size == record["annotated_bytes"])
            )
        return False

    def attempt(self, advance: Callable[[int], None]) -> str:
        """Score the video and write its files. Return why it cannot be scored, or an empty text.

        Raises:
            RunFolderError: a file cannot be written.
        """
        try:
            self.write(advance)
        except DataError as error:
            self.forget()
            return _brief(error, self.video)
        return ""

    def write(self, advance: Callable[[int], None]) -> None:
        """Score the video and write its files.

        Raises:
            DataError: the video cannot be scored.
            RunFolderError: a file cannot be written.
        """
        from vadkit.live.event_finder import EventFinder
        from vadkit.video.clock import recorded_at

        job, name, source = self.job, _text(self.video.name), self.video.fingerprint()
        self.forget()
        opened = job.watch.open(str(self.video.path), fps=job.settings.fps)
        began = job.settings.start or recorded_at(self.video.path)
        timed, frames = opened.fps is not None, 0
        with ExitStack() as files:
            path = files.enter_context(atomic_write(self.scores))
            put = files.enter_context(writing(job.settings.form, path, list(job.watch.recipe.scores)))
            movie = files.enter_context(self._movie(files, opened, began)) if job.settings.annotate else None
            finder = EventFinder(job.watch, self.video.path, name, job.out, timed=timed, began=began)
            events = files.enter_context(finder)
            scores = job.watch.run(opened, anomaly_maps=job.maps)
            for frames, (number, seconds, scored) in enumerate(every_frame(scores), 1):
                put(number, seconds if timed else None, scored)
                if number == scored.frame:
                    events.add(scored)
                    if movie is not None:
                        movie.add(scored)
                if frames % _SHOW_EVERY == 0:
                    advance(frames)
        advance(frames)
        record = {
            "digest": job.digest,
            "video": name,
            "source": source,
            "format": job.settings.form,
            "bytes": self.scores.stat().st_size,
            "start": job.settings.start.isoformat() if job.settings.start else None,
            "annotated_bytes": self.annotated.stat().st_size if movie is not None else None,
            "fps": opened.fps,
            "frames": frames,
            "events": [asdict(event) for event in events.found],
        }
        atomic_write_text(self.record, json.dumps(record, ensure_ascii=False) + "\n")

    def forget(self) -> None:
        """Remove the record and the thumbnails of an earlier or a failed call."""
        self.record.unlink(missing_ok=True)
        folder = self.job.out / thumbnails_of(_text(self.video.name))
        for path in folder.glob("*.jpg"):  # folders in it belong to other videos
            path.unlink(missing_ok=True)

    def _movie(self, files: ExitStack, opened: Source, began: datetime | None) -> AnnotatedVideo:
        from vadkit.live.stream import recorded
        from vadkit.video.annotate import AnnotatedVideo

        watch, path = self.job.watch, files.enter_context(atomic_write(self.annotated))
        video, clip = recorded(self.video.path), watch.recipe.data.clip
        length = _announced(self.video.path)
        if opened.fps and opened.used_fps:
            length = round(length * opened.used_fps / opened.fps)
        scale = {"threshold": watch.threshold, "normal": self.job.normal}
        return AnnotatedVideo(path, video, clip, fps=opened.used_fps, frames=length, began=began, **scale)


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
    keys = {"digest", "video", "source", "format", "bytes", "start", "annotated_bytes", "events"}
    return record if isinstance(record, dict) and keys <= record.keys() and record["digest"] == digest else None


def _read_records(folder: Path, digest: str) -> Iterator[dict[str, Any]]:
    """The records of all videos in the folder, in natural order of their names."""
    for path in sorted(folder.rglob("*.json"), key=lambda path: natural_key(str(path))):
        if (record := _read_record(path, digest)) is not None:
            yield record


def _events(folder: Path, digest: str, names: Collection[str], done: Scored) -> Iterator[Event]:
    """The events of all videos in the folder. `done` counts them; `names` are the videos of this call."""
    for record in _read_records(folder, digest):
        found = [
            Event(**{**values, "box": tuple(values["box"]) if values["box"] else None}) for values in record["events"]
        ]
        done.all_videos += 1
        done.all_events += len(found)
        done.events += len(found) if record["video"] in names else 0
        yield from found


def _brief(error: DataError, video: Video) -> str:
    """The error on one line, without the video's path."""
    where = f"{error.where}: " if error.where not in ("", str(video.path)) else ""
    fix = f" -> {error.fix}" if error.fix else ""
    return " ".join(f"{where}{error.what}{fix}".split())


def _text(name: object) -> str:
    """A name that can be written as UTF-8, whatever bytes the file system has."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
