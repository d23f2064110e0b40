"""Makes the previews of a run's test videos from what was kept while they were scored."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from vadkit.core.progress import Progress
from vadkit.data.datamodule import DataModule
from vadkit.report.previews import PreviewSource, make_previews
from vadkit.store.previews import read_parts, write_previews


def write_all_previews(folder: Path, data: DataModule, progress: Progress) -> None:
    """Replace the previews of a run; `folder` holds its score files.

    Args:
        folder: the folder of the score files.
        data: gives the test videos, which are all scored, and their frames.
        progress: receives the progress.

    Raises:
        DataError: what was kept of a video is damaged.
    """
    reels: list[PreviewSource] = []
    for video in data.videos("test"):
        parts, sampling = read_parts(folder, video.name), data.sampling(video)
        numbers = parts.numbers if sampling is None else sampling.numbers[parts.numbers]
        frames = partial(data.file_frames, video)
        reels.append(PreviewSource(video.name, numbers, frames, parts.maps, parts.outputs, video.fps))
    write_previews(folder, make_previews(reels, progress))
