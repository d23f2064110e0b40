"""The names of `vadkit.api`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.core.alarms import Alarm, AlarmRules, intervals_of, levels, max_hold
from vadkit.core.contracts import (
    KINDS,
    Augmentation,
    Bottleneck,
    Dataset,
    Decoder,
    DensityModel,
    Encoder,
    Feature,
    FeatureSource,
    FitContext,
    Loss,
    LRScheduler,
    Metric,
    Optimizer,
    Reporter,
    Scorer,
    ScoreTransform,
    Sink,
)
from vadkit.core.errors import (
    CheckpointError,
    DataError,
    DivergedError,
    PluginError,
    RunFolderError,
    ShapeError,
    VadkitError,
    closest,
    join_names,
)
from vadkit.core.files import atomic_write, read_text, safe_name
from vadkit.core.folders import is_image, is_video, list_folder, walk_folders
from vadkit.core.source_status import SourceState, SourceStatus
from vadkit.core.values import (
    BottleneckOutput,
    ClipOutputs,
    ClipSpec,
    Detections,
    Event,
    FeatureSpec,
    Grid,
    Labels,
    LatentSpec,
    Preview,
    ResultSummary,
    RunOrigin,
    RunResult,
    Samples,
    Scope,
    ScoredVideo,
    Split,
    Track,
    TrainingClip,
    VideoRef,
    VideoResult,
    WeightsFile,
    natural_key,
)
from vadkit.core.video_labels import IntervalLabels, VideoLabels, mask_images, mask_labels
from vadkit.core.watching import AlarmEvent, FrameScore, WatchedSource, WatchSummary
from vadkit.plugin.component import Component
from vadkit.plugin.hookspecs import API_VERSION, hookimpl
from vadkit.report.remarks import result_notes, result_warnings
from vadkit.report.worst import worst_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vadkit.video.encode import VideoWriter
    from vadkit.video.optical_flow import Flow, FlowPreset

__all__ = [
    "API_VERSION",
    "KINDS",
    "Alarm",
    "AlarmEvent",
    "AlarmRules",
    "Augmentation",
    "Bottleneck",
    "BottleneckOutput",
    "CheckpointError",
    "ClipOutputs",
    "ClipSpec",
    "Component",
    "DataError",
    "Dataset",
    "Decoder",
    "DensityModel",
    "Detections",
    "DivergedError",
    "Encoder",
    "Event",
    "Feature",
    "FeatureSource",
    "FeatureSpec",
    "FitContext",
    "FrameScore",
    "Grid",
    "IntervalLabels",
    "LRScheduler",
    "Labels",
    "LatentSpec",
    "Loss",
    "Metric",
    "Optimizer",
    "PluginError",
    "Preview",
    "Reporter",
    "ResultSummary",
    "RunFolderError",
    "RunOrigin",
    "RunResult",
    "Samples",
    "Scope",
    "ScoreTransform",
    "ScoredVideo",
    "Scorer",
    "ShapeError",
    "Sink",
    "SourceState",
    "SourceStatus",
    "Split",
    "Track",
    "TrainingClip",
    "VadkitError",
    "VideoLabels",
    "VideoRef",
    "VideoResult",
    "WatchSummary",
    "WatchedSource",
    "WeightsFile",
    "atomic_write",
    "bytes_of",
    "closest",
    "count_frames",
    "draw_heat_map",
    "frame_rate",
    "frame_times",
    "hookimpl",
    "intervals_of",
    "is_image",
    "is_video",
    "join_names",
    "levels",
    "list_folder",
    "mask_images",
    "mask_labels",
    "max_hold",
    "natural_key",
    "optical_flow",
    "read_label_file",
    "read_text",
    "result_notes",
    "result_warnings",
    "safe_name",
    "video_writer",
    "walk_folders",
    "worst_frames",
    "write_report",
]


def bytes_of(size: str | int, *, where: str) -> int:
    """Return a size such as "50GB" or "500MiB" in bytes.

    Args:
        size: the size as text, or a number of bytes.
        where: the key or option that has the value, for the message.

    Raises:
        VadkitError: it is not a size above 0.

    Example:
        >>> from vadkit.api import bytes_of
        >>> bytes_of("2GB", where="quota")
        2000000000
    """
    from vadkit.video import cache_quota  # here, because the import of pydantic is slow

    return cache_quota.bytes_of(size, where=where)


def count_frames(path: Path) -> int:
    """Return F, the number of frames of a video file. It decodes the file.

    Raises:
        DataError: the file cannot be decoded.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from vadkit.api import count_frames
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "video.gif"
        ...     frames = [Image.new("L", (32, 32), 40 * number) for number in range(5)]
        ...     frames[0].save(path, save_all=True, append_images=frames[1:])
        ...     count_frames(path)
        5
    """
    from vadkit.video.decode import frame_count  # here, because the import of PyAV is slow

    return frame_count(VideoRef(path.stem, path))


def frame_rate(path: Path) -> float | None:
    """Return the average number of frames per second of a video file. None if it is unknown.

    Example:
        >>> from pathlib import Path
        >>> from vadkit.api import frame_rate
        >>> frame_rate(Path("no-such-file.mp4")) is None
        True
    """
    from vadkit.video import video_file

    return video_file.frame_rate(path)


def draw_heat_map(
    picture: NDArray[np.uint8], anomaly_map: NDArray[np.floating[Any]], *, low: float, high: float
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) under the heat map of an anomaly map (h, w) that covers it, in the colours of vadkit.

    Args:
        picture: RGB, uint8.
        anomaly_map: higher = more anomalous. NaN is transparent.
        low: the map's values up to this one are transparent.
        high: the map's values from this one on have the brightest colour.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import draw_heat_map
        >>> picture = np.full((2, 4, 3), 100, np.uint8)
        >>> drawn = draw_heat_map(picture, np.array([[0.0, 1.0]]), low=0.0, high=1.0)
        >>> drawn[0, 0].tolist(), drawn[0, 3].tolist()
        ([100, 100, 100], [214, 216, 149])
    """
    from vadkit.video import overlay  # here, because the import of Pillow is slow

    return overlay.draw_heat_map(picture, anomaly_map, low=low, high=high)


