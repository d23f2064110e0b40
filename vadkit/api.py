"""The one module that a plugin author imports.

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
from vadkit.core.files import atomic_write
from vadkit.core.values import (
    BottleneckOutput,
    ClipOutputs,
    ClipSpec,
    FeatureSpec,
    Labels,
    LatentSpec,
    RunResult,
    Scope,
    ScoredVideo,
    Split,
    Track,
    VideoRef,
    VideoResult,
    natural_key,
)
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
    "LRScheduler",
    "Labels",
    "LatentSpec",
    "Loss",
    "Metric",
    "Optimizer",
    "PluginError",
    "Reporter",
    "RunFolderError",
    "RunResult",
    "Scope",
    "ScoreTransform",
    "ScoredVideo",
    "Scorer",
    "ShapeError",
    "Split",
    "Track",
    "VadkitError",
    "VideoRef",
    "VideoResult",
    "atomic_write",
    "closest",
    "count_frames",
    "frame_rate",
    "hookimpl",
    "intervals_of",
    "join_names",
    "max_hold",
    "natural_key",
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
