"""Makes the previews of a run's test videos from what was kept while they were scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from vadkit.core.progress import Progress
from vadkit.core.values import VideoRef
from vadkit.report.previews import Reel, make_previews
from vadkit.store.previews import read_parts, write_previews
from vadkit.video.cache import Frames


def write_all_previews(
    folder: Path, videos: Sequence[VideoRef], frames_of: Callable[[VideoRef], Frames], progress: Progress
) -> None:
    """Replace the previews of a run; `folder` holds its score files.

    Args:
        folder: the folder of the score files.
        videos: the test videos; all are scored.
        frames_of: gives the frames of a video.
        progress: receives the progress.

    Raises:
        DataError: what was kept of a video is damaged.
    """
    reels: list[Reel] = []
    for video in videos:
        parts = read_parts(folder, video.name)
        reels.append(Reel(video.name, parts.numbers, partial(frames_of, video), parts.maps, parts.outputs, video.fps))
    write_previews(folder, make_previews(reels, progress))
