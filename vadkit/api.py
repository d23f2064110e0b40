"""The one module that a plugin imports.

Example::

    from vadkit.api import Component, Scorer, hookimpl

    @hookimpl
    def vadkit_components():
        return [Component("scorer", "my_score", "my_package.scorer:MyScore", "What it does.")]
"""

from pathlib import Path

from vadkit.core.alarms import intervals_of, max_hold
from vadkit.core.contracts import (
    KINDS,
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
from vadkit.core.files import atomic_write, read_text
from vadkit.core.values import (
    BottleneckOutput,
    ClipOutputs,
    ClipSpec,
    FeatureSpec,
    Labels,
    LatentSpec,
    ResultSummary,
    RunOrigin,
    RunResult,
    Scope,
    ScoredVideo,
    Split,
    Track,
    VideoRef,
    VideoResult,
    natural_key,
)
from vadkit.core.video_labels import IntervalLabels, VideoLabels, mask_images, mask_labels
from vadkit.plugin.component import Component
from vadkit.plugin.hookspecs import API_VERSION, hookimpl

__all__ = [
    "API_VERSION",
    "KINDS",
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
    "DivergedError",
    "Encoder",
    "Feature",
    "FeatureSource",
    "FeatureSpec",
    "FitContext",
    "IntervalLabels",
    "LRScheduler",
    "Labels",
    "LatentSpec",
    "Loss",
    "Metric",
    "Optimizer",
    "PluginError",
    "Reporter",
    "ResultSummary",
    "RunFolderError",
    "RunOrigin",
    "RunResult",
    "Scope",
    "ScoreTransform",
    "ScoredVideo",
    "Scorer",
    "ShapeError",
    "Split",
    "Track",
    "VadkitError",
    "VideoLabels",
    "VideoRef",
    "VideoResult",
    "atomic_write",
    "closest",
    "count_frames",
    "frame_rate",
    "hookimpl",
    "intervals_of",
    "join_names",
    "mask_images",
    "mask_labels",
    "max_hold",
    "natural_key",
    "read_label_file",
    "read_text",
]


def count_frames(path: Path) -> int:
    """F of a video file, by decoding it.

    Raises:
        DataError: the file cannot be decoded.
    """
    from vadkit.video import probe  # only who counts frames pays for importing PyAV

    return probe.count_frames(path)


def frame_rate(path: Path) -> float | None:
    """Frames per second of a video file on average; None if it does not say, or is unreadable."""
    from vadkit.video import probe

    return probe.frame_rate(path)


def read_label_file(path: Path, video: str = "") -> dict[str, VideoLabels]:
    """Labels of a file or folder, in any form that vadkit reads; see the reference of label files.

    Args:
        path: `.csv`, `.tsv`, `.txt`, `.json`, `.jsonl`, `.npz`, `.npy`, `.mat`, `.m`, or a folder of such files
            or of folders with mask images.
        video: name for the video of a file that names none.

    Returns:
        Video name as in the file -> its labels, not yet compared with the video.

    Raises:
        DataError: unreadable, or not labels.
    """
    from vadkit.store.external import labels as label_files

    return label_files.read_label_file(path, video)