def frame_times(path: Path) -> NDArray[np.float64]:
    """Return the seconds of each frame of a video file since its first frame, (F,). It does not decode the file.

    Raises:
        DataError: the file cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from vadkit.api import DataError, frame_times
        >>> try:
        ...     frame_times(Path("no-such-file.mp4"))
        ... except DataError as error:
        ...     print(error.what)
        the file does not exist
    """
    from vadkit.video import times

    return times.frame_times(path)


def optical_flow(preset: FlowPreset) -> AbstractContextManager[Flow]:
    """Return a context that gives a function for optical flow: DIS (Kroeger et al., ECCV 2016), from OpenCV.

    The function gets two gray frames (H, W) uint8 of at least 12 x 12 pixels. It returns how far each pixel of the
    first one moves, (H, W, 2) float32 in pixels: to the right, and downwards. Inside the context, OpenCV uses one
    thread, and other threads that need the flow wait.

    Args:
        preset: "ultrafast", "fast" or "medium" of OpenCV, or "balanced": as medium, without refinement.

    Example:
        A random pattern that moves by two pixels:

        >>> import numpy as np
        >>> from vadkit.api import optical_flow
        >>> pattern = np.random.default_rng(0).integers(0, 255, (8, 12)).astype(np.uint8).repeat(6, 0).repeat(6, 1)
        >>> with optical_flow("medium") as flow:
        ...     moved = flow(pattern, np.roll(pattern, 2, axis=1))
        >>> moved[8:-8, 8:-8].mean((0, 1)).round().tolist()
        [2.0, 0.0]
    """
    from vadkit.video import optical_flow as flows  # here, because the import of OpenCV is slow

    return flows.optical_flow(preset)


def read_label_file(path: Path, video: str = "") -> dict[str, VideoLabels]:
    """Read the labels in a file or a folder. vadkit detects the format.

    Args:
        path: a file with the suffix `.csv`, `.tsv`, `.txt`, `.json`, `.jsonl`, `.npz`, `.npy`, `.mat` or `.m`,
            or a folder of such files, or a folder with one folder of mask images per video.
        video: name of the video, for a file that does not contain names.

    Returns:
        Name of the video, as in the file -> its labels, not yet compared with the video.

    Raises:
        DataError: the file cannot be read, or does not contain labels.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from vadkit.api import read_label_file
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.json"
        ...     _ = path.write_text('{"01": [[2, 3]]}')
        ...     labels = read_label_file(path)
        >>> labels["01"].frames(length=5).tolist()
        [False, False, True, True, False]
    """
    from vadkit.store.external import labels as label_files

    return label_files.read_label_file(path, video)


def video_writer(path: Path, *, fps: float, quality: int = 26) -> VideoWriter:
    """Return a writer of an H.264 video (MP4), which players and browsers show. Use it as a context manager.

    Args:
        path: the file. It is complete after the context ends, so write to the temporary path of `atomic_write`.
        fps: frames per second.
        quality: constant rate factor of x264, from 0 (lossless) to 51. A lower value gives a larger file.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from vadkit.api import count_frames, video_writer
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.mp4"
        ...     with video_writer(path, fps=25) as video:
        ...         for level in (0, 100, 200):
        ...             video.write(np.full((48, 64, 3), level, np.uint8))
        ...     count_frames(path)
        3
    """
    from vadkit.video.encode import VideoWriter  # here, because the import of PyAV is slow

    return VideoWriter(path, fps=fps, quality=quality)


def write_report(result: RunResult, folder: Path, *, megabytes: float = 12.0) -> None:
    """Write `report.html` into a folder: a page about a run that opens offline in a browser.

    Args:
        result: the result of the run.
        folder: where the page goes.
        megabytes: largest size of the page. Pictures of videos that would exceed it are left out. A page without
            any picture may be larger.

    Raises:
        RunFolderError: the folder cannot be written.
        DataError: a file with previews of the run is damaged.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from vadkit.api import RunResult, VideoResult, write_report
        >>> video = VideoResult("01", np.array([0.1, 0.9]), {}, labels=None)
        >>> with TemporaryDirectory() as folder:
        ...     write_report(RunResult("demo", Path(folder), {}, {}, {}, [video]), Path(folder))
        ...     Path(folder, "report.html").read_text()[:15]
        '<!doctype html>'
    """
    from vadkit.report import run_report

    run_report.write_report(result, folder, megabytes=megabytes)
