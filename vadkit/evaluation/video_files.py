"""What a run writes for each test video: the scores of its frames, and on request an annotated video."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.files import atomic_write
from vadkit.core.progress import Progress
from vadkit.core.values import ClipSpec, Event, RunResult, VideoRef, VideoResult
from vadkit.core.watching import FrameScore
from vadkit.evaluation.events import place_of
from vadkit.store.frame_scores import writing
from vadkit.video.annotate import AnnotatedVideo

FRAME_SCORES, ANNOTATED = "frame_scores", "annotated"
"""Folders of these files in the run folder."""


def write_frame_scores(result: RunResult, folder: Path, form: str) -> None:
    """Write the scores of the frames of each test video, as `vadkit score` does, in place of earlier files.

    Args:
        result: the result of the run.
        folder: the run folder.
        form: format of the files, one of `FORMATS`.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    shutil.rmtree(folder / FRAME_SCORES, ignore_errors=True)
    for video in result.videos:
        place = folder / FRAME_SCORES / place_of(video.name)
        with atomic_write(place.with_name(f"{place.name}.{form}")) as path, writing(form, path, list(video.raw)) as put:
            for scored in _replayed(video):
                put(scored.frame, scored.seconds if video.times is not None else None, scored)


def write_annotated(
    result: RunResult, videos: Sequence[VideoRef], clip: ClipSpec, folder: Path, progress: Progress
) -> None:
    """Write an annotated video of each test video, in place of earlier ones.

    Args:
        result: the result of the run, with an alarm threshold.
        videos: the test videos.
        clip: geometry of the clips.
        folder: the run folder.
        progress: receives the progress in frames.

    Raises:
        DataError: a frame cannot be decoded.
        RunFolderError: the folder cannot be written.
    """
    threshold, events = result.summary.alarm_threshold, result.events
    assert threshold is not None, "a run with held-out videos has a threshold"
    assert events is not None, "a run with a threshold has events"
    shutil.rmtree(folder / ANNOTATED, ignore_errors=True)
    sources, done = {video.name: video for video in videos}, 0
    normal = float(np.median(np.concatenate([video.fused for video in result.videos])))
    progress.begin("annotate", sum(video.fused.size for video in result.videos), unit="frames")
    for video in result.videos:
        place = folder / ANNOTATED / place_of(video.name)
        frames = video.fused.size
        with (
            atomic_write(place.with_name(f"{place.name}.mp4")) as path,
            AnnotatedVideo(
                path, sources[video.name], clip, fps=video.fps, threshold=threshold, normal=normal, frames=frames,
                began=video.began,
            ) as movie,
        ):  # fmt: skip
            for scored in _replayed(video, [event for event in events if event.video == video.name], maps=True):
                movie.add(scored)
                done += 1
                progress.advance(done, amount=1)
    progress.end()


def _replayed(video: VideoResult, events: Sequence[Event] = (), *, maps: bool = False) -> Iterator[FrameScore]:
    """The stored scores of a video, frame by frame, as `vadkit score` gives them."""
    numbers = np.arange(video.fused.size) if video.numbers is None else video.numbers
    read = video.anomaly_maps() if maps and video.anomaly_maps is not None else None
    active = _active(numbers, events).tolist()
    columns = {name: scores.tolist() for name, scores in video.raw.items()}
    seconds = [0.0] * numbers.size if video.times is None else video.times.tolist()
    for index, (number, at, score) in enumerate(zip(numbers.tolist(), seconds, video.fused.tolist(), strict=True)):
        yield FrameScore(
            number,
            at,
            score,
            {name: column[index] for name, column in columns.items()},
            anomaly_map=None if read is None else np.asarray(read[index], np.float32),
            active=active[index],
        )


def _active(numbers: NDArray[np.int64], events: Sequence[Event]) -> NDArray[np.bool_]:
    """Whether each of these frames belongs to an event, (F,)."""
    active = np.zeros(numbers.size, np.bool_)
    for event in events:
        active |= (event.start_frame <= numbers) & (numbers <= event.end_frame)
    return active
