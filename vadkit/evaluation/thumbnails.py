"""Thumbnails of events: the frame with the highest score, the place in it, and the anomaly map."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import ClipSpec, Event, RunResult, VideoRef, VideoResult
from vadkit.evaluation.events import THUMBNAILS, thumbnail_of
from vadkit.video.forward import ForwardReader
from vadkit.video.overlay import RED, fit, heat, outline, overlay, write_jpeg

_WIDTHS = (240, 480)  # pixels, smallest and largest width of each of the two pictures
_GAP = 4  # pixels between the two pictures


def thumbnail(
    frame: NDArray[np.uint8], event: Event, anomaly_map: NDArray[np.floating[Any]] | None, clip: ClipSpec
) -> NDArray[np.uint8]:
    """The frame (H, W, 3) with the event's box and, with an anomaly map, the same frame under its heat map."""
    boxed = fit(frame if event.box is None else outline(frame, event.box, RED), _WIDTHS)
    if anomaly_map is None:
        return boxed
    heated = fit(overlay(frame, heat(anomaly_map, clip, (frame.shape[0], frame.shape[1]))), _WIDTHS)
    gap = np.full((boxed.shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([boxed, gap, heated], axis=1)


def write_thumbnail(
    folder: Path, event: Event, frames: ForwardReader, anomaly_map: NDArray[np.floating[Any]] | None, clip: ClipSpec
) -> None:
    """Write the thumbnail of one event. A frame that cannot be decoded gets none.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    with suppress(DataError):
        frame = frames.frame(event.peak_frame)
        write_jpeg(folder / thumbnail_of(event), thumbnail(frame, event, anomaly_map, clip))


def write_thumbnails(result: RunResult, videos: Sequence[VideoRef], clip: ClipSpec, folder: Path) -> None:
    """Write the thumbnails of a run's events into its folder, in place of earlier ones.

    Args:
        result: the result of the run. Without an alarm threshold it has no events.
        videos: the test videos.
        clip: geometry of the clips.
        folder: the run folder.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    shutil.rmtree(folder / THUMBNAILS, ignore_errors=True)
    by_name, results = {video.name: video for video in videos}, {video.name: video for video in result.videos}
    shown = [event for event in result.events or () if event.video in by_name]
    for name, events in groupby(shown, key=lambda event: event.video):
        with ForwardReader(by_name[name]) as frames:
            for event in events:
                write_thumbnail(folder, event, frames, _map_at(results[name], event.peak_frame), clip)


def _map_at(video: VideoResult, frame: int) -> NDArray[np.floating[Any]] | None:
    if video.anomaly_maps is None:
        return None
    index = frame if video.numbers is None else int(np.flatnonzero(video.numbers == frame)[0])
    return np.asarray(video.anomaly_maps()[index])
